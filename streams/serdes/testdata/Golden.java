import java.nio.charset.StandardCharsets;
import java.util.*;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.*;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.kstream.internals.*;
import org.apache.kafka.streams.state.*;
import org.apache.kafka.streams.state.internals.*;

/** Prints what Kafka's and Kafka Streams' own serializers make of some values: name, tab, hexadecimal bytes. */
public class Golden {
    static void line(final String name, final byte[] bytes) {
        System.out.println(name + "\t" + HexFormat.of().formatHex(bytes));
    }

    static byte[] change(final String newValue, final String oldValue) {
        return new ChangedSerializer<>(new StringSerializer()).serialize("t", new RecordHeaders(), new Change<>(newValue, oldValue));
    }

    public static void main(final String[] args) {
        line("string.empty", new StringSerializer().serialize("t", ""));
        line("string.ascii", new StringSerializer().serialize("t", "member-7"));
        line("string.utf8", new StringSerializer().serialize("t", "Mto \u00e9\u20ac\uD83D\uDE00"));
        for (final long value : new long[] {0, 1, -1, 300, -300, 9007199254740991L, -9007199254740991L}) {
            line("int64." + value, new LongSerializer().serialize("t", value));
        }
        for (final int value : new int[] {0, -1, 65536, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
            line("int32." + value, new IntegerSerializer().serialize("t", value));
        }
        for (final short value : new short[] {0, -1, 300, Short.MAX_VALUE, Short.MIN_VALUE}) {
            line("int16." + value, new ShortSerializer().serialize("t", value));
        }
        for (final double value : new double[] {0, -0.0, 1.5, -2.25e300, Double.POSITIVE_INFINITY}) {
            line("float64." + value, new DoubleSerializer().serialize("t", value));
        }
        line("boolean.true", new BooleanSerializer().serialize("t", true));
        line("boolean.false", new BooleanSerializer().serialize("t", false));
        line("uuid", new UUIDSerializer().serialize("t", UUID.fromString("123E4567-e89b-12d3-a456-426614174000")));
        line("list.string", Serdes.ListSerde(ArrayList.class, Serdes.String()).serializer().serialize("t", new ArrayList<>(Arrays.asList("a", null, "bcd", ""))));
        line("list.string.empty", Serdes.ListSerde(ArrayList.class, Serdes.String()).serializer().serialize("t", new ArrayList<>()));
        line("list.int64", Serdes.ListSerde(ArrayList.class, Serdes.Long()).serializer().serialize("t", new ArrayList<>(Arrays.asList(1L, null, 3L, null))));
        line("list.int64.empty", Serdes.ListSerde(ArrayList.class, Serdes.Long()).serializer().serialize("t", new ArrayList<>()));
        final Windowed<String> window = new Windowed<>("member-7", new TimeWindow(1_700_000_000_000L, 1_700_000_010_000L));
        final Windowed<String> session = new Windowed<>("member-7", new SessionWindow(1_700_000_000_000L, 1_700_000_010_000L));
        line("time-windowed", new TimeWindowedSerializer<>(new StringSerializer()).serialize("t", window));
        line("session-windowed", new SessionWindowedSerializer<>(new StringSerializer()).serialize("t", session));
        final Bytes key = Bytes.wrap("member-7".getBytes(StandardCharsets.UTF_8));
        line("window-store-key", WindowKeySchema.toStoreKeyBinary(key, 1_700_000_000_000L, 0).get());
        line("window-store-key.duplicate", WindowKeySchema.toStoreKeyBinary(key, 5, 0x7fffffff).get());
        line("session-store-key", SessionKeySchema.toBinary(key, 1_700_000_000_000L, 1_700_000_010_000L).get());
        line("change.old", change(null, "old"));
        line("change.new", change("new", null));
        line("change.both", change("new", "old"));
        line("change.both.long", change("n".repeat(200), "o".repeat(3)));
        line("change.both.empty", change("", ""));
        line("value-and-timestamp", new ValueAndTimestampSerde<>(Serdes.String()).serializer().serialize("t", ValueAndTimestamp.make("v", 1_700_000_000_000L)));
        final RecordHeaders headers = new RecordHeaders();
        headers.add("source", new byte[] {9, 8});
        headers.add("\u20ac", null);
        headers.add("source", new byte[200]);
        for (final RecordHeaders each : new RecordHeaders[] {new RecordHeaders(), headers}) {
            final String name = each.toArray().length == 0 ? ".none" : "";
            line("value-timestamp-headers" + name, new ValueTimestampHeadersSerde<>(Serdes.String()).serializer()
                .serialize("t", ValueTimestampHeaders.make("v", 1_700_000_000_000L, each)));
            line("aggregation-with-headers" + name, new AggregationWithHeadersSerde<>(Serdes.String()).serializer()
                .serialize("t", AggregationWithHeaders.make("v", each)));
        }
        final byte[] timestamped = new ValueAndTimestampSerde<>(Serdes.String()).serializer().serialize("t", ValueAndTimestamp.make("v", 1_700_000_000_000L));
        line("headers-of.timestamped", HeadersBytesStore.convertToHeaderFormat(timestamped));
        line("headers-of.plain", HeadersBytesStore.convertFromPlainToHeaderFormat("v".getBytes(StandardCharsets.UTF_8)));
    }
}
