package com.mindspore.config;

import com.mindspore.internal.Mirin;
import com.mindspore.internal.NativeLibrary;

/** The library's version. */
public final class Version {
  private Version() {}

  /**
   * The release of the native library.
   *
   * @return a text such as "Mirin 0.1.0"
   */
  public static String version() {
    NativeLibrary.load();
    return "Mirin " + Mirin.mirin_version_string();
  }
}
