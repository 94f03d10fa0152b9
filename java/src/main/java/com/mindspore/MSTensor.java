package com.mindspore;

import com.mindspore.config.DataType;
import com.mindspore.internal.Handle;
import com.mindspore.internal.Mirin;
import com.mindspore.internal.NativeLibrary;
import java.lang.reflect.Array;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.function.LongConsumer;

/**
 * A tensor: name, type, shape and dense memory in C order, native byte order. One thread at a time
 * changes it; any number may read it or run with it at once. Outputs of a run own their memory and
 * stay as they are until they are freed.
 */
public final class MSTensor implements AutoCloseable {
  private static final LongConsumer DESTROY = Mirin::mirin_tensor_destroy;
  private static final LongConsumer BORROWED = pointer -> {};

  private final String name;
  private int dataType;
  private long[] dims;
  private Handle memory; // null: not made yet; dims then say of which shape
  private Object source; // an array that was set, copied when it is needed
  private MirinException rejected; // why the data set last were refused
  private boolean borrowed;
  private volatile boolean freed;

  /** A tensor without type and data, for compatibility only. */
  public MSTensor() {
    this("", DataType.kTypeUnknown, new long[] {0});
  }

  /**
   * A tensor over a native object that belongs to another, such as {@link #getMSTensorPtr} of it.
   *
   * @param tensorPtr the address of a mirin_tensor, which must outlive this one; 0 for none. Any
   *     other number ends the process
   */
  public MSTensor(long tensorPtr) {
    this("", DataType.kTypeUnknown, new long[] {0});
    if (tensorPtr != 0) {
      NativeLibrary.load();
      memory = new Handle(tensorPtr, BORROWED);
      borrowed = true;
    }
  }

  /** A tensor whose memory is made when it is needed. */
  MSTensor(String name, int dataType, long[] dims) {
    this.name = name;
    this.dataType = dataType;
    this.dims = dims;
  }

  /** A tensor that owns a share of its memory. */
  MSTensor(String name, Handle memory) {
    this.name = name;
    this.memory = memory;
  }

  /**
   * A tensor with a copy of a buffer.
   *
   * @param tensorName the name
   * @param dataType a constant of {@link DataType}
   * @param tensorShape the sizes of the axes
   * @param buffer a direct buffer with the elements, in native byte order whatever its order says;
   *     all of it, or from its position to its limit, must be as large as the tensor
   * @return the tensor; null for bad arguments, {@link MirinException#last} says why
   */
  public static MSTensor createTensor(
      String tensorName, int dataType, int[] tensorShape, ByteBuffer buffer) {
    MSTensor[] made = new MSTensor[1];
    boolean ok =
        MirinException.attempt(
            () -> {
              if (buffer == null || !buffer.isDirect()) {
                throw MirinException.invalid(
                    "the buffer is " + (buffer == null ? "null" : "not direct"));
              }
              if (dataType < DataType.kNumberTypeBool || dataType > DataType.kNumberTypeFloat64) {
                throw MirinException.invalid("data type " + dataType + " is not one of 30 .. 44");
              }
              made[0] = create(tensorName, dataType, tensorShape).writeOrFree(buffer);
            });
    return ok ? made[0] : null;
  }

  /**
   * A tensor with a copy of an array.
   *
   * @param tensorName the name
   * @param obj an array of arrays .. of float, double, int, long, short, byte, boolean or String,
   *     of equal lengths
   * @return the tensor; null for bad arguments, {@link MirinException#last} says why
   */
  public static MSTensor createTensor(String tensorName, Object obj) {
    MSTensor[] made = new MSTensor[1];
    return MirinException.attempt(() -> made[0] = fromArray(tensorName, obj)) ? made[0] : null;
  }

  /**
   * A tensor of zeros.
   *
   * @param name the name
   * @param dataType a constant of {@link DataType}, but texts
   * @param shape the sizes of the axes, none for a scalar
   * @return the tensor
   * @throws MirinException INVALID_ARGUMENT, RESOURCE_EXHAUSTED
   */
  public static MSTensor create(String name, int dataType, int... shape) {
    NativeLibrary.load();
    if (name == null) {
      throw MirinException.invalid("the name is null");
    }
    return new MSTensor(name, dataType, dims(shape)).ready();
  }

