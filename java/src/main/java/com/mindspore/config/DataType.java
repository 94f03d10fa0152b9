package com.mindspore.config;

import com.mindspore.internal.Mirin;

/** Element types of tensors, as the numbers that the API uses. */
public final class DataType {
  /** No type. */
  public static final int kTypeUnknown = 0;

  /** Texts. */
  public static final int kObjectTypeString = 12;

  /** Booleans, a byte each. */
  public static final int kNumberTypeBool = 30;

  /** MindSpore's own int; no tensor has it. */
  public static final int kNumberTypeInt = 31;

  /** 8-bit integers. */
  public static final int kNumberTypeInt8 = 32;

  /** 16-bit integers. */
  public static final int kNumberTypeInt16 = 33;

  /** 32-bit integers. */
  public static final int kNumberTypeInt32 = 34;

  /** 64-bit integers. */
  public static final int kNumberTypeInt64 = 35;

  /** MindSpore's own unsigned int; no tensor has it. */
  public static final int kNumberTypeUInt = 36;

  /** Unsigned 8-bit integers. */
  public static final int kNumberTypeUInt8 = 37;

  /** Unsigned 16-bit integers. */
  public static final int kNumberTypeUInt16 = 38;

  /** Unsigned 32-bit integers. */
  public static final int kNumberTypeUInt32 = 39;

  /** Unsigned 64-bit integers. */
  public static final int kNumberTypeUInt64 = 40;

  /** MindSpore's own float; no tensor has it. */
  public static final int kNumberTypeFloat = 41;

  /** IEEE binary16 floats. */
  public static final int kNumberTypeFloat16 = 42;

  /** 32-bit floats. */
  public static final int kNumberTypeFloat32 = 43;

  /** 64-bit floats. */
  public static final int kNumberTypeFloat64 = 44;

  /** bfloat16 floats. */
  public static final int kNumberTypeBFloat16 = 45;

  private DataType() {}

  /**
   * The name of a type.
   *
   * @param dataType one of the constants
   * @return "float32", "bool", "string" ..; "unknown" for what is no type of tensors
   */
  public static String name(int dataType) {
    return Mirin.mirin_dtype_name(dataType);
  }

  /**
   * The bytes of one element.
   *
   * @param dataType one of the constants
   * @return 1, 2, 4 or 8; 0 for texts and what is no type of tensors
   */
  public static int size(int dataType) {
    return (int) Mirin.mirin_dtype_size(dataType);
  }
}
