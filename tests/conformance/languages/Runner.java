import com.mindspore.MSTensor;
import com.mindspore.MirinException;
import com.mindspore.Model;
import com.mindspore.config.DataType;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/** Runner LIST OUT: runs the pairs of languages_test.py through the Java API. */
final class Runner {
  private Runner() {}

  private static int typeNamed(String name) {
    for (int type = 0; type < 64; type++) {
      if (DataType.name(type).equals(name)) {
        return type;
      }
    }
    throw new IllegalArgumentException(name + " is no dtype");
  }

  /** dtype:dims:file */
  private static MSTensor readInput(String field) throws IOException {
    String[] parts = field.split(":", 3);
    int[] shape =
        parts[1].isEmpty()
            ? new int[0]
            : Arrays.stream(parts[1].split(",")).mapToInt(Integer::parseInt).toArray();
    return MSTensor.create("", typeNamed(parts[0]), shape)
        .write(Files.readAllBytes(Path.of(parts[2])));
  }

  private static String hex(byte[] bytes) {
    StringBuilder text = new StringBuilder();
    for (byte b : bytes) {
      text.append(String.format("%02x", b));
    }
    return text.toString();
  }

  private static byte[] unhex(String text) {
    byte[] bytes = new byte[text.length() / 2];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) Integer.parseInt(text.substring(2 * i, 2 * i + 2), 16);
    }
    return bytes;
  }

  private static List<MSTensor> run(String[] fields) throws IOException {
    Model.Builder builder = Model.builder();
    if (!fields[2].equals("-")) {
      builder.key(unhex(fields[2]), "AES-GCM");
    }
    try (Model model = builder.load(Path.of(fields[1]))) {
      List<MSTensor> inputs = new ArrayList<>();
      for (int i = 3; i < fields.length; i++) {
        inputs.add(readInput(fields[i]));
      }
      return model.run(inputs);
    }
  }

  private static String describe(String name, int index, MSTensor output)
      throws NoSuchAlgorithmException {
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    ByteBuffer bytes = output.data();
    digest.update(bytes);
    String dims =
        Arrays.stream(output.getShape()).mapToObj(String::valueOf).collect(Collectors.joining(","));
    return String.join(
        "\t",
        name,
        String.valueOf(index),
        DataType.name(output.getDataType()),
        dims,
        hex(digest.digest()));
  }

  public static void main(String[] args) throws IOException, NoSuchAlgorithmException {
    try (PrintWriter out = new PrintWriter(args[1], StandardCharsets.UTF_8)) {
      for (String line : Files.readAllLines(Path.of(args[0]))) {
        String[] fields = line.split("\t");
        try {
          List<MSTensor> outputs = run(fields);
          for (int i = 0; i < outputs.size(); i++) {
            out.println(describe(fields[0], i, outputs.get(i)));
          }
        } catch (MirinException e) {
          out.println(fields[0] + "\terror\t" + e.code());
        }
      }
    }
  }
}
