package example;

import com.mindspore.MSTensor;
import com.mindspore.Model;
import com.mindspore.config.Version;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/** Runs a model on zeros: what it takes and gives. */
public final class Consumer {
  private Consumer() {}

  /**
   * The program.
   *
   * @param args the model's path
   */
  public static void main(String[] args) {
    if (args.length != 1) {
      System.err.println("usage: mvn compile exec:java -Dexec.args=MODEL.mindir");
      return;
    }
    System.out.println(Version.version());
    try (Model model = Model.load(Path.of(args[0]))) {
      List<MSTensor> inputs = model.getInputs();
      for (MSTensor output : model.run(inputs)) {
        System.out.println(
            inputs + " -> " + output + " = " + Arrays.toString(output.getFloatData()));
        output.free();
      }
    }
  }
}
