// Writes cases for operators that only Java Kafka Streams (4.3.1) can answer for, one JSON line each:
//   {"case", "inputs": [[topic, key, value, timestamp]], "outputs": [[input, topic, key, value, timestamp, header]]}
// Each input has the header `n` with its index; an output shows the index in its own header `n`, null where it has none.
//   javac -cp <kafka-streams, kafka-streams-test-utils and their dependencies> -d out OperatorCases.java
//   java -cp out:<the same> OperatorCases > operator-cases.jsonl

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.processor.ProcessorContext;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.test.TestRecord;

public final class OperatorCases {
    private static final SlidingWindows SLIDING =
        SlidingWindows.ofTimeDifferenceAndGrace(Duration.ofSeconds(5), Duration.ofSeconds(4));
    private static final TimeWindows TUMBLING =
        TimeWindows.ofSizeAndGrace(Duration.ofSeconds(10), Duration.ofSeconds(5));
    private static final SessionWindows SESSIONS =
        SessionWindows.ofInactivityGapAndGrace(Duration.ofSeconds(5), Duration.ofSeconds(4));

    public static void main(final String[] arguments) {
        final Map<String, Consumer<StreamsBuilder>> topologies = new TreeMap<>();
        topologies.put("sliding_emit_final", b -> out(grouped(b).windowedBy(SLIDING)
            .emitStrategy(EmitStrategy.onWindowClose()).count().toStream(OperatorCases::text)));
        topologies.put("sliding_early", b -> out(grouped(b)
            .windowedBy(SlidingWindows.ofTimeDifferenceAndGrace(Duration.ofSeconds(60), Duration.ofSeconds(90)))
            .reduce((a, v) -> a + "," + v).toStream(OperatorCases::text)));
        topologies.put("unlimited_count", b -> out(grouped(b)
            .windowedBy(UnlimitedWindows.of().startOn(java.time.Instant.ofEpochMilli(8000))).count()
            .toStream((k, v) -> k.key() + "@" + k.window().start())));
        topologies.put("count_of_counts", b -> out(grouped(b).count()
            .groupBy((k, n) -> KeyValue.pair(Long.toString(n), k), Grouped.with(Serdes.String(), Serdes.String()))
            .aggregate(() -> "", (k, v, a) -> a + "+" + v, (k, v, a) -> a + "-" + v).toStream()));
        topologies.put("window_filter_map", b -> out(grouped(b).windowedBy(TUMBLING).count()
            .filter((k, n) -> n % 2 == 0).mapValues(n -> "n" + n).toStream(OperatorCases::text)));
        topologies.put("session_filter", b -> out(grouped(b).windowedBy(SESSIONS).count()
            .filter((k, n) -> n > 1).toStream(OperatorCases::text)));
        topologies.put("session_reduce", b -> out(grouped(b).windowedBy(SESSIONS)
            .reduce((a, v) -> a + "," + v).toStream(OperatorCases::text)));
        topologies.put("suppress_max_bytes", b -> out(b.table("in", Consumed.with(Serdes.String(), Serdes.String()))
            .suppress(Suppressed.untilTimeLimit(Duration.ofSeconds(10),
                Suppressed.BufferConfig.maxBytes(150).emitEarlyWhenFull())).toStream()));
        topologies.put("suppress_read", b -> {
            final KTable<String, String> table = b.table("in", Consumed.with(Serdes.String(), Serdes.String()))
                .suppress(Suppressed.untilTimeLimit(Duration.ofSeconds(5), Suppressed.BufferConfig.unbounded()));
            b.stream("in2", Consumed.with(Serdes.String(), Serdes.String()))
                .leftJoin(table, (v, t) -> v + "+" + t).to("out");
        });
        topologies.put("transform_values", b -> out(b.table("in", Consumed.with(Serdes.String(), Serdes.String()))
            .transformValues(() -> new ValueTransformerWithKey<String, String, String>() {
                private int calls = 0;
                public void init(final ProcessorContext context) { }
                public String transform(final String key, final String value) {
                    return value != null && value.endsWith("3") ? null : value + "#" + ++calls;
                }
                public void close() { }
            }).toStream()));
        topologies.put("versioned_group_by", b -> out(versioned(b)
            .groupBy((k, v) -> KeyValue.pair(v.substring(0, 1), v), Grouped.with(Serdes.String(), Serdes.String()))
            .aggregate(() -> "", (k, v, a) -> a + "+" + v, (k, v, a) -> a + "-" + v).toStream()));
        topologies.put("versioned_filter", b -> out(versioned(b)
            .filter((k, v) -> v.charAt(v.length() - 1) % 2 == 0).mapValues(v -> v + "!").toStream()));
        topologies.put("cogroup_session", b -> out(grouped(b)
            .cogroup((String k, String v, String a) -> a + "A" + v)
            .cogroup(b.stream("in2", Consumed.with(Serdes.String(), Serdes.String())).groupByKey(), (k, v, a) -> a + "B" + v)
            .windowedBy(SESSIONS).aggregate(() -> "", (k, x, y) -> x + "&" + y, strings()).toStream(OperatorCases::text)));
        topologies.put("cogroup_sliding", b -> out(grouped(b)
            .cogroup((String k, String v, String a) -> a + "A" + v)
            .cogroup(b.stream("in2", Consumed.with(Serdes.String(), Serdes.String())).groupByKey(), (k, v, a) -> a + "B" + v)
            .windowedBy(SLIDING).aggregate(() -> "", strings()).toStream(OperatorCases::text)));
        topologies.forEach((name, define) -> {
            for (int seed = 0; seed < 4; seed++) run(name, seed, define);
        });
    }

