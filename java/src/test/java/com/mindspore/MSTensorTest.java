package com.mindspore;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.mindspore.config.DataType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

class MSTensorTest {
  private static ByteBuffer direct(int bytes) {
    return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
  }

  private static void invalid(Runnable action) {
    MirinException e = assertThrows(MirinException.class, action::run);
    assertEquals(MirinException.Code.INVALID_ARGUMENT, e.code(), e.getMessage());
  }

  @Test
  void buffersAreCopiedAndMustFit() {
    ByteBuffer buffer = direct(8);
    buffer.putFloat(1).putFloat(2); // the position is at the end, as many programs leave it
    MSTensor t = MSTensor.createTensor("t", DataType.kNumberTypeFloat32, new int[] {2}, buffer);
    buffer.putFloat(0, 100);
    assertArrayEquals(new float[] {1, 2}, t.getFloatData());
    assertEquals("t", t.tensorName());
    int f32 = DataType.kNumberTypeFloat32;
    assertNull(MSTensor.createTensor(null, f32, new int[] {2}, buffer));
    assertNull(MSTensor.createTensor("t", f32, null, buffer));
    assertNull(MSTensor.createTensor("t", f32, new int[] {2}, null));
    assertNull(MSTensor.createTensor("t", f32, new int[] {2}, ByteBuffer.allocate(8)));
    assertTrue(MirinException.last().getMessage().contains("not direct"));
    assertNull(MSTensor.createTensor("t", f32, new int[] {3}, buffer));
    assertNull(MSTensor.createTensor("t", f32, new int[] {-2}, buffer));
    assertNull(MSTensor.createTensor("t", 29, new int[] {2}, buffer));
    assertNull(MSTensor.createTensor("t", 45, new int[] {2}, buffer));
    assertNull(MSTensor.createTensor("t", DataType.kNumberTypeInt, new int[] {2}, buffer));
    assertNull(MSTensor.createTensor("t", f32, new int[] {1, 1, 1, 1, 1, 1, 1, 1, 2}, buffer));
    t.free();
  }

  @Test
  void nestedArraysBecomeTensors() {
    MSTensor t = MSTensor.createTensor("t", new float[][] {{1, 2, 3}, {4, 5, 6}});
    assertArrayEquals(new int[] {2, 3}, t.getShape());
    assertArrayEquals(new float[] {1, 2, 3, 4, 5, 6}, t.getFloatData());
    assertArrayEquals(
        new double[] {1}, (double[]) MSTensor.createTensor("t", new double[] {1}).getData());
    assertArrayEquals(
        new int[] {7}, MSTensor.createTensor("t", new int[][][] {{{7}}}).getIntData());
    assertArrayEquals(
        new long[] {1L << 40}, MSTensor.fromArray("t", new long[] {1L << 40}).getLongData());
    assertArrayEquals(
        new boolean[] {true, false},
        (boolean[]) MSTensor.createTensor("t", new boolean[] {true, false}).getData());
    assertArrayEquals(
        new byte[] {1, 0}, MSTensor.createTensor("t", new boolean[] {true, false}).getByteData());
    MSTensor texts = MSTensor.fromArray("t", new String[] {"", "\u00e4\u20ac\ud83d\ude00"});
    assertArrayEquals(new String[] {"", "\u00e4\u20ac\ud83d\ude00"}, (Object[]) texts.read());
    assertEquals(0, texts.size());
    texts.write(new String[] {"a", "b"});
    assertArrayEquals(new String[] {"a", "b"}, (Object[]) texts.getData());
    assertEquals(0, MSTensor.createTensor("t", new float[0]).elementsNum());
    assertArrayEquals(new int[] {2, 0}, MSTensor.createTensor("t", new float[2][0]).getShape());
    assertNull(MSTensor.createTensor("t", new float[0][]));
    assertNull(MSTensor.createTensor("t", new float[][] {{1}, {1, 2}}));
    assertNull(MSTensor.createTensor("t", new float[][] {{1}, null}));
    assertNull(MSTensor.createTensor("t", new Object[] {1, 2}));
    assertNull(MSTensor.createTensor("t", new String[] {null}));
    assertNull(MSTensor.createTensor("t", 5));
    assertNull(MSTensor.createTensor("t", (Object) null));
    assertNull(MSTensor.createTensor(null, new float[1]));
    invalid(() -> MSTensor.fromArray("t", new char[1]));
  }

