package com.mindspore;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.mindspore.config.DataType;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Running with tensors of one's own. */
class ModelRunTest {
  private static MirinException fails(MirinException.Code code, Runnable action) {
    MirinException e = assertThrows(MirinException.class, action::run);
    assertEquals(code, e.code(), e.getMessage());
    return e;
  }

  private static void lastIs(MirinException.Code code, String part) {
    MirinException e = MirinException.last();
    assertNotNull(e);
    assertEquals(code, e.code(), e.getMessage());
    assertTrue(e.getMessage().contains(part), e.getMessage());
  }

  @Test
  void zeroSizeRunsAndScalarsRun() {
    try (Model model = Model.load(Models.path("dyn_batch_mlp"))) {
      try (MSTensor none = MSTensor.create("x", DataType.kNumberTypeFloat32, 0, 4)) {
        MSTensor y = model.run(List.of(none)).get(0);
        assertArrayEquals(new int[] {0, 3}, y.getShape());
        assertEquals(0, y.getFloatData().length);
        assertEquals(0, y.data().capacity());
      }
    }
    try (Model model = Model.load(Models.path("scalar_tensor"))) {
      List<MSTensor> outputs = model.run(Models.inputs("scalar_tensor", model.getInputs()));
      assertArrayEquals(new int[0], outputs.get(1).getShape());
      assertEquals(1, outputs.get(1).elementsNum());
      assertEquals(
          Models.recorded("scalar_tensor", "out_1").getFloat(0),
          outputs.get(1).getFloatData()[0],
          1e-5f);
    }
  }

  @Test
  void nanComesThrough() {
    try (Model model = Model.load(Models.path("tensor_add"))) {
      float[] sum =
          model
              .run(
                  List.of(
                      Models.square(Float.NaN, Float.POSITIVE_INFINITY, -0f, 1),
                      Models.square(1, 1, -0f, Float.NEGATIVE_INFINITY)))
              .get(0)
              .getFloatData();
      assertTrue(Float.isNaN(sum[0]));
      assertEquals(Float.POSITIVE_INFINITY, sum[1]);
      assertEquals(-0f, sum[2]);
      assertEquals(Float.NEGATIVE_INFINITY, sum[3]);
    }
  }

  @Test
  void textsAndEveryTypeComeOut() {
    try (Model model = Model.load(Models.path("string_output"))) {
      List<MSTensor> outputs = model.run(Models.inputs("string_output", model.getInputs()));
      assertTrue(outputs.get(0).read() instanceof float[]);
      String[] text = (String[]) outputs.get(1).read();
      assertArrayEquals(new String[] {"label"}, text);
      assertEquals(DataType.kObjectTypeString, outputs.get(1).getDataType());
      fails(MirinException.Code.INVALID_ARGUMENT, () -> outputs.get(1).data());
      assertArrayEquals(new long[] {3}, outputs.get(2).getLongData());
      assertArrayEquals(new float[] {2.5f}, outputs.get(3).getFloatData());
      assertArrayEquals(new boolean[] {true}, (boolean[]) outputs.get(4).read());
      assertEquals(1, outputs.get(4).getByteData().length);
      assertEquals(0, outputs.get(4).getFloatData().length);
      lastIs(MirinException.Code.INVALID_ARGUMENT, "float");
    }
  }

  @Test
  void runsByNameAndByPosition() {
    try (Model model = Model.load(Models.path("two_output"))) {
      List<MSTensor> inputs = Models.inputs("two_output", model.getInputs());
      Map<String, MSTensor> named = new HashMap<>();
      inputs.forEach(t -> named.put(t.tensorName(), t));
      Map<String, MSTensor> outputs = model.run(named);
      assertEquals(List.copyOf(outputs.keySet()), model.getOutputTensorNames());
      float[] first = model.run(inputs).get(0).getFloatData();
      assertArrayEquals(first, outputs.values().iterator().next().getFloatData());
      named.put("other", inputs.get(0));
      assertTrue(
          fails(MirinException.Code.INVALID_ARGUMENT, () -> model.run(named))
              .getMessage()
              .contains("[other]"));
      fails(MirinException.Code.INVALID_ARGUMENT, () -> model.run(new HashMap<>()));
      fails(MirinException.Code.INVALID_ARGUMENT, () -> model.run((Map<String, MSTensor>) null));
    }
  }

  @Test
  void runIntoWritesInPlace() {
    try (Model model = Model.load(Models.path("tensor_add"));
        MSTensor y = Models.square(0, 0, 0, 0);
        MSTensor small = MSTensor.create("y", DataType.kNumberTypeFloat32, 1);
        MSTensor ints = MSTensor.create("y", DataType.kNumberTypeInt32, 2, 2)) {
      List<MSTensor> inputs = List.of(Models.square(1, 2, 3, 4), Models.square(1, 1, 1, 1));
      ByteBuffer view = y.data();
      model.runInto(inputs, List.of(y), null);
      assertEquals(2, view.getFloat(0));
      assertEquals(5, view.getFloat(12));
      assertTrue(y.setData(new float[] {9, 9, 9, 9}));
      model.runInto(inputs, List.of(y), null);
      assertArrayEquals(new float[] {2, 3, 4, 5}, y.getFloatData());
      fails(
          MirinException.Code.INVALID_ARGUMENT, () -> model.runInto(inputs, List.of(small), null));
      fails(MirinException.Code.INVALID_ARGUMENT, () -> model.runInto(inputs, List.of(ints), null));
      fails(MirinException.Code.INVALID_ARGUMENT, () -> model.runInto(inputs, List.of(), null));
      fails(MirinException.Code.INVALID_ARGUMENT, () -> model.runInto(inputs, null, null));
    }
  }

