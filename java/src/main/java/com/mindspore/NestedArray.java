package com.mindspore;

import com.mindspore.config.DataType;
import java.lang.reflect.Array;
import java.util.Arrays;
import java.util.Map;

/** An array of arrays of equal lengths, made flat. */
final class NestedArray {
  private static final Map<Class<?>, Integer> TYPES =
      Map.of(
          float.class, DataType.kNumberTypeFloat32,
          double.class, DataType.kNumberTypeFloat64,
          int.class, DataType.kNumberTypeInt32,
          long.class, DataType.kNumberTypeInt64,
          short.class, DataType.kNumberTypeInt16,
          byte.class, DataType.kNumberTypeInt8,
          boolean.class, DataType.kNumberTypeBool,
          String.class, DataType.kObjectTypeString);

  final long[] dims;
  final int dataType;
  final Object flat;
  private int filled;

  NestedArray(Object array) {
    if (array == null || !array.getClass().isArray()) {
      throw MirinException.invalid(
          (array == null ? "null" : array.getClass().getName()) + " is no array");
    }
    Class<?> type = array.getClass();
    int rank = 0;
    for (; type.isArray(); type = type.getComponentType()) {
      rank++;
    }
    if (!TYPES.containsKey(type)) {
      throw MirinException.invalid("arrays of " + type.getName() + " are no tensors");
    }
    dataType = TYPES.get(type);
    dims = new long[rank];
    long elements = 1;
    Object first = array;
    for (int axis = 0; axis < rank; axis++) {
      if (first == null) {
        throw MirinException.invalid("the array's shape is not known: axis " + axis + " is empty");
      }
      int length = Array.getLength(first);
      dims[axis] = length;
      elements *= length;
      if (elements > Integer.MAX_VALUE) {
        throw MirinException.invalid("the array has more than 2^31 - 1 elements");
      }
      first = axis + 1 < rank && length > 0 ? Array.get(first, 0) : null;
    }
    flat = Array.newInstance(type, (int) elements);
    fill(array, 0);
  }

  private void fill(Object array, int axis) {
    if (array == null || Array.getLength(array) != dims[axis]) {
      throw MirinException.invalid(
          "the array is ragged: axis "
              + axis
              + " is not "
              + dims[axis]
              + " long everywhere of "
              + Arrays.toString(dims));
    }
    int length = (int) dims[axis];
    if (axis == dims.length - 1) {
      System.arraycopy(array, 0, flat, filled, length);
      filled += length;
      return;
    }
    for (int i = 0; i < length; i++) {
      fill(Array.get(array, i), axis + 1);
    }
  }
}