    private static KGroupedStream<String, String> grouped(final StreamsBuilder builder) {
        return builder.stream("in", Consumed.with(Serdes.String(), Serdes.String())).groupByKey();
    }

    private static KTable<String, String> versioned(final StreamsBuilder builder) {
        return builder.table("in", Consumed.with(Serdes.String(), Serdes.String()),
            Materialized.as(Stores.persistentVersionedKeyValueStore("v", Duration.ofSeconds(60))));
    }

    private static <S extends org.apache.kafka.streams.processor.StateStore> Materialized<String, String, S> strings() {
        return Materialized.with(Serdes.String(), Serdes.String());
    }

    private static void out(final KStream<String, ?> stream) {
        stream.mapValues(v -> v == null ? null : v.toString()).to("out", Produced.with(Serdes.String(), Serdes.String()));
    }

    private static String text(final Windowed<String> key, final Object value) {
        return key.key() + "@" + key.window().start() + "-" + key.window().end();
    }

    private static void run(final String name, final int seed, final Consumer<StreamsBuilder> define) {
        final StreamsBuilder builder = new StreamsBuilder();
        define.accept(builder);
        final Properties properties = new Properties();
        properties.put(StreamsConfig.APPLICATION_ID_CONFIG, "cases");
        properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "nowhere:1");
        properties.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        properties.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        properties.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0);
        properties.put("__emit.interval.ms.kstreams.windowed.aggregation__", 0L);
        properties.put(StreamsConfig.STATE_DIR_CONFIG, System.getProperty("java.io.tmpdir") + "/operator-cases");
        final Random random = new Random(seed * 31L + name.hashCode());
        final List<String> inputs = new ArrayList<>();
        final List<String> outputs = new ArrayList<>();
        final boolean hasTwoInputs = name.startsWith("cogroup") || name.equals("suppress_read");
        try (TopologyTestDriver driver = new TopologyTestDriver(builder.build(), properties)) {
            long time = 1000;
            for (int i = 0; i < 24; i++) {
                time += seed % 2 == 0 ? random.nextInt(3000) : 1000L * random.nextInt(4);
                if (random.nextInt(12) == 0) time += 20_000;
                final long timestamp = Math.max(0, random.nextInt(3) == 0 ? time - random.nextInt(12) * 1000L : time);
                final String topic = hasTwoInputs && random.nextBoolean() ? "in2" : "in";
                final String key = random.nextInt(20) == 0 ? null : String.valueOf((char) ('a' + random.nextInt(3)));
                final String value = random.nextInt(10) == 0 ? null : "v" + random.nextInt(12);
                final RecordHeaders headers = new RecordHeaders();
                headers.add("n", Integer.toString(i).getBytes(StandardCharsets.UTF_8));
                inputs.add("[" + json(topic) + "," + json(key) + "," + json(value) + "," + timestamp + "]");
                driver.createInputTopic(topic, new StringSerializer(), new StringSerializer())
                    .pipeInput(new TestRecord<>(key, value, headers, timestamp));
                final var results = driver.createOutputTopic("out", new StringDeserializer(), new StringDeserializer());
                while (!results.isEmpty()) {
                    final TestRecord<String, String> record = results.readRecord();
                    final Header header = record.headers().lastHeader("n");
                    outputs.add("[" + i + ",\"out\"," + json(record.key()) + "," + json(record.value()) + ","
                        + record.timestamp() + "," + (header == null ? null : new String(header.value())) + "]");
                }
            }
        }
        System.out.println("{\"case\":\"" + name + "/" + seed + "\",\"inputs\":[" + String.join(",", inputs)
            + "],\"outputs\":[" + String.join(",", outputs) + "]}");
    }

    private static String json(final String text) {
        return text == null ? "null" : "\"" + text + "\"";
    }
}
