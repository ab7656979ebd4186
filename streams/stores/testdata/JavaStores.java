import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.TestInputTopic;
import org.apache.kafka.streams.TestOutputTopic;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.kstream.internals.SessionWindow;
import org.apache.kafka.streams.processor.StateStore;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.query.MultiVersionedKeyQuery;
import org.apache.kafka.streams.query.PositionBound;
import org.apache.kafka.streams.query.QueryConfig;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.SessionStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.VersionedKeyValueStore;
import org.apache.kafka.streams.state.VersionedRecord;
import org.apache.kafka.streams.state.VersionedRecordIterator;
import org.apache.kafka.streams.state.WindowStore;
import org.apache.kafka.streams.state.WindowStoreIterator;

/**
 * Runs operations on Kafka Streams' own persistent stores and prints each with its result. Reads lines of
 * tab-separated words; `new` opens a fresh store. Needs kafka-streams-test-utils on the class path.
 */
public class JavaStores {
    static StoreBuilder<?> builder(final String[] op) {
        final long retention = Long.parseLong(op[2]);
        final long interval = Long.parseLong(op[3]);
        switch (op[1]) {
            case "window":
                return Stores.windowStoreBuilder(
                    Stores.persistentWindowStore("s", Duration.ofMillis(retention), Duration.ofMillis(10_000), op[4].equals("true")),
                    Serdes.String(), Serdes.String());
            case "session":
                return Stores.sessionStoreBuilder(
                    Stores.persistentSessionStore("s", Duration.ofMillis(retention)), Serdes.String(), Serdes.String());
            default:
                return Stores.versionedKeyValueStoreBuilder(
                    Stores.persistentVersionedKeyValueStore("s", Duration.ofMillis(retention), Duration.ofMillis(interval)),
                    Serdes.String(), Serdes.String());
        }
    }

    static String windowed(final KeyValueIterator<Windowed<String>, String> iterator) {
        final List<String> rows = new ArrayList<>();
        try (iterator) {
            while (iterator.hasNext()) {
                final KeyValue<Windowed<String>, String> row = iterator.next();
                rows.add(row.key.key() + "@" + row.key.window().start() + "-" + row.key.window().end() + "=" + row.value);
            }
        }
        return String.join(",", rows);
    }

    static String windows(final WindowStoreIterator<String> iterator) {
        final List<String> rows = new ArrayList<>();
        try (iterator) {
            while (iterator.hasNext()) {
                final KeyValue<Long, String> row = iterator.next();
                rows.add(row.key + "=" + row.value);
            }
        }
        return String.join(",", rows);
    }

    static String nullable(final String text) {
        return text.equals("-") ? null : text;
    }

    static String shown(final Object value) {
        return value == null ? "-" : value.toString();
    }

    static String window(final WindowStore<String, String> store, final String[] op) {
        switch (op[0]) {
            case "put":
                store.put(op[1], nullable(op[2]), Long.parseLong(op[3]));
                return "";
            case "fetch":
                return shown(store.fetch(op[1], Long.parseLong(op[2])));
            case "range":
                return windows(store.fetch(op[1], Long.parseLong(op[2]), Long.parseLong(op[3])));
            case "range-backward":
                return windows(store.backwardFetch(op[1], Long.parseLong(op[2]), Long.parseLong(op[3])));
            case "key-range":
                return windowed(store.fetch(nullable(op[1]), nullable(op[2]), Long.parseLong(op[3]), Long.parseLong(op[4])));
            case "fetch-all":
                return windowed(store.fetchAll(Long.parseLong(op[1]), Long.parseLong(op[2])));
            case "fetch-all-backward":
                return windowed(store.backwardFetchAll(Long.parseLong(op[1]), Long.parseLong(op[2])));
            default:
                return windowed(store.all());
        }
    }

    static Windowed<String> session(final String[] op) {
        return new Windowed<>(op[1], new SessionWindow(Long.parseLong(op[2]), Long.parseLong(op[3])));
    }

