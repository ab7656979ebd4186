package mto.peer;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.Metric;
import org.apache.kafka.common.MetricName;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.metrics.KafkaMetric;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KafkaStreams.State;
import org.apache.kafka.streams.processor.StateRestoreListener;

/**
 * Says on standard output what the application does, a JSON object a line. Times are milliseconds since 1970.
 *
 * <pre>
 * {"kind":"running","atMs":…,"restored":…,"restoreStartMs":…,"restoreEndMs":…}     each time that every task runs
 * {"kind":"rebalancing","atMs":…}
 * {"kind":"processed","atMs":…,"records":…}                                        more than at the last look
 * {"kind":"failed","message":…}   {"kind":"stopped","atMs":…,"records":…}
 * </pre>
 */
final class Report implements KafkaStreams.StateListener, StateRestoreListener {
    /** How often the counter is looked at: the error of the times of the first and of the last record. */
    private static final long LOOK_FIRST_MS = 20;

    private static final long LOOK_MS = 100;

    private final KafkaStreams streams;
    private final int threads;
    private final List<KafkaMetric> counters = new CopyOnWriteArrayList<>();
    private final AtomicLong restored = new AtomicLong();
    private final AtomicLong restoreStartMs = new AtomicLong();
    private final AtomicLong restoreEndMs = new AtomicLong();

    Report(final KafkaStreams streams, final int threads) {
        this.streams = streams;
        this.threads = threads;
    }

    @Override
    public void onChange(final State state, final State before) {
        if (state == State.RUNNING) {
            tell("running", String.format(
                    ",\"restored\":%d,\"restoreStartMs\":%d,\"restoreEndMs\":%d",
                    restored.get(), restoreStartMs.get(), restoreEndMs.get()));
        } else if (state == State.REBALANCING) {
            tell("rebalancing", "");
        }
    }

    @Override
    public void onRestoreStart(final TopicPartition changelog, final String store, final long start, final long end) {
        restoreStartMs.compareAndSet(0, System.currentTimeMillis());
    }

    @Override
    public void onBatchRestored(final TopicPartition changelog, final String store, final long end, final long count) {
        restored.addAndGet(count);
    }

    @Override
    public void onRestoreEnd(final TopicPartition changelog, final String store, final long count) {
        restoreEndMs.set(System.currentTimeMillis());
    }

    /** Until the thread is interrupted, or the process ends. */
    void watch() throws InterruptedException {
        long told = 0;
        while (true) {
            final long records = processed();
            if (records > told) {
                told = records;
                tell("processed", ",\"records\":" + records);
            }
            Thread.sleep(told == 0 ? LOOK_FIRST_MS : LOOK_MS);
        }
    }

    void stopped() {
        tell("stopped", ",\"records\":" + processed());
    }

    void failed(final Throwable error) {
        error.printStackTrace();
        tell("failed", ",\"message\":\"" + error.toString().replaceAll("[\\\\\"\\p{Cntrl}]", " ") + "\"");
    }

    private long processed() {
        if (counters.size() < threads) {
            findCounters();
        }
        double records = 0;
        for (final KafkaMetric counter : counters) {
            records += (double) counter.metricValue();
        }
        return (long) records;
    }

    /** Once: there are some thousand metrics, too many to be searched at each look. */
    private synchronized void findCounters() {
        counters.clear();
        for (final Metric metric : streams.metrics().values()) {
            final MetricName name = metric.metricName();
            if (name.group().equals("stream-thread-metrics") && name.name().equals("process-total")) {
                counters.add((KafkaMetric) metric);
            }
        }
    }

    private static void tell(final String kind, final String fields) {
        final long nowMs = System.currentTimeMillis();
        System.out.println("{\"kind\":\"" + kind + "\",\"atMs\":" + nowMs + fields + "}");
    }
}
