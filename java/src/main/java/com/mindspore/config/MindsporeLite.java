package com.mindspore.config;

import com.mindspore.internal.NativeLibrary;

/** Loads the native libraries ahead of their first use. */
public final class MindsporeLite {
  private MindsporeLite() {}

  /**
   * Loads the native libraries; not needed, the first model does it too.
   *
   * @throws UnsatisfiedLinkError with the reason
   */
  public static void init() {
    NativeLibrary.load();
  }
}
