import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.processor.api.*;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.*;

/**
 * Prints what Java Kafka Streams describes for the topologies of java-names.test.ts, to describe.txt:
 * java -cp kafka-streams.jar:kafka-clients.jar:slf4j-api.jar:rocksdbjni.jar DescribeTopologies.java > describe.txt
 */
public class DescribeTopologies {
    static final Serde<String> S = Serdes.String();
    static final Consumed<String, String> C = Consumed.with(S, S);
    static final JoinWindows W = JoinWindows.ofTimeDifferenceAndGrace(Duration.ofSeconds(5), Duration.ofSeconds(1));
    static final TimeWindows TUMBLING = TimeWindows.ofSizeAndGrace(Duration.ofSeconds(10), Duration.ofSeconds(5));
    static final SlidingWindows SLIDING = SlidingWindows.ofTimeDifferenceAndGrace(Duration.ofSeconds(5), Duration.ofSeconds(5));
    static final SessionWindows SESSIONS = SessionWindows.ofInactivityGapAndGrace(Duration.ofSeconds(5), Duration.ofSeconds(5));

    static class Forward implements Processor<String, String, String, String> {
        ProcessorContext<String, String> context;
        public void init(final ProcessorContext<String, String> context) { this.context = context; }
        public void process(final Record<String, String> record) { context.forward(record); }
    }
    static class ForwardValues implements FixedKeyProcessor<String, String, String> {
        FixedKeyProcessorContext<String, String> context;
        public void init(final FixedKeyProcessorContext<String, String> context) { this.context = context; }
        public void process(final FixedKeyRecord<String, String> record) { context.forward(record); }
    }
    static class Update implements Processor<String, String, Void, Void> {
        public void process(final Record<String, String> record) { }
    }

    static final Map<String, Consumer<StreamsBuilder>> TOPOLOGIES = new LinkedHashMap<>();

    static KStream<String, String> rekeyed(final StreamsBuilder b, final String topic) {
        return b.stream(topic, C).selectKey((k, v) -> v);
    }

    static Grouped<String, String> g() { return Grouped.with(S, S); }

