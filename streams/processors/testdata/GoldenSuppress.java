// Writes what Java Kafka Streams (4.3.1) writes to the changelog of a suppression, one line for each record:
//   index of the input, tab, key, tab, value in hexadecimal or null, tab, headers as name=hexadecimal
//   javac -cp <kafka-streams, kafka-streams-test-utils and their dependencies> -d out GoldenSuppress.java
//   java -cp out:<the same> GoldenSuppress > golden-suppress.tsv

import java.time.Duration;
import java.util.HexFormat;
import java.util.Properties;
import java.util.StringJoiner;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Suppressed;
import org.apache.kafka.streams.test.TestRecord;

public final class GoldenSuppress {
    private static final String[][] INPUTS = {
        {"a", "one", "1000", null}, {"a", "two", "1500", "h"}, {"b", "x", "2000", null}, {"a", null, "2500", null},
        {"b", "x", "3000", "h"}, {"c", "ü", "9000", null}, {"a", "three", "9500", "h"}, {"c", "last", "20000", null},
    };

    public static void main(final String[] arguments) {
        final StreamsBuilder builder = new StreamsBuilder();
        builder.table("in", Consumed.with(Serdes.String(), Serdes.String()))
            .suppress(Suppressed.untilTimeLimit(Duration.ofSeconds(5), Suppressed.BufferConfig.unbounded()).withName("s"))
            .toStream().to("out");
        final Properties properties = new Properties();
        properties.put(StreamsConfig.APPLICATION_ID_CONFIG, "test");
        properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "nowhere:1");
        properties.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        properties.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        properties.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0);
        properties.put(StreamsConfig.STATE_DIR_CONFIG, System.getProperty("java.io.tmpdir") + "/golden-suppress");
        try (TopologyTestDriver driver = new TopologyTestDriver(builder.build(), properties)) {
            final var input = driver.createInputTopic("in", new StringSerializer(), new StringSerializer());
            for (int i = 0; i < INPUTS.length; i++) {
                final String[] row = INPUTS[i];
                final RecordHeaders headers = new RecordHeaders();
                if (row[3] != null) {
                    headers.add(row[3], new byte[] {(byte) i, (byte) 0xff});
                    headers.add("n", null);
                }
                input.pipeInput(new TestRecord<>(row[0], row[1], headers, Long.parseLong(row[2])));
                final var changelog = driver.createOutputTopic("test-s-store-changelog", new StringDeserializer(), new ByteArrayDeserializer());
                while (!changelog.isEmpty()) print(i, changelog.readRecord());
            }
        }
    }

    private static void print(final int index, final TestRecord<String, byte[]> record) {
        final StringJoiner headers = new StringJoiner(",");
        for (final Header header : record.headers()) headers.add(header.key() + "=" + HexFormat.of().formatHex(header.value()));
        final String value = record.value() == null ? "null" : HexFormat.of().formatHex(record.value());
        System.out.println(index + "\t" + record.key() + "\t" + value + "\t" + headers);
    }
}