  @Test
  void everyTypeKeepsItsBits() {
    Object[][] cases = {
      {DataType.kNumberTypeBool, new boolean[] {true, false}},
      {DataType.kNumberTypeInt8, new byte[] {-128, 127}},
      {DataType.kNumberTypeUInt8, new byte[] {-1, 0}},
      {DataType.kNumberTypeInt16, new short[] {-32768, 5}},
      {DataType.kNumberTypeUInt16, new short[] {-1, 5}},
      {DataType.kNumberTypeInt32, new int[] {Integer.MIN_VALUE, 5}},
      {DataType.kNumberTypeUInt32, new int[] {-1, 5}},
      {DataType.kNumberTypeInt64, new long[] {Long.MIN_VALUE, 5}},
      {DataType.kNumberTypeUInt64, new long[] {-1, 5}},
      {DataType.kNumberTypeFloat16, new float[] {0.5f, Float.NaN}},
      {DataType.kNumberTypeBFloat16, new float[] {-2, Float.POSITIVE_INFINITY}},
      {DataType.kNumberTypeFloat32, new float[] {Float.MIN_VALUE, -0f}},
      {DataType.kNumberTypeFloat64, new double[] {Double.MIN_VALUE, 5}},
    };
    for (Object[] c : cases) {
      try (MSTensor t = MSTensor.create("t", (Integer) c[0], 2)) {
        assertTrue(Objects.deepEquals(c[1], t.write(c[1]).read()), DataType.name((Integer) c[0]));
        assertEquals(2L * DataType.size((Integer) c[0]), t.size());
      }
    }
  }

  @Test
  void dataOfAnotherTypeOrLengthIsRefused() {
    MSTensor t = MSTensor.create("t", DataType.kNumberTypeFloat32, 2, 3);
    assertFalse(t.setData(new float[5]));
    assertFalse(t.setData(new float[0]));
    assertFalse(t.setData(new int[6]));
    assertFalse(t.setData(new long[6]));
    assertFalse(t.setData(new byte[23]));
    assertFalse(t.setData((int[]) null));
    assertFalse(t.setData((ByteBuffer) null));
    assertFalse(t.setData(ByteBuffer.allocate(24)));
    assertFalse(t.setData(direct(25)));
    assertTrue(t.setData(new byte[24]));
    assertTrue(t.setData(direct(24)));
    ByteBuffer larger = direct(100);
    larger.position(8).limit(32);
    assertTrue(t.setData(larger));
    assertEquals(8, larger.position());
    assertTrue(t.setData(new float[] {1, 2, 3, 4, 5, 6}));
    assertArrayEquals(new float[] {1, 2, 3, 4, 5, 6}, t.getFloatData());
    assertEquals(0, t.getIntData().length);
    assertEquals(0, t.getLongData().length);
    assertEquals(0, t.getByteData().length);
    invalid(() -> t.write(null));
    invalid(() -> t.write("text"));
    invalid(() -> t.write(new float[2][3]));
    t.write(ByteBuffer.allocate(24));
    assertArrayEquals(new float[6], t.getFloatData());
    t.free();
  }

  @Test
  void shapesChange() {
    MSTensor t = MSTensor.create("t", DataType.kNumberTypeInt32, 2);
    t.write(new int[] {1, 2});
    assertTrue(t.setShape(new int[] {2}));
    assertArrayEquals(new int[] {1, 2}, t.getIntData());
    assertTrue(t.setShape(new int[] {3}));
    assertArrayEquals(new int[3], t.getIntData());
    assertTrue(t.setShape(new int[0]));
    assertEquals(1, t.elementsNum());
    assertTrue(t.setShape(new int[] {0, 5}));
    assertEquals(0, t.elementsNum());
    assertTrue(t.setData(new int[0]));
    assertFalse(t.setShape(null));
    assertFalse(t.setShape(new int[] {-1}));
    assertFalse(t.setShape(new int[] {1, 1, 1, 1, 1, 1, 1, 1, 1}));
    int huge = Integer.MAX_VALUE;
    assertFalse(t.setShape(new int[] {huge, huge}));
    assertFalse(t.setShape(new int[] {huge, huge, huge, huge}));
    assertArrayEquals(new int[] {0, 5}, t.getShape());
    assertThrows(
        MirinException.class,
        () -> MSTensor.create("t", DataType.kNumberTypeFloat64, huge, huge, huge));
    invalid(
        () ->
            MSTensor.wrap(
                "t", DataType.kNumberTypeFloat64, new int[] {huge, huge, huge}, direct(8)));
    t.free();
  }

