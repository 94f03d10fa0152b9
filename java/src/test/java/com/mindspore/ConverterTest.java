package com.mindspore;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConverterTest {
  /** An ONNX model y = Relu(x), x: float32[2], opset 17, in protobuf's wire format. */
  private static byte[] relu() {
    byte[] type = message(1, join(varint(1, 1), message(2, message(1, varint(1, 2)))));
    byte[] x = join(text(1, "x"), message(2, type));
    byte[] y = join(text(1, "y"), message(2, type));
    byte[] node = join(text(1, "x"), text(2, "y"), text(4, "Relu"));
    byte[] graph = join(message(1, node), text(2, "g"), message(11, x), message(12, y));
    return join(varint(1, 8), message(7, graph), message(8, varint(2, 17)));
  }

  private static byte[] join(byte[]... parts) {
    ByteBuffer all = ByteBuffer.allocate(1000);
    for (byte[] part : parts) {
      all.put(part);
    }
    byte[] bytes = new byte[all.position()];
    all.flip().get(bytes);
    return bytes;
  }

  private static byte[] varint(int field, int value) {
    return new byte[] {(byte) (field << 3), (byte) value};
  }

  private static byte[] message(int field, byte[] content) {
    return join(new byte[] {(byte) (field << 3 | 2), (byte) content.length}, content);
  }

  private static byte[] text(int field, String value) {
    return message(field, value.getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void onnxBecomesMindIr(@TempDir Path folder) throws IOException {
    Path onnx = Files.write(folder.resolve("relu.onnx"), relu());
    try (Converter converter = new Converter()) {
      assertEquals("", converter.report(Converter.ReportFormat.TEXT));
      converter.set("fmk", "ONNX").set("modelFile", onnx.toString());
      converter.check();
      converter.convert();
      byte[] mindir = converter.model();
      try (Model model = Model.builder().load(ByteBuffer.wrap(mindir))) {
        assertEquals("x", model.getInputs().get(0).tensorName());
        model.getInputs().get(0).write(new float[] {-1, 2});
        assertTrue(model.predict());
        assertEquals(2, model.getOutputs().get(0).getFloatData()[1]);
        assertEquals(0, model.getOutputs().get(0).getFloatData()[0]);
      }
      converter.set("outputFile", folder.resolve("net").toString());
      converter.convert();
      assertNull(converter.model());
      Path file = Path.of(converter.outputFile());
      assertEquals(folder.resolve("net.mindir"), file);
      Model.load(file).close();
      assertFalse(converter.report(Converter.ReportFormat.JSON).isEmpty());
      assertTrue(converter.report(Converter.ReportFormat.HTML).contains("<"));
      assertEquals("", converter.progress().step());
    }
  }

  @Test
  void badOptionsAndFilesSayWhy(@TempDir Path folder) throws IOException {
    assertTrue(Converter.options().contains("fmk"));
    Converter converter = new Converter();
    assertThrows(MirinException.class, () -> converter.set("no_such_option", "1"));
    assertThrows(MirinException.class, () -> converter.set("fmk", "NOPE"));
    assertThrows(MirinException.class, () -> converter.set(null, "1"));
    assertThrows(MirinException.class, () -> converter.set("fmk", null));
    converter.set("fmk", "ONNX").set("modelFile", folder + "/none.onnx");
    MirinException missing = assertThrows(MirinException.class, converter::convert);
    assertEquals(MirinException.Code.NOT_FOUND, missing.code());
    Path broken = Files.write(folder.resolve("broken.onnx"), new byte[] {1, 2, 3});
    converter.set("modelFile", broken.toString());
    assertThrows(MirinException.class, converter::check);
    assertFalse(converter.report(Converter.ReportFormat.TEXT).isEmpty());
    converter.close();
    converter.close();
    assertThrows(IllegalStateException.class, () -> converter.set("fmk", "ONNX"));
    assertThrows(IllegalStateException.class, converter::progress);
  }
}
