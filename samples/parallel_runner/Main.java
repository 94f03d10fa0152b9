import com.mindspore.MSTensor;
import com.mindspore.MirinException;
import com.mindspore.ModelParallelRunner;
import com.mindspore.config.DeviceType;
import com.mindspore.config.MSContext;
import com.mindspore.config.RunnerConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Threads share one ModelParallelRunner of MindSpore Lite's Java API: each classifies its part of
 * the digits and counts the right answers.
 *
 * <p>Arguments: the folder with digits.bin and the model; the default is the data of this sample
 * and quick_start's model.
 */
final class Main {
  private static final int RECORD = 65; // a label and 8 x 8 pixels
  private static final int THREADS = 4;
  private static final int WORKERS = 2;

  private Main() {}

  /** A runner may be used by any number of threads at once. */
  private static float[] predict(ModelParallelRunner runner, float[] pixels) {
    List<MSTensor> inputs = runner.getInputs();
    List<MSTensor> outputs = new ArrayList<>();
    if (!inputs.get(0).setData(pixels) || !runner.predict(inputs, outputs)) {
      throw MirinException.last();
    }
    float[] logits = outputs.get(0).getFloatData();
    inputs.forEach(MSTensor::free);
    outputs.forEach(MSTensor::free);
    return logits;
  }

  /** Every THREADS-th image from `first` on: how many, and how many of them right. */
  private static int[] classify(ModelParallelRunner runner, byte[] images, int first) {
    int[] seenAndRight = new int[2];
    float[] pixels = new float[RECORD - 1];
    for (int at = first * RECORD; at + RECORD <= images.length; at += THREADS * RECORD) {
      for (int k = 0; k < pixels.length; k++) {
        pixels[k] = (images[at + 1 + k] & 0xFF) / 255f;
      }
      float[] logits = predict(runner, pixels);
      int best = 0;
      for (int d = 1; d < logits.length; d++) {
        best = logits[d] > logits[best] ? d : best;
      }
      seenAndRight[0]++;
      seenAndRight[1] += best == images[at] ? 1 : 0;
    }
    return seenAndRight;
  }

  public static void main(String[] args)
      throws IOException, InterruptedException, ExecutionException {
    String folder = args.length > 0 ? args[0] : "samples/parallel_runner/data";
    String model = args.length > 1 ? args[1] : "samples/quick_start/data/digits.mindir";
    byte[] images = Files.readAllBytes(Path.of(folder, "digits.bin"));

    // [START init]
    MSContext context = new MSContext();
    context.init(1, 0);
    context.addDeviceInfo(DeviceType.DT_CPU, false);
    RunnerConfig config = new RunnerConfig();
    config.init(context);
    config.setWorkersNum(WORKERS); // callers that find both busy wait in the queue
    ModelParallelRunner runner = new ModelParallelRunner();
    if (!runner.init(model, config)) {
      throw MirinException.last();
    }
    // [END init]

    ExecutorService threads = Executors.newFixedThreadPool(THREADS);
    List<Future<int[]>> counts = new ArrayList<>();
    for (int t = 0; t < THREADS; t++) {
      int first = t;
      counts.add(threads.submit(() -> classify(runner, images, first)));
    }
    threads.shutdown();
    int seen = 0;
    int right = 0;
    for (int t = 0; t < THREADS; t++) {
      int[] count = counts.get(t).get();
      System.out.printf("thread %d: %d of %d right%n", t, count[1], count[0]);
      seen += count[0];
      right += count[1];
    }
    System.out.printf("%d threads, %d workers: %d of %d right%n", THREADS, WORKERS, right, seen);
    runner.free();
  }
}
