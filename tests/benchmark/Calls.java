import com.mindspore.MSTensor;
import com.mindspore.Model;
import com.mindspore.ModelParallelRunner;
import com.mindspore.config.MSContext;
import com.mindspore.config.RunnerConfig;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a call costs on tests/models/mindir/tensor_add.mindir through the Java API, in one process
 * and in turns; calls.cc does the same in C and C++. A line each: NAME median_us=.. min_us=..
 */
final class Calls {
  private static final int ROUNDS = 40;
  private static final int WARM_UP = 20;
  private static final int CALLS_PER_ROUND = 2000;
  private static final Path MODEL = Path.of("tests/models/mindir/tensor_add.mindir");

  private Calls() {}

  private static void measure(Map<String, Runnable> ways) {
    Map<String, long[]> times = new LinkedHashMap<>();
    ways.keySet().forEach(name -> times.put(name, new long[(ROUNDS - WARM_UP) * CALLS_PER_ROUND]));
    for (int round = 0; round < ROUNDS; round++) {
      int at = (round - WARM_UP) * CALLS_PER_ROUND;
      ways.forEach(
          (name, call) -> {
            for (int i = 0; i < CALLS_PER_ROUND; i++) {
              long start = System.nanoTime();
              call.run();
              long end = System.nanoTime();
              if (at >= 0) {
                times.get(name)[at + i] = end - start;
              }
            }
          });
    }
    times.forEach(
        (name, all) -> {
          Arrays.sort(all);
          System.out.printf(
              "%-24s median_us=%.2f  min_us=%.2f%n", name, all[all.length / 2] / 1e3, all[0] / 1e3);
        });
  }

  public static void main(String[] args) {
    MSContext context = new MSContext();
    context.init(1, 0);
    RunnerConfig config = new RunnerConfig();
    config.init(context);
    float[] values = {1, 2, 3, 4};
    try (Model model = Model.builder().context(context).load(MODEL);
        ModelParallelRunner runner = ModelParallelRunner.load(MODEL, config);
        MSTensor x = MSTensor.fromArray("x", new float[][] {{1, 2}, {3, 4}});
        MSTensor z = MSTensor.fromArray("z", new float[][] {{0, 0}, {0, 0}})) {
      List<MSTensor> inputs = List.of(x, x);
      List<MSTensor> given = List.of(z);
      Map<String, Runnable> ways = new LinkedHashMap<>();
      ways.put("java run", () -> model.run(inputs).get(0).free());
      ways.put("java run into", () -> model.runInto(inputs, given, null));
      ways.put("java predict", model::predict);
      ways.put(
          "java set, predict, get",
          () -> {
            for (MSTensor input : model.getInputs()) {
              input.setData(values);
            }
            model.predict();
            MSTensor output = model.getOutputs().get(0);
            values[0] = output.getFloatData()[0] / 2;
            output.free();
          });
      ways.put(
          "java runner predict",
          () -> {
            List<MSTensor> outputs = new ArrayList<>();
            runner.predict(inputs, outputs);
            outputs.get(0).free();
          });
      measure(ways);
    }
  }
}
