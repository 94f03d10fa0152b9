import com.mindspore.MSTensor;
import com.mindspore.Model;
import java.nio.file.Path;
import java.util.List;

/**
 * A model of 16-bit floats: the program has float values, which become float16 and bfloat16 in the
 * tensors and floats again out of them.
 *
 * <p>Argument: the model (default: double.mindir of this sample, which doubles a float16 and a
 * bfloat16 vector).
 */
final class Main {
  private Main() {}

  public static void main(String[] args) {
    Path path = Path.of(args.length > 0 ? args[0] : "samples/custom_dtype/data/double.mindir");
    float[] values = {0.1f, 1f / 3, -2.71828f, 0.0001f, 1000.1f, 12345.678f};
    try (Model model = Model.load(path)) {
      // [START convert]
      List<MSTensor> inputs = model.getInputs();
      for (MSTensor input : inputs) {
        input.write(values); // rounds to the tensor's type
      }
      List<MSTensor> outputs = model.run(inputs);
      float[] half = outputs.get(0).getFloatData();
      float[] brain = outputs.get(1).getFloatData();
      // [END convert]
      for (int i = 0; i < values.length; i++) {
        System.out.printf("2 x %.6f: float16 %.6f, bfloat16 %.6f%n", values[i], half[i], brain[i]);
      }
      outputs.forEach(MSTensor::free);
    }
  }
}
