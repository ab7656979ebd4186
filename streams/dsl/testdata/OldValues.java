import java.util.*;
import java.util.function.*;
import org.apache.kafka.common.serialization.*;
import org.apache.kafka.streams.*;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.state.*;
import java.time.*;
/**
 * Which tables forward old values, and so which filters leave out tombstones, shows in the outputs. Prints random inputs
 * ("<topic key=value@timestamp") and what TopologyTestDriver gave for each, to old-values.txt:
 * java -cp kafka-streams.jar:kafka-streams-test-utils.jar:kafka-clients.jar:rocksdbjni.jar:slf4j-api.jar OldValues.java
 */
public class OldValues {
    static final Serde<String> S = Serdes.String();
    static final Consumed<String, String> C = Consumed.with(S, S);
    static final Produced<String, String> P = Produced.with(S, S);
    static boolean big(String k, String v) { return v.length() > 1; }
    static final Map<String, Consumer<StreamsBuilder>> T = new LinkedHashMap<>();
    static {
        T.put("filter_before", b -> { KTable<String,String> t = b.table("t", C);
            t.filter(OldValues::big).toStream().to("out", P);
            b.stream("s", C).join(t, (x, y) -> x + y).to("out2", P); });
        T.put("filter_after", b -> { KTable<String,String> t = b.table("t", C);
            b.stream("s", C).join(t, (x, y) -> x + y).to("out2", P);
            t.filter(OldValues::big).toStream().to("out", P); });
        T.put("filter_alone", b -> b.table("t", C).filter(OldValues::big).toStream().to("out", P));
        T.put("filter_named", b -> b.table("t", C, Materialized.as("x")).filter(OldValues::big).toStream().to("out", P));
        T.put("filter_map_filter", b -> b.table("t", C, Materialized.as("x")).mapValues(v -> v + "!").filter((k, v) -> v.length() > 2).toStream().to("out", P));
        T.put("filter_stored", b -> b.table("t", C).filter(OldValues::big, Materialized.as("f")).toStream().to("out", P));
        T.put("filter_then_group", b -> { KTable<String,String> f = b.table("t", C).filter(OldValues::big);
            f.toStream().to("out", P);
            f.groupBy((k, v) -> KeyValue.pair(v.substring(0, 1), v), Grouped.with(S, S)).count().toStream().mapValues(v -> "" + v).to("out2", P); });
        T.put("aggregate_filter", b -> b.stream("t", C).groupByKey().reduce((a, v) -> v).filter(OldValues::big).toStream().to("out", P));
        T.put("join_filter", b -> b.table("t", C).join(b.table("s", C), (x, y) -> x + y).filter((k, v) -> v.length() > 3).toStream().to("out", P));
        T.put("totable_filter", b -> b.stream("t", C).toTable().filter(OldValues::big).toStream().to("out", P));
        T.put("left_join_unfiltered", b -> { KTable<String,String> t = b.table("t", C);
            KTable<String,String> f = t.filter(OldValues::big);
            f.toStream().to("out", P);
            t.leftJoin(b.table("s", C), (x, y) -> x + y).toStream().to("out2", P); });
        T.put("map_group", b -> b.table("t", C).mapValues(v -> v + "!").filterNot((k, v) -> v.length() > 2).groupBy((k, v) -> KeyValue.pair("all", v), Grouped.with(S, S))
            .reduce((a, v) -> a + v, (a, v) -> a.replaceFirst(java.util.regex.Pattern.quote(v), "")).toStream().to("out", P));
    }
    static void flush(TestOutputTopic<String,String> o, String n, StringBuilder sb) {
        for (TestRecord2 r : drain(o)) sb.append(' ').append(n).append(':').append(r.s); }
    static class TestRecord2 { String s; TestRecord2(String s) { this.s = s; } }
    static List<TestRecord2> drain(TestOutputTopic<String,String> o) { List<TestRecord2> l = new ArrayList<>();
        while (!o.isEmpty()) { var r = o.readRecord(); l.add(new TestRecord2(r.key() + "=" + r.value() + "@" + r.timestamp())); } return l; }
    public static void main(String[] a) {
        for (var e : T.entrySet()) {
            StreamsBuilder b = new StreamsBuilder(); e.getValue().accept(b);
            Properties p = new Properties(); p.put("application.id", "x"); p.put("bootstrap.servers", "x:1"); p.put("statestore.cache.max.bytes", "0");
            p.put("default.key.serde", Serdes.StringSerde.class.getName()); p.put("default.value.serde", Serdes.StringSerde.class.getName());
            Topology t = b.build();
            Random r = new Random(5);
            StringBuilder sb = new StringBuilder(e.getKey());
            try (TopologyTestDriver d = new TopologyTestDriver(t, p)) {
                Map<String, TestInputTopic<String,String>> in = new HashMap<>();
                String text = t.describe().toString();
                String[] topics = text.contains("[s]") ? new String[]{"t","s"} : new String[]{"t"};
                boolean out2 = text.contains("topic: out2");
                for (String x : topics) in.put(x, d.createInputTopic(x, S.serializer(), S.serializer()));
                TestOutputTopic<String,String> o = d.createOutputTopic("out", S.deserializer(), S.deserializer());
                TestOutputTopic<String,String> o2 = out2 ? d.createOutputTopic("out2", S.deserializer(), S.deserializer()) : null;
                int ts = 0;
                for (int i = 0; i < 60; i++) {
                    String topic = topics[r.nextInt(topics.length)]; String k = "k" + r.nextInt(2); int c = r.nextInt(4);
                    String v = c == 0 ? null : c == 1 ? "a" : c == 2 ? "bb" : "ccc"; ts += r.nextInt(5) - 1; if (ts < 0) ts = 0;
                    sb.append(" <").append(topic).append(' ').append(k).append('=').append(v).append('@').append(ts);
                    in.get(topic).pipeInput(k, v, ts);
                    if (text.contains("topic: out)")) flush(o, "out", sb); if (o2 != null) flush(o2, "out2", sb);
                }
            }
            System.out.println(sb);
        }
    }
}