  /**
   * A tensor with a copy of an array.
   *
   * @param name the name
   * @param array an array of arrays .. of float, double, int, long, short, byte, boolean or String,
   *     of equal lengths
   * @return the tensor
   * @throws MirinException INVALID_ARGUMENT, RESOURCE_EXHAUSTED
   */
  public static MSTensor fromArray(String name, Object array) {
    NativeLibrary.load();
    if (name == null) {
      throw MirinException.invalid("the name is null");
    }
    NestedArray nested = new NestedArray(array);
    if (nested.flat instanceof String[]) {
      return new MSTensor(name, strings(nested.dims, (String[]) nested.flat));
    }
    return new MSTensor(name, nested.dataType, nested.dims).ready().writeOrFree(nested.flat);
  }

  /**
   * A tensor over a direct buffer's memory, without a copy: each sees what is written to the other.
   * The buffer is kept.
   *
   * @param name the name
   * @param dataType a constant of {@link DataType}, but texts
   * @param shape the sizes of the axes
   * @param buffer its bytes from position to limit are the elements, as many as the shape needs;
   *     its order must be the native one unless elements have one byte
   * @return the tensor
   * @throws MirinException INVALID_ARGUMENT
   */
  public static MSTensor wrap(String name, int dataType, int[] shape, ByteBuffer buffer) {
    NativeLibrary.load();
    if (name == null || buffer == null || !buffer.isDirect()) {
      throw MirinException.invalid("the name or the buffer is null, or the buffer is not direct");
    }
    if (buffer.isReadOnly()) {
      throw MirinException.invalid("the buffer is read-only: copy it with write()");
    }
    if (DataType.size(dataType) > 1 && buffer.order() != ByteOrder.nativeOrder()) {
      throw MirinException.invalid(
          "the buffer's order is " + buffer.order() + ": set ByteOrder.nativeOrder()");
    }
    long[] sizes = dims(shape);
    if (buffer.remaining() != bytes(dataType, sizes)) {
      throw MirinException.invalid(
          "the buffer has " + buffer.remaining() + " bytes, the tensor " + bytes(dataType, sizes));
    }
    ByteBuffer kept = buffer.duplicate();
    long pointer =
        Mirin.wrapBuffer(dataType, sizes, kept, kept.position(), Math.max(1, kept.remaining()));
    return new MSTensor(name, new Handle(pointer, DESTROY, null, kept));
  }

  /**
   * The sizes of the axes.
   *
   * @return a new array; -1 for sizes that are not known before a run, a single -2 when not even
   *     their number is
   * @throws ArithmeticException when a size is no int
   */
  public int[] getShape() {
    long[] sizes = sizes();
    if (sizes == null) {
      return new int[] {-2};
    }
    return Arrays.stream(sizes).mapToInt(Math::toIntExact).toArray();
  }

  /**
   * The type of the elements.
   *
   * @return a constant of {@link DataType}
   */
  public int getDataType() {
    checkNotFreed();
    return memory == null ? dataType : describe().dataType;
  }

  /**
   * The bytes of all elements.
   *
   * @return 0 while sizes are not known, and for texts
   */
  public long size() {
    return Math.max(0, bytes(getDataType(), sizes()));
  }

  /**
   * The number of elements.
   *
   * @return 0 while sizes are not known
   * @throws ArithmeticException when it is no int
   */
  public int elementsNum() {
    return Math.toIntExact(Math.max(0, elements(sizes())));
  }

  /**
   * The name.
   *
   * @return what the model calls it, or what it was created with
   */
  public String tensorName() {
    return name;
  }

  /**
   * The native object's address, for comparison and printing.
   *
   * @return 0 after free, and before there is memory
   */
  public long getMSTensorPtr() {
    return memory == null ? 0 : memory.address();
  }

  /**
   * A direct view of the elements in native byte order: both see what is written to the other. The
   * memory lives as long as the view or a slice of it can be reached, also after {@link #free}.
   *
   * @return a buffer over all bytes
   * @throws MirinException INVALID_ARGUMENT for texts, unknown sizes and more than 2 GiB
   */
  public ByteBuffer data() {
    ready();
    source = null;
    rejected = null;
    return memory.keepFor(view());
  }

  /**
   * A copy of the elements.
   *
   * @return boolean[], byte[], short[], int[], long[], float[] (also of 16-bit floats), double[] or
   *     String[]; null when there are none, {@link MirinException#last} says why
   */
  public Object getData() {
    Object[] copy = new Object[1];
    return MirinException.attempt(() -> copy[0] = read()) ? copy[0] : null;
  }

  /**
   * A copy of the elements.
   *
   * @return boolean[], byte[], short[], int[], long[], float[] (also of 16-bit floats), double[] or
   *     String[]
   * @throws MirinException INVALID_ARGUMENT while sizes are not known
   */
  public Object read() {
    ready();
    if (elements(sizes()) > Integer.MAX_VALUE - 8) {
      throw MirinException.invalid(this + " has more elements than an array can have");
    }
    int n = elementsNum();
    int type = getDataType();
    return type == DataType.kObjectTypeString
        ? Arrays.copyOf(strings(), n, String[].class)
        : copyOut(ElementArrays.create(type, n));
  }

