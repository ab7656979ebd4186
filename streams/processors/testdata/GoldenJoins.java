package org.apache.kafka.streams.kstream.internals.foreignkeyjoin;

// Writes the bytes that Java Kafka Streams (4.3.1) makes in joins, one line each: name, tab, hexadecimal bytes.
//   javac -cp <kafka-streams and its dependencies> -d out GoldenJoins.java
//   java -cp out:<the same> org.apache.kafka.streams.kstream.internals.foreignkeyjoin.GoldenJoins > golden-joins.tsv
// It sits in Java's package because the combined key's methods are not public.

import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.kstream.internals.foreignkeyjoin.SubscriptionWrapper.Instruction;
import org.apache.kafka.streams.processor.internals.ProcessorRecordContext;
import org.apache.kafka.streams.state.internals.BufferValue;
import org.apache.kafka.streams.state.internals.LeftOrRightValue;
import org.apache.kafka.streams.state.internals.LeftOrRightValueSerde;
import org.apache.kafka.streams.state.internals.Murmur3;
import org.apache.kafka.streams.state.internals.PrefixedWindowKeySchemas;
import org.apache.kafka.streams.state.internals.TimestampedKeyAndJoinSide;
import org.apache.kafka.streams.state.internals.TimestampedKeyAndJoinSideSerde;

public final class GoldenJoins {
    private static final long TIME = 1_700_000_000_123L;
    private static final RecordHeaders NONE = new RecordHeaders();

    public static void main(final String[] arguments) throws Exception {
        murmur();
        foreignKeys();
        outerJoins();
        buffers();
    }

    private static void line(final String name, final byte[] bytes) {
        System.out.println(name + "\t" + HexFormat.of().formatHex(bytes));
    }

    private static byte[] hashBytes(final long[] hash) {
        return ByteBuffer.allocate(16).putLong(hash[0]).putLong(hash[1]).array();
    }

    /** Byte i of an input is i * 37 + length. */
    private static void murmur() {
        for (int length = 0; length <= 50; length++) {
            final byte[] data = new byte[length];
            for (int i = 0; i < length; i++) data[i] = (byte) (i * 37 + length);
            line("murmur3-" + length, hashBytes(Murmur3.hash128(data)));
        }
    }

    private static void foreignKeys() {
        final long[] hash = Murmur3.hash128("left".getBytes(StandardCharsets.UTF_8));
        final var wrapper = new SubscriptionWrapperSerde<>(() -> "topic-pk", Serdes.String()).serializer();
        for (final Instruction instruction : Instruction.values()) {
            line("subscription-" + instruction.value(), wrapper.serialize("topic", NONE,
                new SubscriptionWrapper<>(hash, instruction, "pk", 7)));
        }
        line("subscription-no-hash", wrapper.serialize("topic", NONE,
            new SubscriptionWrapper<>(null, Instruction.DELETE_KEY_AND_PROPAGATE, "pk", 300)));
        line("subscription-v0", wrapper.serialize("topic", NONE,
            new SubscriptionWrapper<>(hash, Instruction.PROPAGATE_ONLY_IF_FK_VAL_AVAILABLE, "pk", (byte) 0, null)));
        line("subscription-v0-no-hash", wrapper.serialize("topic", NONE,
            new SubscriptionWrapper<>(null, Instruction.DELETE_KEY_AND_PROPAGATE, "pk", (byte) 0, null)));
        final var response = new SubscriptionResponseWrapperSerde<>(Serdes.String()).serializer();
        line("response", response.serialize("topic", NONE, new SubscriptionResponseWrapper<>(hash, "right", 7)));
        line("response-null", response.serialize("topic", NONE, new SubscriptionResponseWrapper<>(hash, null, 7)));
        line("response-no-hash", response.serialize("topic", NONE, new SubscriptionResponseWrapper<>(null, "right", 7)));
        line("response-nothing", response.serialize("topic", NONE, new SubscriptionResponseWrapper<>(null, null, null)));
        final var schema = new CombinedKeySchema<>(() -> "topic-fk", Serdes.String(), () -> "topic-pk", Serdes.String());
        schema.init(null);
        line("combined-key", schema.toBytes("fk", "primary", NONE).get());
        line("combined-key-prefix", schema.prefixBytes("fk", NONE).get());
    }

    private static void outerJoins() {
        final var key = new TimestampedKeyAndJoinSideSerde<>(Serdes.String()).serializer();
        line("outer-key-left", key.serialize("topic", NONE, TimestampedKeyAndJoinSide.makeLeft("key", TIME)));
        line("outer-key-right", key.serialize("topic", NONE, TimestampedKeyAndJoinSide.makeRight("key", TIME)));
        final var value = new LeftOrRightValueSerde<>(Serdes.String(), Serdes.Long()).serializer();
        final byte[] left = value.serialize("topic", NONE, LeftOrRightValue.makeLeftValue("left"));
        final byte[] right = value.serialize("topic", NONE, LeftOrRightValue.makeRightValue(5L));
        final var list = Serdes.ListSerde(ArrayList.class, Serdes.ByteArray()).serializer();
        line("outer-value-left", list.serialize(null, new ArrayList<>(List.of(left))));
        line("outer-value-left-left", list.serialize(null, new ArrayList<>(List.of(left, left))));
        line("outer-value-right", list.serialize(null, new ArrayList<>(List.of(right))));
    }

    private static void buffers() throws Exception {
        final RecordHeaders headers = new RecordHeaders();
        headers.add("h", new byte[] {1, 2});
        headers.add("n", null);
        buffered("buffer-value", new ProcessorRecordContext(TIME, 42, 3, "in", headers), "value");
        buffered("buffer-value-no-headers", new ProcessorRecordContext(TIME, 42, 3, "in", NONE), "");
        final Method toStoreKey = PrefixedWindowKeySchemas.TimeFirstWindowKeySchema.class
            .getDeclaredMethod("toStoreKeyBinary", byte[].class, long.class, int.class);
        toStoreKey.setAccessible(true);
        final var key = (org.apache.kafka.common.utils.Bytes) toStoreKey.invoke(null, "key".getBytes(StandardCharsets.UTF_8), TIME, 9);
        line("buffer-key", key.get());
    }

    /** As in the changelog: with 8 bytes of buffer time, 0, at the end. */
    private static void buffered(final String name, final ProcessorRecordContext context, final String value) throws Exception {
        final Constructor<BufferValue> constructor = BufferValue.class.getDeclaredConstructor(
            byte[].class, byte[].class, byte[].class, ProcessorRecordContext.class);
        constructor.setAccessible(true);
        final Method serialize = BufferValue.class.getDeclaredMethod("serialize", int.class);
        serialize.setAccessible(true);
        final BufferValue buffer = constructor.newInstance(null, null, value.getBytes(StandardCharsets.UTF_8), context);
        line(name, ((ByteBuffer) serialize.invoke(buffer, Long.BYTES)).putLong(0L).array());
    }
}
