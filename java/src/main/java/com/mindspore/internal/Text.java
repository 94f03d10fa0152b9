package com.mindspore.internal;

import com.mindspore.MirinException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** Texts as the native tier takes them. */
public final class Text {
  private Text() {}

  /**
   * UTF-8 of a text.
   *
   * @param text a text, or null
   * @return its bytes; null for null
   * @throws MirinException INVALID_ARGUMENT when the text holds a NUL, which would cut it short
   */
  public static byte[] utf8(String text) {
    if (text == null) {
      return null;
    }
    if (text.indexOf('\0') >= 0) {
      throw MirinException.invalid("a text holds a NUL character: " + text.replace('\0', '?'));
    }
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /**
   * UTF-8 of texts.
   *
   * @param texts any texts but null
   * @return their bytes
   */
  public static byte[][] utf8(List<String> texts) {
    return texts.stream().map(Text::utf8).toArray(byte[][]::new);
  }
}
