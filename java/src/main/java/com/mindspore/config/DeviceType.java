package com.mindspore.config;

/** Devices. */
public final class DeviceType {
  /** The CPU. */
  public static final int DT_CPU = 0;

  /** A GPU. */
  public static final int DT_GPU = 1;

  /** A Kirin NPU. */
  public static final int DT_NPU = 2;

  /** An Ascend processor. */
  public static final int DT_ASCEND = 3;

  private DeviceType() {}
}