  /**
   * A copy of 8-bit integers or booleans.
   *
   * @return empty for other types, {@link MirinException#last} says why
   */
  public byte[] getByteData() {
    byte[] none = {};
    Object copy = getData();
    if (copy instanceof boolean[]) {
      boolean[] flags = (boolean[]) copy;
      byte[] bytes = new byte[flags.length];
      for (int i = 0; i < bytes.length; i++) {
        bytes[i] = (byte) (flags[i] ? 1 : 0);
      }
      return bytes;
    }
    return typed(copy, none);
  }

  /**
   * A copy of floats; 16-bit floats are converted.
   *
   * @return empty for other types, {@link MirinException#last} says why
   */
  public float[] getFloatData() {
    float[] none = {};
    return typed(getData(), none);
  }

  /**
   * A copy of 32-bit integers.
   *
   * @return empty for other types, {@link MirinException#last} says why
   */
  public int[] getIntData() {
    int[] none = {};
    return typed(getData(), none);
  }

  /**
   * A copy of 64-bit integers.
   *
   * @return empty for other types, {@link MirinException#last} says why
   */
  public long[] getLongData() {
    long[] none = {};
    return typed(getData(), none);
  }

  @SuppressWarnings("unchecked")
  private <T> T typed(Object copy, T none) {
    if (copy == null) {
      return none;
    }
    if (copy.getClass() != none.getClass()) {
      MirinException.note(
          MirinException.Code.INVALID_ARGUMENT,
          this + " has no elements of " + none.getClass().getComponentType());
      return none;
    }
    return (T) copy;
  }

  /**
   * Sets the shape. Another shape than before brings new memory, of zeros.
   *
   * @param tensorShape sizes of 0 or more
   * @return false when the shape cannot be had; {@link MirinException#last} says why
   */
  public boolean setShape(int[] tensorShape) {
    return MirinException.attempt(() -> take(memoryFor(dims(tensorShape))));
  }

  /**
   * Sets the elements. The array is kept and copied when it is needed, at the latest by the run.
   *
   * @param data the bytes of all elements, whatever their type
   * @return false when it does not fit, and runs are refused until data fit; {@link
   *     MirinException#last} says why
   */
  public boolean setData(byte[] data) {
    return set(data);
  }

  /**
   * Sets the elements of a float tensor; those of 16-bit floats are rounded. The array is kept and
   * copied when it is needed, at the latest by the run.
   *
   * @param data all elements
   * @return false when it does not fit, and runs are refused until data fit; {@link
   *     MirinException#last} says why
   */
  public boolean setData(float[] data) {
    return set(data);
  }

  /**
   * Sets the elements of a tensor of 32-bit integers. The array is kept and copied when it is
   * needed, at the latest by the run.
   *
   * @param data all elements
   * @return false when it does not fit, and runs are refused until data fit; {@link
   *     MirinException#last} says why
   */
  public boolean setData(int[] data) {
    return set(data);
  }

  /**
   * Sets the elements of a tensor of 64-bit integers. The array is kept and copied when it is
   * needed, at the latest by the run.
   *
   * @param data all elements
   * @return false when it does not fit, and runs are refused until data fit; {@link
   *     MirinException#last} says why
   */
  public boolean setData(long[] data) {
    return set(data);
  }

  /**
   * Copies the elements from a buffer.
   *
   * @param data a direct buffer with the elements, in native byte order whatever its order says;
   *     all of it, or from its position to its limit, must be as large as the tensor
   * @return false when it does not fit, and runs are refused until data fit; {@link
   *     MirinException#last} says why
   */
  public boolean setData(ByteBuffer data) {
    if (data != null && !data.isDirect()) {
      return reject(MirinException.invalid("the buffer is not direct"));
    }
    return set(data);
  }

  private boolean set(Object data) {
    try {
      checkFits(data);
      rejected = null;
      if (data instanceof ByteBuffer) {
        write(data);
      } else {
        source = data;
      }
      return true;
    } catch (MirinException e) {
      return reject(e);
    }
  }

  private boolean reject(MirinException e) {
    rejected = e;
    source = null;
    return MirinException.attempt(
        () -> {
          throw e;
        });
  }

