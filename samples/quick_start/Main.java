import com.mindspore.MSTensor;
import com.mindspore.MirinException;
import com.mindspore.Model;
import com.mindspore.config.DeviceType;
import com.mindspore.config.MSContext;
import com.mindspore.config.ModelType;
import java.awt.image.Raster;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.imageio.ImageIO;

/**
 * Classifies PNG images of handwritten digits with a MindIR model through MindSpore Lite's Java
 * API.
 *
 * <p>Argument: the folder with digits.mindir and images/ (default: the data of this sample).
 */
final class Main {
  private static final int SIDE = 8;
  private static final int DIGITS = 10;

  private Main() {}

  /** An 8 x 8 image as grey values in 0..1. */
  private static float[] readImage(Path path) throws IOException {
    Raster image = ImageIO.read(new File(path.toString())).getRaster();
    if (image.getWidth() != SIDE || image.getHeight() != SIDE) {
      throw new IOException(path + " is no 8 x 8 PNG");
    }
    float[] pixels = new float[SIDE * SIDE];
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = image.getSample(i % SIDE, i / SIDE, 0) / 255f;
    }
    return pixels;
  }

  private static float[] predict(Model model, float[] pixels) {
    // [START predict]
    MSTensor input = model.getInputs().get(0);
    if (!input.setData(pixels) || !model.predict()) {
      throw MirinException.last(); // says why
    }
    MSTensor output = model.getOutputs().get(0);
    float[] logits = output.getFloatData();
    output.free();
    // [END predict]
    return logits;
  }

  private static void classify(Model model, Path image) throws IOException {
    float[] logits = predict(model, readImage(image));
    int best = 0;
    for (int d = 1; d < DIGITS; d++) {
      best = logits[d] > logits[best] ? d : best;
    }
    double sum = 0;
    for (float logit : logits) {
      sum += Math.exp(logit - logits[best]);
    }
    System.out.printf("%s  %d  %.2f%n", image.getFileName(), best, 1 / sum);
  }

  public static void main(String[] args) throws IOException {
    Path folder = Path.of(args.length > 0 ? args[0] : "samples/quick_start/data");
    // [START build]
    MSContext context = new MSContext();
    context.init();
    context.addDeviceInfo(DeviceType.DT_CPU, false);
    Model model = new Model();
    if (!model.build(folder + "/digits.mindir", ModelType.MT_MINDIR, context)) {
      throw MirinException.last();
    }
    // [END build]
    List<Path> images;
    try (Stream<Path> files = Files.list(folder.resolve("images"))) {
      images =
          files.filter(p -> p.toString().endsWith(".png")).sorted().collect(Collectors.toList());
    }
    for (Path image : images) {
      classify(model, image);
    }
    model.free();
  }
}
