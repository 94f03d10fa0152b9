import com.mindspore.MSTensor;
import com.mindspore.MirinException;
import com.mindspore.Model;
import com.mindspore.config.MSContext;
import com.mindspore.config.ModelType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads film reviews, sentences of any length, with a MindIR model of token ids through MindSpore
 * Lite's Java API.
 *
 * <p>Argument: the folder with reviews.mindir, vocabulary.txt and reviews.txt (default: the data of
 * this sample).
 */
final class Main {
  private Main() {}

  private static void check(boolean ok) {
    if (!ok) {
      throw MirinException.last();
    }
  }

  private static void judge(Model model, Map<String, Long> vocabulary, String line) {
    String[] words = line.trim().split("\\s+");
    long[] ids = new long[words.length];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = vocabulary.getOrDefault(words[i], 0L);
    }
    // [START resize]
    List<MSTensor> inputs = model.getInputs();
    check(model.resize(inputs, new int[][] {{1, ids.length}}));
    check(inputs.get(0).setData(ids));
    check(model.predict());
    // [END resize]
    List<MSTensor> outputs = model.getOutputs();
    float[] probabilities = outputs.get(0).getFloatData();
    float[] weights = outputs.get(1).getFloatData();
    int[] shape = outputs.get(1).getShape();
    outputs.forEach(MSTensor::free);
    int heaviest = 0;
    for (int i = 1; i < weights.length; i++) {
      heaviest = weights[i] > weights[heaviest] ? i : heaviest;
    }
    int positive = probabilities[1] > probabilities[0] ? 1 : 0;
    System.out.printf(
        "[1, %d] -> [%d, %d]  %s %.2f  %s %.2f%n",
        ids.length,
        shape[0],
        shape[1],
        positive == 1 ? "positive" : "negative",
        probabilities[positive],
        words[heaviest],
        weights[heaviest]);
  }

  public static void main(String[] args) throws IOException {
    Path folder = Path.of(args.length > 0 ? args[0] : "samples/text/data");
    Map<String, Long> vocabulary = new HashMap<>();
    for (String word : Files.readString(folder.resolve("vocabulary.txt")).trim().split("\\s+")) {
      vocabulary.putIfAbsent(word, (long) vocabulary.size());
    }
    MSContext context = new MSContext();
    context.init();
    Model model = new Model();
    check(model.build(folder + "/reviews.mindir", ModelType.MT_MINDIR, context));
    for (String line : Files.readAllLines(folder.resolve("reviews.txt"))) {
      judge(model, vocabulary, line);
    }
    model.free();
  }
}