    static String session(final SessionStore<String, String> store, final String[] op) {
        switch (op[0]) {
            case "put":
                store.put(session(op), nullable(op[4]));
                return "";
            case "remove":
                store.remove(session(op));
                return "";
            case "fetch-session":
                return shown(store.fetchSession(op[1], Long.parseLong(op[2]), Long.parseLong(op[3])));
            case "find":
                return windowed(store.findSessions(op[1], Long.parseLong(op[2]), Long.parseLong(op[3])));
            case "find-range":
                return windowed(store.findSessions(nullable(op[1]), nullable(op[2]), Long.parseLong(op[3]), Long.parseLong(op[4])));
            default:
                return windowed(store.fetch(op[1]));
        }
    }

    static String record(final VersionedRecord<String> found) {
        return found == null ? "-" : found.timestamp() + "=" + found.value();
    }

    static String versioned(final VersionedKeyValueStore<String, String> store, final String[] op) {
        switch (op[0]) {
            case "put":
                return Long.toString(store.put(op[1], nullable(op[2]), Long.parseLong(op[3])));
            case "delete":
                return record(store.delete(op[1], Long.parseLong(op[2])));
            case "get":
                return record(store.get(op[1]));
            case "as-of":
                return record(store.get(op[1], Long.parseLong(op[2])));
            default:
                final MultiVersionedKeyQuery<String, String> query = MultiVersionedKeyQuery.<String, String>withKey(op[1])
                    .fromTime(Instant.ofEpochMilli(Long.parseLong(op[2])))
                    .toTime(Instant.ofEpochMilli(Long.parseLong(op[3])))
                    .withDescendingTimestamps();
                final List<String> rows = new ArrayList<>();
                final VersionedRecordIterator<String> iterator =
                    store.query(query, PositionBound.unbounded(), new QueryConfig(false)).getResult();
                try (iterator) {
                    while (iterator.hasNext()) {
                        final VersionedRecord<String> row = iterator.next();
                        rows.add(row.timestamp() + "-" + row.validTo().map(Object::toString).orElse("") + "=" + row.value());
                    }
                }
                return String.join(",", rows);
        }
    }

    static class Runner implements Processor<String, String, String, String> {
        private ProcessorContext<String, String> context;
        private StateStore store;

        @Override
        public void init(final ProcessorContext<String, String> context) {
            this.context = context;
            store = context.getStateStore("s");
        }

        @Override
        @SuppressWarnings("unchecked")
        public void process(final Record<String, String> record) {
            final String[] op = record.value().split("\t", -1);
            final String result;
            if (store instanceof WindowStore) {
                result = window((WindowStore<String, String>) store, op);
            } else if (store instanceof SessionStore) {
                result = session((SessionStore<String, String>) store, op);
            } else {
                result = versioned((VersionedKeyValueStore<String, String>) store, op);
            }
            context.forward(record.withValue(result));
        }
    }

    public static void main(final String[] args) throws Exception {
        final BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        final java.io.PrintStream out = new java.io.PrintStream(System.out, false, StandardCharsets.UTF_8);
        TopologyTestDriver driver = null;
        TestInputTopic<String, String> input = null;
        TestOutputTopic<String, String> output = null;
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            final String[] op = line.split("\t", -1);
            if (op[0].equals("new")) {
                if (driver != null) driver.close();
                final Topology topology = new Topology();
                topology.addSource("source", new StringDeserializer(), new StringDeserializer(), "in");
                topology.addProcessor("processor", Runner::new, "source");
                topology.addStateStore(builder(op), "processor");
                topology.addSink("sink", "out", new StringSerializer(), new StringSerializer(), "processor");
                final Properties config = new Properties();
                config.put(StreamsConfig.APPLICATION_ID_CONFIG, "a");
                config.put(StreamsConfig.STATE_DIR_CONFIG, java.nio.file.Files.createTempDirectory("stores").toString());
                driver = new TopologyTestDriver(topology, config);
                input = driver.createInputTopic("in", new StringSerializer(), new StringSerializer());
                output = driver.createOutputTopic("out", new StringDeserializer(), new StringDeserializer());
                out.println(line);
            } else {
                input.pipeInput("k", line, 0L);
                out.println(line + "\t=> " + output.readValue());
            }
        }
        driver.close();
        out.flush();
    }
}
