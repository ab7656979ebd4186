// Writes what a Mto application finds when it takes over from a Java Kafka Streams (4.3.1) application, one JSON line for
// each topology:
//   {"case", "first": inputs, "internal": what Java wrote to changelog and repartition topics meanwhile,
//    "configs": settings of its internal topics, "second": further inputs, "outputs": what Java made of those}
// inputs: [topic, key, value, timestamp]; internal: [topic, key, value, timestamp, headers] with bytes in hexadecimal;
// outputs: [index of the input, topic, key, value, timestamp].
//   javac -cp <kafka-streams, kafka-streams-test-utils and their dependencies> -d out Takeover.java
//   java -cp out:<the same> Takeover > takeover.jsonl

import java.lang.reflect.Field;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.*;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.*;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.processor.internals.InternalTopicConfig;
import org.apache.kafka.streams.processor.internals.InternalTopologyBuilder;
import org.apache.kafka.streams.state.*;
import org.apache.kafka.streams.test.TestRecord;

public final class Takeover {
    private static final Serde<String> S = Serdes.String();
    private static final long ADDITIONAL_RETENTION_MS = 86_400_000L;
    private static final TimeWindows TUMBLING = TimeWindows.ofSizeAndGrace(Duration.ofSeconds(10), Duration.ofSeconds(20));
    private static final SlidingWindows SLIDING =
        SlidingWindows.ofTimeDifferenceAndGrace(Duration.ofSeconds(5), Duration.ofSeconds(20));
    private static final SessionWindows SESSIONS =
        SessionWindows.ofInactivityGapAndGrace(Duration.ofSeconds(5), Duration.ofSeconds(20));
    private static final JoinWindows JOIN =
        JoinWindows.ofTimeDifferenceAndGrace(Duration.ofSeconds(5), Duration.ofSeconds(3));

    public static void main(final String[] arguments) throws Exception {
        final Map<String, Consumer<StreamsBuilder>> topologies = new TreeMap<>();
        topologies.put("count", b -> out(grouped(b, "in1").count(Materialized.as("c")).toStream().mapValues(String::valueOf)));
        topologies.put("reduce_repartitioned", b -> out(b.stream("in1", Consumed.with(S, S))
            .groupBy((k, v) -> v.substring(0, 1), Grouped.with("by-letter", S, S))
            .reduce((l, r) -> cut(l + "," + r), store("r")).toStream()));
        topologies.put("table_filter_map", b -> out(table(b, "in1", "t")
            .filter((k, v) -> !v.endsWith("0"), store("f")).mapValues(v -> v + "!", store("m")).toStream()));
        topologies.put("window_count", b -> out(grouped(b, "in1").windowedBy(TUMBLING).count(Materialized.as("w"))
            .toStream(Takeover::text).mapValues(String::valueOf)));
        topologies.put("sliding_reduce", b -> out(grouped(b, "in1").windowedBy(SLIDING)
            .reduce((l, r) -> cut(l + "," + r), Materialized.as("w")).toStream(Takeover::text)));
        topologies.put("session_reduce", b -> out(grouped(b, "in1").windowedBy(SESSIONS)
            .reduce((l, r) -> cut(l + "," + r), Materialized.as("w")).toStream(Takeover::text)));
        topologies.put("window_suppress", b -> out(grouped(b, "in1").windowedBy(TUMBLING).count(Materialized.as("w"))
            .suppress(Suppressed.untilWindowCloses(Suppressed.BufferConfig.unbounded()).withName("s"))
            .toStream(Takeover::text).mapValues(String::valueOf)));
        topologies.put("table_suppress", b -> out(table(b, "in1", "t")
            .suppress(Suppressed.untilTimeLimit(Duration.ofSeconds(8), Suppressed.BufferConfig.unbounded()).withName("s"))
            .toStream()));
        topologies.put("stream_left_join", b -> out(b.stream("in1", Consumed.with(S, S)).leftJoin(
            b.stream("in2", Consumed.with(S, S)), (l, r) -> l + "+" + r, JOIN,
            StreamJoined.with(S, S, S).withName("j").withStoreName("js"))));
        topologies.put("table_outer_join", b -> out(table(b, "in1", "l").outerJoin(table(b, "in2", "r"),
            (l, r) -> l + "+" + r, store("j")).toStream()));
        topologies.put("foreign_key_join", b -> out(table(b, "in1", "l").leftJoin(table(b, "in2", "r"),
            v -> v.substring(0, 1), (l, r) -> l + "+" + r, TableJoined.as("fk"), store("j")).toStream()));
        topologies.put("table_group", b -> out(table(b, "in1", "t")
            .groupBy((k, v) -> KeyValue.pair(v.substring(0, 1), v), Grouped.with("g", S, S))
            .aggregate(() -> "", (k, v, a) -> cut(a + "+" + v), (k, v, a) -> cut(a + "-" + v), store("a")).toStream()));
        topologies.put("versioned_join", b -> out(b.stream("in1", Consumed.with(S, S)).leftJoin(
            b.table("in2", Consumed.with(S, S), Materialized.<String, String>as(
                Stores.persistentVersionedKeyValueStore("v", Duration.ofSeconds(60))).withKeySerde(S).withValueSerde(S)),
            (l, r) -> l + "+" + r, Joined.<String, String, String>as("vj").withKeySerde(S).withValueSerde(S))));
        topologies.put("grace_join", b -> out(b.stream("in1", Consumed.with(S, S)).join(
            b.table("in2", Consumed.with(S, S), Materialized.<String, String>as(
                Stores.persistentVersionedKeyValueStore("v", Duration.ofSeconds(60))).withKeySerde(S).withValueSerde(S)),
            (l, r) -> l + "+" + r,
            Joined.<String, String, String>as("gj").withKeySerde(S).withValueSerde(S).withGracePeriod(Duration.ofSeconds(4)))));
        for (final Map.Entry<String, Consumer<StreamsBuilder>> entry : topologies.entrySet()) write(entry.getKey(), entry.getValue());
    }