  /**
   * Copies the elements, at once.
   *
   * @param data a flat array of the tensor's type: boolean[], byte[], short[], int[], long[],
   *     float[] (also for 16-bit floats), double[], String[]; byte[] with the bytes of all elements
   *     of any type; or a buffer with them, direct or not
   * @return this tensor
   * @throws MirinException INVALID_ARGUMENT when it does not fit
   */
  public MSTensor write(Object data) {
    checkFits(data);
    ready();
    source = null;
    rejected = null;
    if (data instanceof String[]) {
      Handle old = memory;
      memory = strings(sizes(), (String[]) data);
      old.close();
    } else if (data instanceof ByteBuffer) {
      if (size() > 0) {
        copyFrom(((ByteBuffer) data).duplicate());
      }
    } else {
      copyIn(data);
    }
    return this;
  }

  private MSTensor writeOrFree(Object data) {
    try {
      return write(data);
    } catch (RuntimeException | Error e) {
      free();
      throw e;
    }
  }

  /** Frees the memory, or this object's share of it; twice is fine. Runs and views keep theirs. */
  public void free() {
    freed = true;
    source = null;
    if (memory != null) {
      memory.close(); // and kept: whoever uses it is told
    }
  }

  /** The same as {@link #free}. */
  @Override
  public void close() {
    free();
  }

  @Override
  public String toString() {
    if (freed) {
      return "MSTensor(" + name + ", freed)";
    }
    String type =
        memory == null && dataType == DataType.kTypeUnknown ? "" : DataType.name(getDataType());
    String shape = sizes() == null ? "[?]" : Arrays.toString(sizes());
    return "MSTensor(" + name + ", " + type + shape + ")";
  }

  // --- for Engine and Model ---

  /** The memory with the data set last in it. */
  Handle memory() {
    checkNotFreed();
    if (rejected != null) {
      throw new MirinException(rejected.code(), "'" + name + "': " + rejected.getMessage());
    }
    ready();
    return memory;
  }

  /** A run wrote to the memory and may have changed its shape. */
  void changed() {
    Handle written = memory;
    if (written != null) {
      written.note(null);
    }
    source = null;
  }

  /** Another tensor with a share of the same memory. */
  MSTensor share() {
    checkNotFreed();
    return memory == null ? new MSTensor(name, dataType, dims) : new MSTensor(name, memory.share());
  }

  /** Memory of zeros for a shape; null when the tensor has that shape. */
  Handle memoryFor(long[] sizes) {
    checkNotFreed();
    return Arrays.equals(sizes, sizes())
        ? null
        : new Handle(Mirin.createTensor(getDataType(), sizes), DESTROY);
  }

  /** Takes what {@link #memoryFor} made instead of the memory so far. */
  void take(Handle made) {
    if (made == null) {
      return;
    }
    int type = getDataType();
    Handle old = memory;
    memory = made;
    borrowed = false;
    dataType = type;
    source = null;
    rejected = null;
    if (old != null) {
      old.close();
    }
  }

  static long[] dims(int[] shape) {
    if (shape == null) {
      throw MirinException.invalid("the shape is null");
    }
    for (int size : shape) {
      if (size < 0) {
        throw MirinException.invalid("shape " + Arrays.toString(shape) + " has a negative size");
      }
    }
    return Arrays.stream(shape).asLongStream().toArray();
  }

  // --- memory ---

  /** Type and shape of memory, noted at its handle until a run changes them. */
  private static final class Description {
    final int dataType;
    final long[] dims;

    Description(int dataType, long[] dims) {
      this.dataType = dataType;
      this.dims = dims;
    }
  }

  private Description describe() {
    Object noted = memory.note();
    if (noted != null) {
      return (Description) noted;
    }
    long pointer = memory.acquire();
    try {
      Description made =
          new Description(Mirin.mirin_tensor_dtype(pointer), Mirin.tensorDims(pointer));
      if (!borrowed) {
        memory.note(made);
      }
      return made;
    } finally {
      memory.release();
    }
  }

  private void checkNotFreed() {
    if (freed) {
      throw new IllegalStateException("tensor '" + name + "' used after free() or close()");
    }
  }

  /** Not to be changed; null when not even their number is known. */
  private long[] sizes() {
    checkNotFreed();
    return memory == null ? dims : describe().dims;
  }

  /** -1 when sizes are not known. */
  private static long elements(long[] dims) {
    if (dims == null) {
      return -1;
    }
    long n = 1;
    for (long size : dims) {
      if (size < 0) {
        return -1;
      }
      if (size > 0 && n > Long.MAX_VALUE / 8 / size) {
        throw MirinException.invalid("shape " + Arrays.toString(dims) + " has too many elements");
      }
      n *= size;
    }
    return n;
  }