    static {
        TOPOLOGIES.put("stateless_named", b -> {
            final KStream<String, String> s = b.stream(List.of("b-topic", "a-topic", "zz", "q"), Consumed.with(S, S).withName("src"));
            s.filter((k, v) -> true, Named.as("f")).filterNot((k, v) -> true).mapValues(v -> v, Named.as("mv"))
                .map((k, v) -> KeyValue.pair(k, v), Named.as("m")).flatMap((k, v) -> List.of(KeyValue.pair(k, v)))
                .flatMapValues(v -> List.of(v), Named.as("fmv")).selectKey((k, v) -> k, Named.as("sk"))
                .peek((k, v) -> { }, Named.as("pk")).to("out", Produced.with(S, S).withName("snk"));
            s.foreach((k, v) -> { }, Named.as("fe"));
            s.foreach((k, v) -> { });
            s.print(Printed.toSysOut());
            s.peek((k, v) -> { }).to("out2", Produced.with(S, S));
        });
        TOPOLOGIES.put("pattern_and_duplicates", b -> {
            b.stream(Pattern.compile("in-.*"), C).to("o1");
            b.stream(Pattern.compile("in-.*"), C).mapValues(v -> v).to("o2");
            b.stream("x", C).to("o3");
            b.stream("x", C).filter((k, v) -> true).to("o4");
            b.stream(List.of("p", "q"), C).to("o5");
            b.stream(List.of("q", "p"), C).peek((k, v) -> { }).to("o6");
        });
        TOPOLOGIES.put("split_named", b -> {
            final Map<String, KStream<String, String>> branches = b.stream("in", C).split(Named.as("split-"))
                .branch((k, v) -> true, Branched.as("one")).branch((k, v) -> true).defaultBranch(Branched.as("rest"));
            branches.get("split-one").to("o1");
            branches.get("split-rest").to("o2");
            b.stream("in2", C).split().branch((k, v) -> true, Branched.as("-x")).noDefaultBranch();
        });
        TOPOLOGIES.put("merge_and_repartition", b -> {
            final KStream<String, String> a = rekeyed(b, "a");
            final KStream<String, String> c = b.stream("c", C);
            a.merge(c, Named.as("mrg")).merge(b.stream("d", C)).groupByKey(g()).count().toStream().to("out", Produced.with(S, Serdes.Long()));
            c.repartition(Repartitioned.with(S, S)).to("o2");
            c.repartition(Repartitioned.<String, String>with(S, S).withName("rp").withNumberOfPartitions(3)).to("o3");
        });
        TOPOLOGIES.put("aggregates_unnamed", b -> {
            final KGroupedStream<String, String> grouped = b.stream("in", C).groupByKey(g());
            grouped.count();
            grouped.count(Materialized.with(S, Serdes.Long()));
            grouped.count(Named.as("cnt"));
            grouped.reduce((a, v) -> v);
            grouped.reduce((a, v) -> v, Materialized.with(S, S));
            grouped.aggregate(() -> "", (k, v, a) -> a, Materialized.with(S, S));
            grouped.aggregate(() -> "", (k, v, a) -> a, Named.as("agg"), Materialized.with(S, S));
        });
        TOPOLOGIES.put("windows_unnamed", b -> {
            final KGroupedStream<String, String> grouped = b.stream("in", C).groupByKey(g());
            grouped.windowedBy(TUMBLING).count();
            grouped.windowedBy(TUMBLING).count(Materialized.with(S, Serdes.Long()));
            grouped.windowedBy(TUMBLING).count(Named.as("wc"));
            grouped.windowedBy(TUMBLING).reduce((a, v) -> v, Named.as("wr"));
            grouped.windowedBy(TUMBLING).aggregate(() -> "", (k, v, a) -> a, Materialized.with(S, S));
            grouped.windowedBy(SLIDING).count(Materialized.with(S, Serdes.Long()));
            grouped.windowedBy(SLIDING).reduce((a, v) -> v);
            grouped.windowedBy(SESSIONS).count(Materialized.with(S, Serdes.Long()));
            grouped.windowedBy(SESSIONS).reduce((a, v) -> v);
            grouped.windowedBy(SESSIONS).aggregate(() -> "", (k, v, a) -> a, (k, x, y) -> x, Named.as("sa"), Materialized.with(S, S));
        });
        TOPOLOGIES.put("group_rekeyed", b -> {
            final KGroupedStream<String, String> unnamed = rekeyed(b, "in").groupByKey(g());
            unnamed.count();
            unnamed.reduce((a, v) -> v, Materialized.as("red"));
            final KGroupedStream<String, String> named = b.stream("in2", C).groupBy((k, v) -> v, Grouped.with("grp", S, S));
            named.count();
            b.stream("in3", C).to("between");
            named.windowedBy(TUMBLING).count();
        });
        TOPOLOGIES.put("cogroup_rekeyed", b -> {
            final KGroupedStream<String, String> a = rekeyed(b, "a").groupByKey(g());
            final KGroupedStream<String, String> c = b.stream("c", C).groupByKey(g());
            final KGroupedStream<String, String> d = b.stream("d", C).groupBy((k, v) -> v, Grouped.with("dd", S, S));
            final CogroupedKStream<String, String> co = a.<String>cogroup((k, v, x) -> x).cogroup(c, (k, v, x) -> x).cogroup(d, (k, v, x) -> x);
            co.aggregate(() -> "", Materialized.with(S, S)).toStream().to("o1", Produced.with(S, S));
            co.windowedBy(TUMBLING).aggregate(() -> "", Named.as("cg"), Materialized.with(S, S));
            co.windowedBy(SESSIONS).aggregate(() -> "", (k, x, y) -> x, Materialized.with(S, S));
        });
        TOPOLOGIES.put("tables", b -> {
            final KTable<String, String> t = b.table("t", C);
            t.filter((k, v) -> true, Materialized.with(S, S)).toStream().to("o1", Produced.with(S, S));
            t.mapValues(v -> v, Materialized.with(S, S)).toStream(Named.as("ts")).to("o2", Produced.with(S, S));
            t.mapValues(v -> v, Named.as("tm"), Materialized.as("tms"));
            t.toStream((k, v) -> v).to("o3", Produced.with(S, S));
            final KTable<String, String> n = b.table("n", Consumed.with(S, S).withName("ntab"));
            n.filterNot((k, v) -> true, Named.as("nf")).suppress(Suppressed.untilTimeLimit(Duration.ofSeconds(1), Suppressed.BufferConfig.unbounded()).withName("sup"));
            final KTable<String, String> o = b.table("o", C, Materialized.as("os"));
            o.transformValues(() -> new ValueTransformerWithKey<String, String, String>() {
                public void init(final org.apache.kafka.streams.processor.ProcessorContext context) { }
                public String transform(final String k, final String v) { return v; }
                public void close() { }
            }, Materialized.with(S, S)).toStream().to("o4", Produced.with(S, S));
        });
        TOPOLOGIES.put("table_groups", b -> {
            final KTable<String, String> t = b.table("t", C);
            final KGroupedTable<String, String> u = t.groupBy((k, v) -> KeyValue.pair(v, k), g());
            u.count();
            u.reduce((a, v) -> a, (a, v) -> a);
            u.aggregate(() -> "", (k, v, a) -> a, (k, v, a) -> a, Named.as("ta"), Materialized.with(S, S));
            final KGroupedTable<String, String> n = t.groupBy((k, v) -> KeyValue.pair(v, k), Grouped.with("tg", S, S));
            n.count(Named.as("tc"));
            n.reduce((a, v) -> a, (a, v) -> a, Materialized.as("trs"));
        });
        TOPOLOGIES.put("to_table", b -> {
            b.stream("a", C).toTable().toStream().to("o1", Produced.with(S, S));
            rekeyed(b, "b").toTable(Named.as("tt"), Materialized.with(S, S)).toStream().to("o2", Produced.with(S, S));
            rekeyed(b, "c").toTable(Materialized.with(S, S)).toStream().to("o3", Produced.with(S, S));
        });
        TOPOLOGIES.put("stream_joins", b -> {
            final KStream<String, String> a = rekeyed(b, "a");
            final KStream<String, String> c = b.stream("c", C);
            a.join(c, (l, r) -> l, W, StreamJoined.with(S, S, S)).to("o1", Produced.with(S, S));
            a.leftJoin(rekeyed(b, "d"), (l, r) -> l, W, StreamJoined.with(S, S, S)).to("o2", Produced.with(S, S));
            a.outerJoin(c, (l, r) -> l, W, StreamJoined.with(S, S, S).withName("oj").withStoreName("ojs")).to("o3", Produced.with(S, S));
            c.leftJoin(b.stream("e", C), (l, r) -> l, W, StreamJoined.with(S, S, S).withStoreName("ls")).to("o4", Produced.with(S, S));
            c.join(c, (l, r) -> l, W, StreamJoined.with(S, S, S)).to("o5", Produced.with(S, S));
        });
        TOPOLOGIES.put("lookup_joins", b -> {
            final KTable<String, String> t = b.table("t", C);
            final GlobalKTable<String, String> gt = b.globalTable("g", C);
            final KStream<String, String> a = rekeyed(b, "a");
            a.join(t, (v, x) -> v, Joined.with(S, S, S)).to("o1", Produced.with(S, S));
            a.leftJoin(t, (v, x) -> v, Joined.with(S, S, S, "lj")).to("o2", Produced.with(S, S));
            a.join(gt, (k, v) -> v, (v, x) -> v, Named.as("gj")).to("o3", Produced.with(S, S));
            a.leftJoin(gt, (k, v) -> v, (v, x) -> v).to("o4", Produced.with(S, S));
            b.stream("e", C).join(t.filter((k, v) -> true).mapValues(v -> v), (v, x) -> v).to("o5", Produced.with(S, S));
        });
        TOPOLOGIES.put("table_joins", b -> {
            final KTable<String, String> l = b.table("l", C);
            final KTable<String, String> r = b.table("r", C);
            final KTable<String, String> m = b.table("m", C, Materialized.as("ms"));
            final KTable<String, String> lr = l.join(r, (x, y) -> x);
            lr.leftJoin(m.filter((k, v) -> true), (x, y) -> x, Named.as("tj")).outerJoin(l, (x, y) -> x, Materialized.with(S, S))
                .toStream().to("o1", Produced.with(S, S));
            b.stream("s", C).join(lr, (x, y) -> x).to("o2", Produced.with(S, S));
        });
        TOPOLOGIES.put("foreign_key_joins", b -> {
            final KTable<String, String> l = b.table("l", C);
            final KTable<String, String> r = b.table("r", C, Materialized.as("rs"));
            l.join(r, v -> v, (x, y) -> x, Materialized.with(S, S)).toStream().to("o1", Produced.with(S, S));
            l.leftJoin(r, v -> v, (x, y) -> x, TableJoined.as("fk"), Materialized.as("fks")).toStream().to("o2", Produced.with(S, S));
        });
        TOPOLOGIES.put("processors", b -> {
            b.addStateStore(Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore("z"), S, S));
            b.addStateStore(Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore("y"), S, S));
            b.addGlobalStore(Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore("gs"), S, S).withLoggingDisabled(), "gt", C, Update::new);
            final KStream<String, String> s = b.stream("in", C);
            s.process(Forward::new, "z", "y").processValues(ForwardValues::new, Named.as("pv"), "z").to("o1", Produced.with(S, S));
            b.stream("in2", C).process(Forward::new, Named.as("p2"), "y").groupByKey(g()).count();
        });
        TOPOLOGIES.put("wide", b -> {
            final KStream<String, String> s = b.stream("in", C);
            KStream<String, String> all = null;
            for (int i = 0; i < 14; i++) {
                KStream<String, String> x = s.mapValues(v -> v, Named.as("w" + (i * 7919 % 101)));
                for (int j = 0; j < i % 4; j++) x = x.filter((k, v) -> true);
                if (i % 3 == 0) all = all == null ? x : all.merge(x);
                else x.to("o" + i, Produced.with(S, S));
            }
            all.to("out", Produced.with(S, S));
        });
    }

    static final Map<String, Consumer<StreamsBuilder>> OPTIMIZED = new LinkedHashMap<>();

    static {
        OPTIMIZED.put("optimized_tables", b -> {
            b.table("t", C, Materialized.as("ts")).toStream().to("o1", Produced.with(S, S));
            b.table("u", C).filter((k, v) -> true).toStream().to("o2", Produced.with(S, S));
        });
        OPTIMIZED.put("optimized_repartitions", b -> {
            final KStream<String, String> s = b.stream("in", C).map((k, v) -> KeyValue.pair(v, k));
            final KTable<String, Long> counts = s.groupByKey(g()).count();
            s.groupByKey(g()).reduce((a, v) -> a, Materialized.as("red")).toStream().to("o1", Produced.with(S, S));
            s.filter((k, v) -> true).join(counts.toStream().mapValues(v -> "" + v), (x, y) -> x, W, StreamJoined.with(S, S, S)).to("o2", Produced.with(S, S));
            s.mapValues(v -> v).groupByKey(g()).count();
        });
        OPTIMIZED.put("optimized_merge", b -> {
            final KStream<String, String> x = rekeyed(b, "x");
            final KStream<String, String> y = rekeyed(b, "y");
            final KStream<String, String> m = x.merge(y);
            m.groupByKey(g()).count();
            m.groupByKey(Grouped.with("named", S, S)).reduce((a, v) -> a);
        });
        OPTIMIZED.put("optimized_self_join", b -> {
            final KStream<String, String> s = b.stream("in", C);
            s.join(s, (x, y) -> x, W, StreamJoined.with(S, S, S)).to("o1", Produced.with(S, S));
            b.stream("in", C).join(s, (x, y) -> x, W, StreamJoined.with(S, S, S).withName("sj")).to("o2", Produced.with(S, S));
            s.join(b.stream("other", C), (x, y) -> x, W, StreamJoined.with(S, S, S)).to("o3", Produced.with(S, S));
        });
        OPTIMIZED.put("optimized_rekeyed_self_join", b -> {
            final KStream<String, String> s = rekeyed(b, "in");
            s.join(s, (x, y) -> x, W, StreamJoined.with(S, S, S)).to("o1", Produced.with(S, S));
            s.groupByKey(g()).count();
        });
    }

    static void print(final String name, final Consumer<StreamsBuilder> topology, final Properties properties) {
        final StreamsBuilder builder = new StreamsBuilder();
        topology.accept(builder);
        System.out.println("## " + name);
        System.out.println(builder.build(properties).describe());
    }

    public static void main(final String[] args) {
        final Properties optimized = new Properties();
        optimized.put(StreamsConfig.TOPOLOGY_OPTIMIZATION_CONFIG, StreamsConfig.OPTIMIZE);
        TOPOLOGIES.forEach((name, topology) -> print(name, topology, new Properties()));
        OPTIMIZED.forEach((name, topology) -> print(name, topology, optimized));
    }
}