    private static KGroupedStream<String, String> grouped(final StreamsBuilder b, final String topic) {
        return b.stream(topic, Consumed.with(S, S)).groupByKey(Grouped.with(S, S));
    }

    private static KTable<String, String> table(final StreamsBuilder b, final String topic, final String name) {
        return b.table(topic, Consumed.with(S, S), store(name));
    }

    private static <T extends org.apache.kafka.streams.processor.StateStore> Materialized<String, String, T> store(final String name) {
        return Materialized.<String, String, T>as(name).withKeySerde(S).withValueSerde(S);
    }

    private static String text(final Windowed<String> key, final Object value) {
        return key.key() + "@" + key.window().start() + "-" + key.window().end();
    }

    private static String cut(final String text) {
        return text.length() > 24 ? text.substring(text.length() - 24) : text;
    }

    private static void out(final KStream<String, String> stream) {
        stream.to("out", Produced.with(S, S));
    }

    private static void write(final String name, final Consumer<StreamsBuilder> build) throws Exception {
        final StreamsBuilder builder = new StreamsBuilder();
        build.accept(builder);
        final Topology topology = builder.build();
        final Properties properties = new Properties();
        properties.put(StreamsConfig.APPLICATION_ID_CONFIG, "app");
        properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "none:1");
        properties.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0);
        properties.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        properties.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        properties.put("__emit.interval.ms.kstreams.outer.join.spurious.results.fix__", 0L);
        final boolean hasTwo = topology.describe().toString().contains("in2");
        final Random random = new Random(name.hashCode());
        final List<String[]> first = inputs(random, 0, 25, hasTwo);
        final long middle = Long.parseLong(first.get(first.size() - 1)[3]);
        final List<String[]> second = inputs(random, middle, 15, hasTwo);
        try (TopologyTestDriver driver = new TopologyTestDriver(topology, properties)) {
            for (final String[] input : first) pipe(driver, input);
            final StringBuilder line = new StringBuilder("{\"case\":\"" + name + "\",\"first\":" + json(first));
            line.append(",\"internal\":[");
            String separator = "";
            for (final String topic : new TreeSet<>(driver.producedTopicNames())) {
                final TestOutputTopic<byte[], byte[]> output =
                    driver.createOutputTopic(topic, new ByteArrayDeserializer(), new ByteArrayDeserializer());
                while (!output.isEmpty()) {
                    final TestRecord<byte[], byte[]> record = output.readRecord();
                    if (topic.equals("out")) continue;
                    line.append(separator).append("[").append(quote(topic)).append(",").append(hex(record.key())).append(",")
                        .append(hex(record.value())).append(",").append(record.timestamp()).append(",[");
                    String comma = "";
                    for (final Header header : record.headers()) {
                        line.append(comma).append("[").append(quote(header.key())).append(",").append(hex(header.value())).append("]");
                        comma = ",";
                    }
                    line.append("]]");
                    separator = ",";
                }
            }
            line.append("],\"configs\":").append(configs(topology)).append(",\"second\":").append(json(second));
            line.append(",\"outputs\":[");
            separator = "";
            final TestOutputTopic<String, String> out =
                driver.createOutputTopic("out", new StringDeserializer(), new StringDeserializer());
            for (int index = 0; index < second.size(); index++) {
                pipe(driver, second.get(index));
                while (!out.isEmpty()) {
                    final TestRecord<String, String> record = out.readRecord();
                    line.append(separator).append("[").append(index).append(",\"out\",").append(quote(record.key())).append(",")
                        .append(quote(record.value())).append(",").append(record.timestamp()).append("]");
                    separator = ",";
                }
            }
            System.out.println(line.append("]}"));
        }
    }

    /** Times that rise, a little out of order within any grace. */
    private static List<String[]> inputs(final Random random, final long fromMs, final int count, final boolean hasTwo) {
        final List<String[]> inputs = new ArrayList<>();
        long now = fromMs + 1;
        for (int i = 0; i < count; i++) {
            now += random.nextInt(3000);
            final long late = i == count - 1 || i == 0 ? 0 : random.nextInt(2) * random.nextInt(1000);
            final String topic = hasTwo && random.nextInt(2) == 0 ? "in2" : "in1";
            final String key = String.valueOf((char) ('a' + random.nextInt(4)));
            final String value = String.valueOf((char) ('a' + random.nextInt(4))) + random.nextInt(10);
            inputs.add(new String[] {topic, key, value, String.valueOf(Math.max(0, now - late))});
        }
        return inputs;
    }

    private static void pipe(final TopologyTestDriver driver, final String[] input) {
        driver.createInputTopic(input[0], new StringSerializer(), new StringSerializer())
            .pipeInput(input[1], input[2], Long.parseLong(input[3]));
    }

    private static String configs(final Topology topology) throws Exception {
        final Field field = Topology.class.getDeclaredField("internalTopologyBuilder");
        field.setAccessible(true);
        final InternalTopologyBuilder internal = (InternalTopologyBuilder) field.get(topology);
        final Map<String, InternalTopicConfig> found = new TreeMap<>();
        internal.subtopologyToTopicsInfo().values().forEach(info -> {
            found.putAll(info.repartitionSourceTopics);
            found.putAll(info.stateChangelogTopics);
        });
        final StringBuilder json = new StringBuilder("{");
        String separator = "";
        for (final Map.Entry<String, InternalTopicConfig> entry : found.entrySet()) {
            json.append(separator).append(quote(entry.getKey())).append(":{");
            String comma = "";
            for (final Map.Entry<String, String> setting
                : new TreeMap<>(entry.getValue().properties(Map.of(), ADDITIONAL_RETENTION_MS)).entrySet()) {
                json.append(comma).append(quote(setting.getKey())).append(":").append(quote(setting.getValue()));
                comma = ",";
            }
            json.append("}");
            separator = ",";
        }
        return json.append("}").toString();
    }

    private static String json(final List<String[]> inputs) {
        final StringBuilder json = new StringBuilder("[");
        String separator = "";
        for (final String[] input : inputs) {
            json.append(separator).append("[").append(quote(input[0])).append(",").append(quote(input[1])).append(",")
                .append(quote(input[2])).append(",").append(input[3]).append("]");
            separator = ",";
        }
        return json.append("]").toString();
    }

    private static String quote(final String text) {
        return text == null ? "null" : "\"" + text.replace("\\", "\\\\").replace("\"", "\\\"") + "\"";
    }

    private static String hex(final byte[] bytes) {
        return bytes == null ? "null" : "\"" + HexFormat.of().formatHex(bytes) + "\"";
    }
}
