import com.mindspore.MSTensor;
import com.mindspore.MirinException;
import com.mindspore.Model;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * Runs an encrypted MindIR model; the key comes from a file.
 *
 * <p>Argument: the folder with digits_encrypted.mindir, key.txt and digits.bin (default: the data
 * of this sample).
 */
final class Main {
  private static final int RECORD = 65; // a label and 8 x 8 pixels

  private Main() {}

  /** A key file has the key's bytes as hexadecimal digits. */
  private static byte[] readKey(Path path) throws IOException {
    String digits = Files.readString(path).trim();
    byte[] key = new byte[digits.length() / 2];
    for (int i = 0; i < key.length; i++) {
      key[i] = (byte) Integer.parseInt(digits.substring(2 * i, 2 * i + 2), 16);
    }
    return key;
  }

  private static Model load(Path path, byte[] key) {
    return Model.builder().key(key, "AES-GCM").load(path);
  }

  /** Tells that a model without its key is of no use. */
  private static void showRefusal(Path path, byte[] key, String what) {
    String result = "loaded";
    try {
      load(path, key).close();
    } catch (MirinException e) {
      result = "refused";
    }
    System.out.println(what + ": " + result);
  }

  public static void main(String[] args) throws IOException {
    Path folder = Path.of(args.length > 0 ? args[0] : "samples/encrypted/data");
    Path path = folder.resolve("digits_encrypted.mindir");
    byte[] key = readKey(folder.resolve("key.txt"));
    byte[] another = key.clone();
    another[0] ^= 1;
    showRefusal(path, new byte[0], "without a key");
    showRefusal(path, another, "with another key");

    byte[] images = Files.readAllBytes(folder.resolve("digits.bin"));
    float[] pixels = new float[RECORD - 1];
    try (Model model = load(path, key);
        MSTensor input = model.getInputs().get(0)) {
      for (int at = 0; at + RECORD <= images.length; at += RECORD) {
        for (int k = 0; k < pixels.length; k++) {
          pixels[k] = (images[at + 1 + k] & 0xFF) / 255f;
        }
        MSTensor output = model.run(List.of(input.write(pixels))).get(0);
        float[] logits = output.getFloatData();
        output.free();
        int best = 0;
        for (int d = 1; d < logits.length; d++) {
          best = logits[d] > logits[best] ? d : best;
        }
        System.out.printf("%d read as %d%n", images[at], best);
      }
    }
  }
}