  private static long bytes(int dataType, long[] dims) {
    return elements(dims) * (dataType == DataType.kTypeUnknown ? 0 : DataType.size(dataType));
  }

  /** Makes the memory if need be, and brings it up to date. */
  private MSTensor ready() {
    checkNotFreed();
    if (memory == null) {
      if (dims == null || Arrays.stream(dims).anyMatch(size -> size < 0)) {
        throw MirinException.invalid(
            this + " has sizes that are not known: set its shape, or resize the model");
      }
      memory = new Handle(Mirin.createTensor(dataType, dims), DESTROY);
    }
    if (source != null) {
      copyIn(source);
    }
    return this;
  }

  private ByteBuffer view() {
    long n = size();
    if (n > Integer.MAX_VALUE || getDataType() == DataType.kObjectTypeString) {
      throw MirinException.invalid(this + " cannot be viewed as one buffer of bytes");
    }
    if (n == 0) {
      return ByteBuffer.allocateDirect(0);
    }
    long pointer = memory.acquire();
    try {
      return (ByteBuffer) Mirin.tensorBuffer(pointer);
    } finally {
      memory.release();
    }
  }

  private void copyFrom(ByteBuffer from) {
    if (from.remaining() != size()) {
      from.clear();
    }
    long pointer = memory.acquire(); // the view must not outlive it
    try {
      ((ByteBuffer) Mirin.tensorBuffer(pointer)).put(from);
    } finally {
      memory.release();
    }
  }

  private void copyIn(Object array) {
    if (Array.getLength(array) == 0) {
      return;
    }
    long pointer = memory.acquire();
    try {
      int type = getDataType();
      long bytes = ElementArrays.bytes(array, type);
      if (array instanceof float[] && type != DataType.kNumberTypeFloat32) {
        Mirin.copyFloatsIn(pointer, (float[]) array, bytes);
      } else {
        Mirin.copyIn(pointer, array, bytes);
      }
    } finally {
      memory.release();
    }
  }

  private Object copyOut(Object array) {
    if (Array.getLength(array) == 0) {
      return array;
    }
    long pointer = memory.acquire();
    try {
      int type = getDataType();
      long bytes = ElementArrays.bytes(array, type);
      if (array instanceof float[] && type != DataType.kNumberTypeFloat32) {
        Mirin.copyFloatsOut(pointer, (float[]) array, bytes);
      } else {
        Mirin.copyOut(pointer, array, bytes);
      }
    } finally {
      memory.release();
    }
    return array;
  }

  private Object[] strings() {
    long pointer = memory.acquire();
    try {
      return Mirin.tensorStrings(pointer);
    } finally {
      memory.release();
    }
  }

  private static Handle strings(long[] dims, String[] texts) {
    byte[][] bytes = new byte[texts.length][];
    for (int i = 0; i < texts.length; i++) {
      if (texts[i] == null) {
        throw MirinException.invalid("the array has null at index " + i);
      }
      bytes[i] = texts[i].getBytes(StandardCharsets.UTF_8);
    }
    return new Handle(Mirin.createStrings(dims, bytes), DESTROY);
  }

  /** Refuses data of another type or length than the tensor. */
  private void checkFits(Object data) {
    checkNotFreed();
    if (data == null) {
      throw MirinException.invalid("the data are null");
    }
    long[] sizes = sizes();
    long elements = elements(sizes);
    int type = getDataType();
    if (elements < 0 || type == DataType.kTypeUnknown) {
      throw MirinException.invalid(this + " has no sizes yet: set its shape, or resize the model");
    }
    long bytes = elements * DataType.size(type);
    if (data instanceof ByteBuffer && type != DataType.kObjectTypeString) {
      ByteBuffer buffer = (ByteBuffer) data;
      if (buffer.remaining() != bytes && buffer.capacity() != bytes) {
        throw MirinException.invalid(
            "the buffer has " + buffer.remaining() + " bytes, " + this + " has " + bytes);
      }
      return;
    }
    if (data instanceof byte[] && type != DataType.kObjectTypeString) {
      if (((byte[]) data).length != bytes) {
        throw MirinException.invalid(
            "the array has " + ((byte[]) data).length + " bytes, " + this + " has " + bytes);
      }
      return;
    }
    if (!ElementArrays.fit(type, data)) {
      throw MirinException.invalid(
          data.getClass().getSimpleName() + " does not fit the type of " + this);
    }
    if (Array.getLength(data) != elements) {
      throw MirinException.invalid(
          "the array has " + Array.getLength(data) + " elements, " + this + " has " + elements);
    }
  }
}
