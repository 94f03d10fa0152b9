package com.mindspore;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.mindspore.config.DataType;
import com.mindspore.config.MSContext;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

/** Other input shapes than the file has. */
class ResizeTest {
  private static float[] floats(String name, String entry) {
    FloatBuffer values = Models.recorded(name, entry).asFloatBuffer();
    float[] array = new float[values.remaining()];
    values.get(array);
    return array;
  }

  private static float[] part(float[] values, int i, int parts) {
    int size = values.length / parts;
    return Arrays.copyOfRange(values, i * size, (i + 1) * size);
  }

  private static float[] concat(float[]... arrays) {
    ByteBuffer bytes =
        ByteBuffer.allocate(Float.BYTES * arrays.length * arrays[0].length)
            .order(ByteOrder.nativeOrder());
    FloatBuffer all = bytes.asFloatBuffer();
    for (float[] array : arrays) {
      all.put(array);
    }
    float[] joined = new float[all.flip().remaining()];
    all.get(joined);
    return joined;
  }

  private static void resize(Model model, int... shape) {
    assertTrue(
        model.resize(model.getInputs(), new int[][] {shape}),
        () -> String.valueOf(MirinException.last()));
    assertArrayEquals(shape, model.getInputs().get(0).getShape());
  }

  private static float[] predict(Model model, float[] input) {
    assertTrue(model.getInputs().get(0).setData(input));
    assertTrue(model.predict(), () -> String.valueOf(MirinException.last()));
    return model.getOutputs().get(0).getFloatData();
  }

  private static void batches(String name, float tolerance) {
    float[] two = floats(name, "in_0");
    try (Model model = Model.load(Models.path(name))) {
      MSTensor input = model.getInputs().get(0);
      int[] declared = input.getShape();
      assertEquals(2, declared[0]);
      int classes = model.getOutputs().get(0).getShape()[1];
      int[] shape = declared.clone();

      shape[0] = 1;
      resize(model, shape);
      float[] first = predict(model, part(two, 0, 2));
      float[] second = predict(model, part(two, 1, 2));
      MSTensor kept = model.getOutputs().get(0);

      shape[0] = 3;
      resize(model, shape);
      assertArrayEquals(new int[] {3, classes}, model.getOutputs().get(0).getShape());
      float[] got = predict(model, concat(part(two, 1, 2), part(two, 0, 2), part(two, 1, 2)));
      assertArrayEquals(new int[] {3, classes}, model.getOutputs().get(0).getShape());
      assertArrayEquals(second, part(got, 0, 3), tolerance);
      assertArrayEquals(first, part(got, 1, 3), tolerance);
      assertArrayEquals(second, part(got, 2, 3), tolerance);
      assertArrayEquals(second, kept.getFloatData());

      // what cannot be leaves everything as it was
      MSTensor output = model.getOutputs().get(0);
      int[] channels = declared.clone();
      channels[1]++;
      assertFalse(model.resize(model.getInputs(), new int[][] {channels}));
      MirinException reason = MirinException.last();
      assertNotNull(reason);
      assertEquals(MirinException.Code.INVALID_ARGUMENT, reason.code(), reason.getMessage());
      assertTrue(reason.getMessage().contains("Conv2D"), reason.getMessage());
      MirinException thrown = assertThrows(MirinException.class, () -> model.reshape(channels));
      assertEquals(reason.getMessage(), thrown.getMessage());
      assertThrows(MirinException.class, () -> model.reshape(shape, shape));
      assertThrows(MirinException.class, () -> model.reshape(new int[] {3}));
      assertThrows(MirinException.class, () -> model.reshape((int[]) null));
      assertThrows(MirinException.class, () -> model.reshape((int[][]) null));
      assertArrayEquals(shape, input.getShape());
      assertArrayEquals(got, model.getOutputs().get(0).getFloatData());
      assertTrue(model.predict());
      assertArrayEquals(got, model.getOutputs().get(0).getFloatData());
      assertArrayEquals(got, output.getFloatData());

      model.reshape(declared);
      assertTrue(input == model.getInputs().get(0));
      assertArrayEquals(new int[] {2, classes}, model.getOutputs().get(0).getShape());
      assertArrayEquals(floats(name, "out_0"), predict(model, two), tolerance);
    }
  }

  @Test
  void fixedModelsTakeOtherBatches() {
    batches("resnet18_tiny", 2e-4f);
    batches("lenet5", 1e-5f);
  }

  @Test
  void runsTakeTheNewShapes() {
    try (Model model = Model.load(Models.path("tensor_add"));
        MSTensor x = MSTensor.create("x", DataType.kNumberTypeFloat32, 3, 2)) {
      x.write(new float[] {1, 2, 3, 4, 5, 6});
      assertThrows(MirinException.class, () -> model.run(List.of(x, x)));
      model.reshape(new int[] {3, 2}, new int[] {3, 2});
      float[] sum = {2, 4, 6, 8, 10, 12};
      assertArrayEquals(sum, model.run(List.of(x, x)).get(0).getFloatData());
      try (MSTensor y = MSTensor.create("y", DataType.kNumberTypeFloat32, 3, 2)) {
        model.runInto(List.of(x, x), List.of(y), null);
        assertArrayEquals(sum, y.getFloatData());
      }
      assertThrows(
          MirinException.class, () -> model.run(List.of(Models.square(1), Models.square(1))));
    }
  }

