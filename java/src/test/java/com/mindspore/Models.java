package com.mindspore;

import com.mindspore.config.DataType;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/** The test models and their recorded inputs and outputs. */
final class Models {
  private Models() {}

  static Path path(String name) {
    return Path.of("tests/models/mindir", name + ".mindir");
  }

  /** A tensor [2, 2] of a model that adds its two inputs. */
  static MSTensor square(float... values) {
    return MSTensor.create("x", DataType.kNumberTypeFloat32, 2, 2).write(values);
  }

  /** Recorded values "in_0", "out_0" .. as raw little-endian bytes. */
  static ByteBuffer recorded(String name, String entry) {
    try (ZipFile zip = new ZipFile(path(name).toString().replace(".mindir", ".npz"))) {
      ZipEntry found = zip.getEntry(entry + ".npy");
      if (found == null) {
        throw new IllegalArgumentException(name + " has no " + entry);
      }
      byte[] npy = zip.getInputStream(found).readAllBytes();
      ByteBuffer bytes = ByteBuffer.wrap(npy).order(ByteOrder.LITTLE_ENDIAN);
      int header = bytes.getShort(8) & 0xFFFF;
      String text = new String(npy, 10, header, StandardCharsets.ISO_8859_1);
      if (text.contains("'fortran_order': True")) {
        throw new IllegalArgumentException(name + "." + entry + " is in Fortran order");
      }
      bytes.position(10 + header);
      return bytes.slice().order(ByteOrder.LITTLE_ENDIAN);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The model's inputs with the recorded values. */
  static List<MSTensor> inputs(String name, List<MSTensor> declared) {
    List<MSTensor> filled = new ArrayList<>();
    for (int i = 0; i < declared.size(); i++) {
      filled.add(declared.get(i).write(recorded(name, "in_" + i)));
    }
    return filled;
  }
}
