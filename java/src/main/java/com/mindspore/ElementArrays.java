package com.mindspore;

import com.mindspore.config.DataType;
import java.lang.reflect.Array;

/** Which Java arrays have the elements of which tensors. */
final class ElementArrays {
  private ElementArrays() {}

  /** A new array for elements of a type, but texts. */
  static Object create(int type, int n) {
    switch (type) {
      case DataType.kNumberTypeBool:
        return new boolean[n];
      case DataType.kNumberTypeInt8:
      case DataType.kNumberTypeUInt8:
        return new byte[n];
      case DataType.kNumberTypeInt16:
      case DataType.kNumberTypeUInt16:
        return new short[n];
      case DataType.kNumberTypeInt32:
      case DataType.kNumberTypeUInt32:
        return new int[n];
      case DataType.kNumberTypeInt64:
      case DataType.kNumberTypeUInt64:
        return new long[n];
      case DataType.kNumberTypeFloat64:
        return new double[n];
      default: // 16-bit floats are converted
        return new float[n];
    }
  }

  /** The bytes of a tensor whose elements an array has, or which it has as bytes. */
  static long bytes(Object array, int dataType) {
    return (long) Array.getLength(array) * (array instanceof byte[] ? 1 : DataType.size(dataType));
  }

  /** Whether an array has elements of a type. */
  static boolean fit(int type, Object data) {
    switch (type) {
      case DataType.kObjectTypeString:
        return data instanceof String[];
      case DataType.kNumberTypeBool:
        return data instanceof boolean[];
      case DataType.kNumberTypeInt16:
      case DataType.kNumberTypeUInt16:
        return data instanceof short[];
      case DataType.kNumberTypeInt32:
      case DataType.kNumberTypeUInt32:
        return data instanceof int[];
      case DataType.kNumberTypeInt64:
      case DataType.kNumberTypeUInt64:
        return data instanceof long[];
      case DataType.kNumberTypeFloat16:
      case DataType.kNumberTypeBFloat16:
      case DataType.kNumberTypeFloat32:
        return data instanceof float[];
      case DataType.kNumberTypeFloat64:
        return data instanceof double[];
      default:
        return false;
    }
  }
}
