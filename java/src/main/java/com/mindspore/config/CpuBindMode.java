package com.mindspore.config;

/** Which cores threads prefer. The cores of a server are alike, so every mode means no pinning. */
public final class CpuBindMode {
  /** No pinning. */
  public static final int NO_BIND = 0;

  /** Big cores first. */
  public static final int HIGHER_CPU = 1;

  /** Middle cores first. */
  public static final int MID_CPU = 2;

  private CpuBindMode() {}
}
