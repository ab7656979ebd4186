// Writes cases of joins with what Java Kafka Streams (4.3.1) gives for them, one JSON line each:
//   {"topology", "case", "inputs": [[topic, key, value, timestamp]], "outputs": [[input, key, value, timestamp]]}
//   javac -cp <kafka-streams, kafka-streams-test-utils and their dependencies> -d out JoinCases.java
//   java -cp out:<the same> JoinCases > java-join-cases.jsonl

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Random;
import java.util.function.Consumer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.test.TestRecord;

public final class JoinCases {
    private static final Serde<String> S = Serdes.String();
    private static final Materialized<String, String, KeyValueStore<Bytes, byte[]>> PLAIN = Materialized.with(S, S);

    public static void main(final String[] arguments) {
        final Map<String, Consumer<StreamsBuilder>> topologies = new LinkedHashMap<>();
        topologies.put("self_join", b -> selfJoin(b, JoinWindows.ofTimeDifferenceAndGrace(seconds(5), seconds(3))));
        topologies.put("self_join_asym", b -> selfJoin(b,
            JoinWindows.ofTimeDifferenceAndGrace(seconds(5), seconds(10)).before(seconds(1)).after(seconds(6))));
        topologies.put("versioned_tt_inner", b -> out(versioned(b, "left").join(versioned(b, "right"), JoinCases::plus)));
        topologies.put("versioned_tt_left", b -> out(versioned(b, "left").leftJoin(versioned(b, "right"), JoinCases::plus)));
        topologies.put("versioned_tt_outer", b -> out(versioned(b, "left").outerJoin(table(b, "right"), JoinCases::plus)));
        topologies.put("versioned_fk_inner", b -> out(versioned(b, "left")
            .join(versioned(b, "right"), JoinCases::prefix, JoinCases::plus)));
        topologies.put("versioned_fk_left", b -> out(versioned(b, "left")
            .leftJoin(versioned(b, "right"), JoinCases::prefix, JoinCases::plus)));
        topologies.put("stream_of_joined_tables", b -> stream(b, "in")
            .join(table(b, "left").leftJoin(table(b, "right"), JoinCases::plus), JoinCases::plus).to("out"));
        topologies.put("joined_tables_joined", b -> out(table(b, "left").outerJoin(table(b, "right"), JoinCases::plus)
            .join(table(b, "in"), JoinCases::plus)));
        for (final var topology : topologies.entrySet()) {
            for (int seed = 0; seed < 2; seed++) run(topology.getKey(), topology.getValue(), seed);
        }
    }

    private static Duration seconds(final long seconds) {
        return Duration.ofSeconds(seconds);
    }

    private static String plus(final String left, final String right) {
        return left + "+" + right;
    }

    private static String prefix(final String value) {
        return value.contains(":") ? value.substring(0, value.indexOf(':')) : null;
    }

    private static KStream<String, String> stream(final StreamsBuilder builder, final String topic) {
        return builder.stream(topic, Consumed.with(S, S));
    }

    private static KTable<String, String> table(final StreamsBuilder builder, final String topic) {
        return builder.table(topic, Consumed.with(S, S), PLAIN);
    }

    private static KTable<String, String> versioned(final StreamsBuilder builder, final String topic) {
        return builder.table(topic, Consumed.with(S, S), Materialized.<String, String>as(
            Stores.persistentVersionedKeyValueStore(topic + "-store", seconds(60))).withKeySerde(S).withValueSerde(S));
    }

    private static void selfJoin(final StreamsBuilder builder, final JoinWindows windows) {
        final KStream<String, String> input = stream(builder, "in");
        input.join(input, JoinCases::plus, windows, StreamJoined.with(S, S, S)).to("out");
    }

    private static void out(final KTable<String, String> table) {
        table.toStream().to("out");
    }

    private static void run(final String name, final Consumer<StreamsBuilder> topology, final int seed) {
        final Properties config = new Properties();
        config.put(StreamsConfig.APPLICATION_ID_CONFIG, "cases");
        config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "none:1");
        config.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0);
        config.put(StreamsConfig.TOPOLOGY_OPTIMIZATION_CONFIG, StreamsConfig.SINGLE_STORE_SELF_JOIN);
        config.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        config.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        config.put(StreamsConfig.STATE_DIR_CONFIG, System.getProperty("java.io.tmpdir") + "/join-cases-" + name + seed);
        final StreamsBuilder builder = new StreamsBuilder();
        topology.accept(builder);
        final List<String> inputs = new ArrayList<>();
        final List<String> outputs = new ArrayList<>();
        final Random random = new Random(name.hashCode() + seed);
        final boolean isSelfJoin = name.startsWith("self");
        final String[] topics = isSelfJoin ? new String[] {"in"}
            : name.contains("joined") ? new String[] {"left", "right", "in"} : new String[] {"left", "right"};
        try (TopologyTestDriver driver = new TopologyTestDriver(builder.build(config), config)) {
            final var out = driver.createOutputTopic("out", new StringDeserializer(), new StringDeserializer());
            long time = 100_000;
            for (int i = 0; i < 40; i++) {
                time += random.nextInt(3000);
                final boolean isLate = random.nextInt(3) == 0;
                final long timestamp = time - (isLate ? random.nextInt(random.nextInt(8) == 0 ? 95_000 : 12_000) : 0);
                final String topic = topics[random.nextInt(topics.length)];
                final boolean isForeign = name.contains("fk") && topic.equals("left");
                final String key = String.valueOf((char) ((isForeign ? 'k' : 'a') + random.nextInt(3)));
                final String value = random.nextInt(isSelfJoin ? 20 : 5) == 0 ? null
                    : isForeign ? (char) ('a' + random.nextInt(3)) + ":v" + i : "v" + i;
                inputs.add("[" + text(topic) + "," + text(key) + "," + text(value) + "," + timestamp + "]");
                driver.createInputTopic(topic, new StringSerializer(), new StringSerializer())
                    .pipeInput(new TestRecord<>(key, value, null, timestamp));
                for (final TestRecord<String, String> record : out.readRecordsToList()) {
                    outputs.add("[" + i + "," + text(record.key()) + "," + text(record.value()) + "," + record.timestamp() + "]");
                }
            }
        }
        System.out.println("{\"topology\":\"" + name + "\",\"case\":\"" + name + "/" + seed + "\",\"inputs\":["
            + String.join(",", inputs) + "],\"outputs\":[" + String.join(",", outputs) + "]}");
    }

    private static String text(final String value) {
        return value == null ? "null" : "\"" + value + "\"";
    }
}