  @Test
  void badInputsNameTheInput() {
    try (Model model = Model.load(Models.path("tensor_add"));
        MSTensor x = Models.square(1, 2, 3, 4);
        MSTensor wide = MSTensor.create("x", DataType.kNumberTypeFloat32, 3, 5);
        MSTensor ints = MSTensor.create("x", DataType.kNumberTypeInt32, 2, 2)) {
      fails(MirinException.Code.INVALID_ARGUMENT, () -> model.run((List<MSTensor>) null));
      fails(MirinException.Code.INVALID_ARGUMENT, () -> model.run(List.of(x)));
      fails(MirinException.Code.INVALID_ARGUMENT, () -> model.run(List.of(x, x, x)));
      List<MSTensor> holes = new ArrayList<>();
      holes.add(x);
      holes.add(null);
      fails(MirinException.Code.INVALID_ARGUMENT, () -> model.run(holes));
      MirinException e =
          fails(MirinException.Code.INVALID_ARGUMENT, () -> model.run(List.of(x, ints)));
      assertTrue(e.getMessage().contains(model.getInputs().get(1).tensorName()), e.getMessage());
      fails(MirinException.Code.INVALID_ARGUMENT, () -> model.run(List.of(x, wide)));
      assertNotNull(model.run(List.of(x, x)));
    }
  }

  @Test
  void limitsEndRuns() {
    Cancellation cancellation = new Cancellation();
    try (Model model = Model.load(Models.path("resnet18_tiny"))) {
      List<MSTensor> inputs = Models.inputs("resnet18_tiny", model.getInputs());
      RunOptions late = RunOptions.timeout(Duration.ofNanos(1));
      fails(MirinException.Code.DEADLINE_EXCEEDED, () -> model.run(inputs, late));
      RunOptions both = RunOptions.timeout(Duration.ofDays(1000000)).withCancellation(cancellation);
      assertEquals(1, model.run(inputs, both).size());
      cancellation.cancel();
      fails(MirinException.Code.CANCELLED, () -> model.run(inputs, both));
      fails(
          MirinException.Code.CANCELLED,
          () -> model.runInto(inputs, model.run(inputs), RunOptions.cancellation(cancellation)));
      cancellation.close();
      assertThrows(IllegalStateException.class, () -> model.run(inputs, both));
      assertThrows(IllegalStateException.class, cancellation::cancel);
      fails(MirinException.Code.INVALID_ARGUMENT, () -> RunOptions.timeout(Duration.ZERO));
      fails(MirinException.Code.INVALID_ARGUMENT, () -> RunOptions.timeout(null));
      fails(MirinException.Code.INVALID_ARGUMENT, () -> RunOptions.cancellation(null));
    }
  }

  @Test
  void cancellingFromAnotherThreadEndsARun() throws InterruptedException {
    try (Model model = Model.load(Models.path("resnet18_tiny"));
        Cancellation cancellation = new Cancellation()) {
      List<MSTensor> inputs = Models.inputs("resnet18_tiny", model.getInputs());
      RunOptions options = RunOptions.cancellation(cancellation);
      MirinException[] end = new MirinException[1];
      Thread runner =
          new Thread(
              () -> {
                try {
                  for (; ; ) {
                    model.run(inputs, options).forEach(MSTensor::free);
                  }
                } catch (MirinException e) {
                  end[0] = e;
                }
              });
      runner.start();
      cancellation.cancel();
      runner.join();
      assertEquals(MirinException.Code.CANCELLED, end[0].code());
    }
  }

  @Test
  void statefulModelsTakeTurns() throws InterruptedException {
    try (Model model = Model.load(Models.path("kvparam_inc"))) {
      List<MSTensor> inputs = Models.inputs("kvparam_inc", model.getInputs());
      float[] first = model.run(inputs).get(0).getFloatData();
      assertEquals(40, first.length);
      List<Thread> threads = new ArrayList<>();
      List<Throwable> failures = Collections.synchronizedList(new ArrayList<>());
      for (int i = 0; i < 8; i++) {
        Thread thread =
            new Thread(
                () -> {
                  try {
                    for (int n = 0; n < 20; n++) {
                      model.run(inputs).forEach(MSTensor::free);
                    }
                  } catch (Throwable e) {
                    failures.add(e);
                  }
                });
        threads.add(thread);
        thread.start();
      }
      for (Thread thread : threads) {
        thread.join();
      }
      assertEquals(List.of(), failures);
    }
  }
}
