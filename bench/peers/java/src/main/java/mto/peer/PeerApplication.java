package mto.peer;

import java.time.Duration;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.CloseOptions.GroupMembershipOperation;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;

/**
 * Java Kafka Streams' side of the comparison, as one would write it: defaults but for what the comparison fixes. Runs
 * until SIGTERM, then commits, leaves the group and ends.
 *
 * <p>What it is to do comes as system properties: bootstrap.servers, application.id, state.dir, guarantee, cache.bytes,
 * commit.interval.ms (left out: its default), threads, group.protocol, topic.events, topic.members, topic.output, every.update.
 *
 * <p>What it does goes to standard output, a JSON object a line: see {@link Report}.
 */
public final class PeerApplication {
    private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(60);

    private PeerApplication() {}

    public static void main(final String[] arguments) throws InterruptedException {
        final KafkaStreams streams = new KafkaStreams(PeerTopology.build(), settings());
        final Report report = new Report(streams, Integer.parseInt(setting("threads")));
        streams.setStateListener(report);
        streams.setGlobalStateRestoreListener(report);
        streams.setUncaughtExceptionHandler(error -> {
            report.failed(error);
            Runtime.getRuntime().halt(1);
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            // By default the member of a classic group stays until its session times out: the next start would wait.
            final CloseOptions leaving = CloseOptions.groupMembershipOperation(GroupMembershipOperation.LEAVE_GROUP);
            streams.close(leaving.withTimeout(CLOSE_TIMEOUT));
            report.stopped();
        }));
        streams.start();
        report.watch();
    }

    private static Properties settings() {
        final Properties settings = new Properties();
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, setting("bootstrap.servers"));
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, setting("application.id"));
        settings.put(StreamsConfig.STATE_DIR_CONFIG, setting("state.dir"));
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, setting("guarantee"));
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, setting("cache.bytes"));
        if (System.getProperty("commit.interval.ms") != null) {
            settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, setting("commit.interval.ms"));
        }
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, setting("threads"));
        settings.put(StreamsConfig.GROUP_PROTOCOL_CONFIG, setting("group.protocol"));
        settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        return settings;
    }

    static String setting(final String name) {
        final String value = System.getProperty(name);
        if (value == null) {
            throw new IllegalArgumentException("the system property " + name + " is missing: -D" + name + "=…");
        }
        return value;
    }
}
