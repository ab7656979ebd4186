import java.time.Duration;
import java.util.HexFormat;
import java.util.Properties;
import java.util.function.Consumer;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.TestInputTopic;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.state.*;
import org.apache.kafka.streams.test.TestRecord;

/**
 * The DSL's stores in both formats (dsl.store.format), with and without record cache: prints what each topology sends to
 * its output and to its changelogs, with the names of headers. Needs kafka-streams-test-utils on the class path.
 */
public class JavaStoreFormat {
    static final Serde<String> TEXT = Serdes.String();

    static <S extends org.apache.kafka.streams.processor.StateStore, V> Materialized<String, V, S> store(final boolean caching, final Serde<V> value) {
        final Materialized<String, V, S> materialized = Materialized.<String, V, S>as("s").withKeySerde(TEXT).withValueSerde(value);
        return caching ? materialized.withCachingEnabled() : materialized.withCachingDisabled();
    }

    static void build(final String name, final boolean caching, final StreamsBuilder builder) {
        final Consumed<String, String> consumed = Consumed.with(TEXT, TEXT);
        switch (name) {
            case "table":
                builder.table("in", consumed, JavaStoreFormat.<KeyValueStore<Bytes, byte[]>, String>store(caching, TEXT)).toStream().to("out");
                return;
            case "count":
                builder.stream("in", consumed).groupByKey().count(JavaStoreFormat.<KeyValueStore<Bytes, byte[]>, Long>store(caching, Serdes.Long())).toStream().to("out", Produced.with(TEXT, Serdes.Long()));
                return;
            case "window":
                builder.stream("in", consumed).groupByKey().windowedBy(TimeWindows.ofSizeWithNoGrace(Duration.ofSeconds(10)))
                    .count(JavaStoreFormat.<WindowStore<Bytes, byte[]>, Long>store(caching, Serdes.Long()))
                    .toStream((key, value) -> key.key()).to("out", Produced.with(TEXT, Serdes.Long()));
                return;
            case "session":
                builder.stream("in", consumed).groupByKey().windowedBy(SessionWindows.ofInactivityGapWithNoGrace(Duration.ofSeconds(10)))
                    .count(JavaStoreFormat.<SessionStore<Bytes, byte[]>, Long>store(caching, Serdes.Long()))
                    .toStream((key, value) -> key.key()).to("out", Produced.with(TEXT, Serdes.Long()));
                return;
            case "join":
                builder.stream("in", consumed).leftJoin(builder.stream("other", consumed), (left, right) -> left + "+" + right,
                    JoinWindows.ofTimeDifferenceWithNoGrace(Duration.ofSeconds(10)),
                    StreamJoined.with(TEXT, TEXT, TEXT).withName("j").withStoreName("j")).to("out");
                return;
            default:
                builder.table("in", consumed, JavaStoreFormat.<KeyValueStore<Bytes, byte[]>, String>store(caching, TEXT))
                    .join(builder.table("other", consumed, Materialized.<String, String, KeyValueStore<Bytes, byte[]>>as("o").withCachingDisabled()),
                        value -> value.substring(0, 1), (left, right) -> left + "+" + right,
                        TableJoined.as("f"), Materialized.<String, String, KeyValueStore<Bytes, byte[]>>as("r").withCachingDisabled().withKeySerde(TEXT).withValueSerde(TEXT))
                    .toStream().to("out");
        }
    }

    static String names(final Headers headers) {
        final StringBuilder names = new StringBuilder();
        for (final Header header : headers) {
            names.append(names.length() == 0 ? "" : ",").append(header.key());
        }
        return names.length() == 0 ? "-" : names.toString();
    }

    static void print(final String name, final String topic, final TestRecord<byte[], byte[]> record) {
        final HexFormat hex = HexFormat.of();
        System.out.println(String.join("\t", name, topic, record.key() == null ? "-" : hex.formatHex(record.key()),
            record.value() == null ? "-" : hex.formatHex(record.value()), Long.toString(record.timestamp()), names(record.headers())));
    }

    public static void main(final String[] args) throws Exception {
        for (final String format : new String[] {"DEFAULT", "HEADERS"}) {
            for (final boolean caching : new boolean[] {false, true}) {
                for (final String name : new String[] {"table", "count", "window", "session", "join", "foreign-key"}) {
                    run(format, caching, name);
                }
            }
        }
    }

    static void run(final String format, final boolean caching, final String name) throws Exception {
        final StreamsBuilder builder = new StreamsBuilder();
        build(name, caching, builder);
        final Properties config = new Properties();
        config.put(StreamsConfig.APPLICATION_ID_CONFIG, "app");
        config.put(StreamsConfig.DSL_STORE_FORMAT_CONFIG, format);
        config.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        config.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        config.put(StreamsConfig.STATE_DIR_CONFIG, java.nio.file.Files.createTempDirectory("stores").toString());
        final TopologyTestDriver driver = new TopologyTestDriver(builder.build(config), config);
        final String label = String.join(" ", format.toLowerCase(), caching ? "cached" : "uncached", name);
        final String[][] inputs = {
            {"in", "k", "a1", "1000", "first"}, {"other", "a", "x", "2000", "second"}, {"in", "k", "a2", "4000", "third"},
            {"in", "m", "b1", "8000", ""}, {"other", "k", "y", "9000", "fourth"}, {"in", "k", "a3", "30000", "fifth"},
            {"in", "k", "a4", "31000", ""}, {"in", "m", null, "32000", "sixth"}, {"other", "a", "z", "45000", "seventh"},
            {"in", "z", "b2", "60000", "eighth"},
        };
        for (final String[] input : inputs) {
            final boolean readsOther = name.equals("join") || name.equals("foreign-key");
            final boolean readsNulls = name.equals("table") || name.equals("foreign-key");
            if ((input[0].equals("other") && !readsOther) || (input[2] == null && !readsNulls)) {
                continue;
            }
            final TestInputTopic<String, String> topic = driver.createInputTopic(input[0], new StringSerializer(), new StringSerializer());
            final Headers headers = new RecordHeaders();
            if (!input[4].isEmpty()) {
                headers.add(input[4], new byte[] {1});
            }
            topic.pipeInput(new TestRecord<>(input[1], input[2], headers, Long.parseLong(input[3])));
            for (final String each : driver.producedTopicNames().stream().sorted().toArray(String[]::new)) {
                if (!each.equals("out") && !each.endsWith("-changelog")) {
                    continue;
                }
                for (final TestRecord<byte[], byte[]> record : driver.createOutputTopic(each, new ByteArrayDeserializer(), new ByteArrayDeserializer()).readRecordsToList()) {
                    print(label, each, record);
                }
            }
        }
        driver.close();
    }
}