  @Test
  void wrappedBuffersAreShared() {
    ByteBuffer buffer = direct(20);
    buffer.position(4);
    MSTensor t = MSTensor.wrap("t", DataType.kNumberTypeFloat32, new int[] {4}, buffer);
    buffer.putFloat(4, 7);
    assertEquals(7, t.getFloatData()[0]);
    t.write(new float[] {1, 2, 3, 4});
    assertEquals(4, buffer.getFloat(16));
    t.free();
    assertEquals(4, buffer.getFloat(16));
    int f32 = DataType.kNumberTypeFloat32;
    invalid(() -> MSTensor.wrap("t", f32, new int[] {4}, direct(15)));
    invalid(() -> MSTensor.wrap("t", f32, new int[] {4}, ByteBuffer.allocate(16)));
    invalid(() -> MSTensor.wrap("t", f32, new int[] {4}, direct(16).asReadOnlyBuffer()));
    invalid(
        () ->
            MSTensor.wrap(
                "t",
                f32,
                new int[] {4},
                ByteBuffer.allocateDirect(16).order(ByteOrder.BIG_ENDIAN)));
    invalid(() -> MSTensor.wrap("t", DataType.kObjectTypeString, new int[] {4}, direct(16)));
    invalid(() -> MSTensor.wrap("t", f32, null, direct(16)));
    invalid(() -> MSTensor.wrap(null, f32, new int[] {4}, direct(16)));
    assertNotNull(MSTensor.wrap("t", f32, new int[] {0}, direct(0)));
  }

  @Test
  void viewsOutliveTheirTensor() {
    MSTensor t = MSTensor.fromArray("t", new float[] {1, 2, 3});
    ByteBuffer view = t.data();
    assertEquals(ByteOrder.nativeOrder(), view.order());
    assertEquals(12, view.capacity());
    view.putFloat(4, 20);
    assertEquals(20, t.getFloatData()[1]);
    t.free();
    assertEquals(20, view.getFloat(4));
    view.putFloat(0, 5);
    assertEquals(5, view.asFloatBuffer().get(0));
  }

  @Test
  void freeIsFinalAndSafeTwice() {
    MSTensor t = MSTensor.fromArray("t", new float[] {1});
    assertNotEquals(0, t.getMSTensorPtr());
    t.free();
    t.free();
    t.close();
    assertEquals(0, t.getMSTensorPtr());
    assertEquals("t", t.tensorName());
    assertTrue(t.toString().contains("freed"));
    List<Runnable> uses =
        List.of(
            t::getShape,
            t::getDataType,
            t::size,
            t::elementsNum,
            t::data,
            t::read,
            t::getData,
            t::getFloatData,
            t::getByteData,
            () -> t.setData(new float[1]),
            () -> t.setData((ByteBuffer) null),
            () -> t.write(new float[1]),
            () -> t.setShape(new int[] {1}));
    for (int i = 0; i < uses.size(); i++) {
      assertThrows(IllegalStateException.class, uses.get(i)::run, "use " + i);
    }
  }

  @Test
  void emptyAndBorrowedTensors() {
    MSTensor none = new MSTensor();
    assertEquals(0, none.getMSTensorPtr());
    assertEquals(DataType.kTypeUnknown, none.getDataType());
    assertEquals(0, none.size());
    assertEquals(0, none.getFloatData().length);
    assertNull(none.getData());
    assertFalse(none.setData(new float[0]));
    none.free();
    MSTensor owner = MSTensor.fromArray("t", new float[] {1, 2});
    MSTensor borrower = new MSTensor(owner.getMSTensorPtr());
    assertArrayEquals(new float[] {1, 2}, borrower.getFloatData());
    borrower.free();
    assertArrayEquals(new float[] {1, 2}, owner.getFloatData());
    owner.free();
    assertEquals(0, new MSTensor(0).size());
  }

  @Test
  void describesItself() {
    assertEquals("MSTensor(t, float32[2, 3])", MSTensor.create("t", 43, 2, 3).toString());
    invalid(() -> MSTensor.create(null, 43, 2));
    invalid(() -> MSTensor.create("t", 43, (int[]) null));
    invalid(() -> MSTensor.create("t", 99, 2));
    invalid(() -> MSTensor.create("t", DataType.kObjectTypeString, 2));
  }
}