  @Test
  void otherTensorsThanTheModelsAreTaken() {
    try (Model model = Model.load(Models.path("tensor_add"));
        MSTensor x = Models.square(1, 2, 3, 4);
        MSTensor freed = Models.square(1, 2, 3, 4)) {
      assertTrue(model.resize(List.of(x, x), new int[][] {{3, 2}, {3, 2}}));
      assertArrayEquals(new int[] {3, 2}, x.getShape());
      assertArrayEquals(new int[] {3, 2}, model.getInputs().get(1).getShape());
      assertTrue(model.predict());
      freed.free();
      assertThrows(
          IllegalStateException.class,
          () -> model.resize(List.of(x, freed), new int[][] {{4, 2}, {4, 2}}));
      assertArrayEquals(new int[] {3, 2}, x.getShape());
      assertTrue(model.predict());
    }
  }

  @Test
  void modelsOfTheSameGraphKeepTheirShapes() {
    MSContext context = new MSContext();
    context.init(1, 0);
    Model one = new Model();
    Model two = new Model();
    try (Graph graph = Graph.load(Models.path("tensor_add"))) {
      assertTrue(one.build(graph, context, null));
      assertTrue(two.build(graph, context, null));
    }
    one.reshape(new int[] {5, 2}, new int[] {5, 2});
    assertArrayEquals(new int[] {2, 2}, two.getInputs().get(0).getShape());
    assertTrue(two.predict());
    two.free();
    assertTrue(one.predict());
    assertArrayEquals(new int[] {5, 2}, one.getOutputs().get(0).getShape());
    one.free();
  }

  @Test
  void statesStartAnew() {
    try (Model model = Model.load(Models.path("kvparam_inc"))) {
      int[] position = {1};
      float[] fresh = decode(model, 7, 1);
      assertFalse(Arrays.equals(fresh, decode(model, 7, 1)));
      // the same shapes: nothing changes
      model.reshape(new int[] {1, 1}, position);
      assertFalse(Arrays.equals(fresh, decode(model, 7, 1)));
      // one more axis: the model reshapes the token anyway
      model.reshape(new int[] {1, 1, 1}, position);
      assertArrayEquals(fresh, decode(model, 7, 1));
      assertFalse(Arrays.equals(fresh, decode(model, 7, 1)));
      model.reshape(new int[] {1, 1}, position);
      assertArrayEquals(fresh, decode(model, 7, 1));
    }
  }

  private static float[] decode(Model model, int token, int position) {
    model.getInputs().get(0).write(new int[] {token});
    model.getInputs().get(1).write(new int[] {position});
    assertTrue(model.predict());
    return model.getOutputs().get(0).getFloatData();
  }

  @Test
  void resultsOutliveTheirModel() {
    Model model = Model.load(Models.path("tensor_add"));
    model.reshape(new int[] {1, 2}, new int[] {1, 2});
    model.getInputs().forEach(input -> input.write(new float[] {3, 4}));
    assertTrue(model.predict());
    MSTensor predicted = model.getOutputs().get(0);
    MSTensor ran = model.run(model.getInputs()).get(0);
    ByteBuffer view = ran.data();
    model.free();
    ran.free();
    assertArrayEquals(new float[] {6, 8}, predicted.getFloatData());
    assertEquals(8, view.getFloat(4));
    assertThrows(
        IllegalStateException.class, () -> model.reshape(new int[] {1, 2}, new int[] {1, 2}));
    assertThrows(
        MirinException.class, () -> new Model().reshape(new int[] {1, 2}, new int[] {1, 2}));
  }

  @Test
  void runsGoOnWhileTheModelIsResized() throws Exception {
    try (Model model = Model.load(Models.path("tensor_add"))) {
      AtomicBoolean over = new AtomicBoolean();
      FutureTask<Integer> runs =
          new FutureTask<>(
              () -> {
                int n = 0;
                for (boolean last = false; !last; n++) {
                  last = over.get();
                  try (MSTensor x = Models.square(1, 2, 3, 4);
                      MSTensor y = model.run(List.of(x, x)).get(0)) {
                    assertArrayEquals(new float[] {2, 4, 6, 8}, y.getFloatData());
                  } catch (MirinException e) { // it has another shape just now
                    assertEquals(MirinException.Code.INVALID_ARGUMENT, e.code(), e.getMessage());
                    assertFalse(last);
                  }
                }
                return n;
              });
      Thread thread = new Thread(runs);
      thread.start();
      for (int i = 1; i < 300; i++) {
        // also from one reshaped model to the next
        int[] shape = {i % 4 + 1, 2};
        model.reshape(shape, shape);
        assertTrue(model.predict());
      }
      model.reshape(new int[] {2, 2}, new int[] {2, 2});
      over.set(true);
      assertTrue(runs.get() > 0);
      thread.join();
    }
  }
}
