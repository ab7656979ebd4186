import java.time.Duration;
import java.util.HexFormat;
import java.util.Properties;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.TestInputTopic;
import org.apache.kafka.streams.TestOutputTopic;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.kstream.internals.SessionWindow;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.*;
import org.apache.kafka.streams.test.TestRecord;

/** Puts a few values into each kind of store while records are processed, and prints what goes to the changelogs. */
public class JavaChangelogs {
    static class Putter implements Processor<String, String, Void, Void> {
        private ProcessorContext<Void, Void> context;

        @Override
        public void init(final ProcessorContext<Void, Void> context) {
            this.context = context;
        }

        @Override
        public void process(final Record<String, String> record) {
            final KeyValueStore<String, Long> plain = context.getStateStore("plain");
            plain.put("k", 7L);
            plain.put("gone", null);
            final TimestampedKeyValueStore<String, Long> timestamped = context.getStateStore("timestamped");
            timestamped.put("k", ValueAndTimestamp.make(7L, 42));
            timestamped.put("gone", null);
            final WindowStore<String, Long> window = context.getStateStore("window");
            window.put("k", 7L, 10_000);
            window.put("k", null, 20_000);
            final TimestampedWindowStore<String, Long> timestampedWindow = context.getStateStore("timestamped-window");
            timestampedWindow.put("k", ValueAndTimestamp.make(7L, 42), 10_000);
            timestampedWindow.put("k", null, 20_000);
            final WindowStore<String, Long> duplicates = context.getStateStore("duplicates");
            duplicates.put("k", 7L, 10_000);
            duplicates.put("k", 8L, 10_000);
            duplicates.put("k", null, 10_000);
            final SessionStore<String, Long> session = context.getStateStore("session");
            session.put(new Windowed<>("k", new SessionWindow(5_000, 15_000)), 7L);
            session.remove(new Windowed<>("k", new SessionWindow(1_000, 2_000)));
            final Headers headers = new RecordHeaders();
            headers.add("source", new byte[] {9, 8});
            headers.add("empty", null);
            final TimestampedKeyValueStoreWithHeaders<String, Long> withHeaders = context.getStateStore("with-headers");
            withHeaders.put("k", ValueTimestampHeaders.make(7L, 42, headers));
            withHeaders.put("none", ValueTimestampHeaders.make(8L, 43, new RecordHeaders()));
            withHeaders.put("gone", null);
            final TimestampedWindowStoreWithHeaders<String, Long> windowWithHeaders = context.getStateStore("window-with-headers");
            windowWithHeaders.put("k", ValueTimestampHeaders.make(7L, 42, headers), 10_000);
            windowWithHeaders.put("k", null, 20_000);
            final SessionStoreWithHeaders<String, Long> sessionWithHeaders = context.getStateStore("session-with-headers");
            sessionWithHeaders.put(new Windowed<>("k", new SessionWindow(5_000, 15_000)), AggregationWithHeaders.make(7L, headers));
            sessionWithHeaders.remove(new Windowed<>("k", new SessionWindow(1_000, 2_000)));
            final VersionedKeyValueStore<String, Long> versioned = context.getStateStore("versioned");
            versioned.put("k", 7L, 500);
            versioned.put("k", 6L, 400);
            versioned.put("k", null, 600);
        }
    }

    static String names(final Headers headers) {
        final StringBuilder names = new StringBuilder();
        for (final org.apache.kafka.common.header.Header header : headers) {
            names.append(names.length() == 0 ? "" : ",").append(header.key());
        }
        return names.length() == 0 ? "-" : names.toString();
    }

    public static void main(final String[] args) throws Exception {
        final Duration retention = Duration.ofSeconds(100);
        final Topology topology = new Topology();
        topology.addSource("source", new StringDeserializer(), new StringDeserializer(), "in");
        topology.addProcessor("processor", Putter::new, "source");
        topology.addStateStore(Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore("plain"), Serdes.String(), Serdes.Long()), "processor");
        topology.addStateStore(Stores.timestampedKeyValueStoreBuilder(Stores.persistentTimestampedKeyValueStore("timestamped"), Serdes.String(), Serdes.Long()), "processor");
        topology.addStateStore(Stores.windowStoreBuilder(Stores.persistentWindowStore("window", retention, Duration.ofSeconds(10), false), Serdes.String(), Serdes.Long()), "processor");
        topology.addStateStore(Stores.timestampedWindowStoreBuilder(Stores.persistentTimestampedWindowStore("timestamped-window", retention, Duration.ofSeconds(10), false), Serdes.String(), Serdes.Long()), "processor");
        topology.addStateStore(Stores.windowStoreBuilder(Stores.persistentWindowStore("duplicates", retention, Duration.ofSeconds(10), true), Serdes.String(), Serdes.Long()), "processor");
        topology.addStateStore(Stores.sessionStoreBuilder(Stores.persistentSessionStore("session", retention), Serdes.String(), Serdes.Long()), "processor");
        topology.addStateStore(Stores.timestampedKeyValueStoreWithHeadersBuilder(Stores.persistentTimestampedKeyValueStoreWithHeaders("with-headers"), Serdes.String(), Serdes.Long()), "processor");
        topology.addStateStore(Stores.timestampedWindowStoreWithHeadersBuilder(Stores.persistentTimestampedWindowStoreWithHeaders("window-with-headers", retention, Duration.ofSeconds(10), false), Serdes.String(), Serdes.Long()), "processor");
        topology.addStateStore(Stores.sessionStoreWithHeadersBuilder(Stores.persistentSessionStoreWithHeaders("session-with-headers", retention), Serdes.String(), Serdes.Long()), "processor");
        topology.addStateStore(Stores.versionedKeyValueStoreBuilder(Stores.persistentVersionedKeyValueStore("versioned", retention), Serdes.String(), Serdes.Long()), "processor");
        final Properties config = new Properties();
        config.put(StreamsConfig.APPLICATION_ID_CONFIG, "app");
        config.put(StreamsConfig.STATE_DIR_CONFIG, java.nio.file.Files.createTempDirectory("stores").toString());
        final TopologyTestDriver driver = new TopologyTestDriver(topology, config);
        final TestInputTopic<String, String> input = driver.createInputTopic("in", new StringSerializer(), new StringSerializer());
        final RecordHeaders headers = new RecordHeaders();
        headers.add("of-the-record", new byte[] {1});
        input.pipeInput(new TestRecord<>("k", "v", headers, 123_456L));
        for (final String store : new String[] {"plain", "timestamped", "window", "timestamped-window", "duplicates", "session",
            "with-headers", "window-with-headers", "session-with-headers", "versioned"}) {
            final TestOutputTopic<byte[], byte[]> changelog =
                driver.createOutputTopic("app-" + store + "-changelog", new ByteArrayDeserializer(), new ByteArrayDeserializer());
            for (final TestRecord<byte[], byte[]> record : changelog.readRecordsToList()) {
                final HexFormat hex = HexFormat.of();
                System.out.println(String.join("\t", store, hex.formatHex(record.key()),
                    record.value() == null ? "-" : hex.formatHex(record.value()),
                    Long.toString(record.timestamp()), names(record.headers())));
            }
        }
        driver.close();
    }
}
