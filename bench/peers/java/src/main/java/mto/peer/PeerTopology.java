package mto.peer;

import static mto.peer.PeerApplication.setting;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import java.nio.ByteBuffer;
import java.time.Duration;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Joined;
import org.apache.kafka.streams.kstream.KGroupedStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.WindowedSerdes;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.WindowStore;

/** The same topology as bench/topologies/peer.ts, operator by operator. */
final class PeerTopology {
    private static final Duration WINDOW = Duration.ofMinutes(1);
    private static final Duration GRACE = Duration.ofSeconds(30);
    private static final double LIMIT_MINOR = 50_000_000;
    private static final double COUNT_MAX = 10;

    private PeerTopology() {}

    record Event(
            String id,
            String memberId,
            String kind,
            long amountMinor,
            String currency,
            String channel,
            String branch,
            String reference,
            String note) {}

    @JsonIgnoreProperties(ignoreUnknown = true)
    record Member(String name, long limitMinor) {}

    record Movement(long amountMinor, long limitMinor) {}

    record Activity(double count, double sumMinor) {
        static final Activity NONE = new Activity(0, 0);

        Activity plus(final long amountMinor) {
            return new Activity(count + 1, sumMinor + amountMinor);
        }
    }

    static Topology build() {
        final boolean isEveryUpdate = Boolean.parseBoolean(setting("every.update"));
        final StreamsBuilder builder = new StreamsBuilder();
        final KTable<String, Member> members = builder.table(
                setting("topic.members"),
                Consumed.with(Serdes.String(), new JsonSerde<>(Member.class)),
                Materialized.as("members"));
        final KGroupedStream<String, Movement> byMember = builder.stream(
                        setting("topic.events"), Consumed.with(Serdes.String(), new JsonSerde<>(Event.class)))
                .join(
                        members,
                        (event, member) -> new Movement(event.amountMinor(), member.limitMinor()),
                        Joined.keySerde(Serdes.String()))
                .groupByKey();
        byMember.aggregate(
                () -> 0L,
                (member, movement, balanceMinor) -> balanceMinor + movement.amountMinor(),
                Materialized.<String, Long, KeyValueStore<Bytes, byte[]>>as("balances")
                        .withKeySerde(Serdes.String())
                        .withValueSerde(Serdes.Long()));
        byMember.windowedBy(TimeWindows.ofSizeAndGrace(WINDOW, GRACE))
                .aggregate(
                        () -> Activity.NONE,
                        (member, movement, activity) -> activity.plus(movement.amountMinor()),
                        Materialized.<String, Activity, WindowStore<Bytes, byte[]>>as("activity")
                                .withKeySerde(Serdes.String())
                                .withValueSerde(activitySerde()))
                .toStream()
                .filter((window, activity) -> isEveryUpdate
                        || activity.sumMinor() > LIMIT_MINOR
                        || activity.count() > COUNT_MAX)
                .mapValues(activity -> (long) activity.sumMinor())
                .to(
                        setting("topic.output"),
                        Produced.with(
                                WindowedSerdes.timeWindowedSerdeFrom(String.class, WINDOW.toMillis()), Serdes.Long()));
        return builder.build();
    }

    /** Fixed-size state: a count and a sum, sixteen bytes, as Mto's side writes them. */
    private static Serde<Activity> activitySerde() {
        return Serdes.serdeFrom(
                (topic, activity) -> activity == null
                        ? null
                        : ByteBuffer.allocate(2 * Double.BYTES)
                                .putDouble(activity.count())
                                .putDouble(activity.sumMinor())
                                .array(),
                (topic, bytes) -> {
                    if (bytes == null) {
                        return null;
                    }
                    final ByteBuffer buffer = ByteBuffer.wrap(bytes);
                    return new Activity(buffer.getDouble(), buffer.getDouble());
                });
    }
}
