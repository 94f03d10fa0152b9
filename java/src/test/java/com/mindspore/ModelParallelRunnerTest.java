package com.mindspore;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.mindspore.config.DataType;
import com.mindspore.config.MSContext;
import com.mindspore.config.RunnerConfig;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class ModelParallelRunnerTest {
  private static final String ADD = Models.path("tensor_add").toString();

  private static RunnerConfig config(int workers) {
    MSContext context = new MSContext();
    assertTrue(context.init(1, 0));
    RunnerConfig config = new RunnerConfig();
    assertTrue(config.init(context));
    config.setWorkersNum(workers);
    return config;
  }

  private static void lastIs(MirinException.Code code, String part) {
    assertEquals(code, MirinException.last().code(), MirinException.last().getMessage());
    assertTrue(
        MirinException.last().getMessage().contains(part), MirinException.last().getMessage());
  }

  private static void together(int n, Runnable work) throws InterruptedException {
    List<Throwable> failures = Collections.synchronizedList(new ArrayList<>());
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      Thread thread =
          new Thread(
              () -> {
                try {
                  work.run();
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

  @Test
  void compatibleProgramPredicts() {
    ModelParallelRunner runner = new ModelParallelRunner();
    assertTrue(runner.init(ADD, config(2)));
    assertTrue(runner.init("/nowhere")); // ignored
    assertEquals(2, runner.getWorkersNum());
    assertNotEquals(0, runner.getModelParallelRunnerPtr());
    List<MSTensor> inputs = runner.getInputs();
    assertTrue(inputs.get(0) != runner.getInputs().get(0));
    assertTrue(inputs.get(0).setData(new float[] {1, 2, 3, 4}));
    assertTrue(inputs.get(1).setData(new float[] {1, 1, 1, 1}));
    List<MSTensor> outputs = new ArrayList<>();
    assertTrue(runner.predict(inputs, outputs));
    assertEquals(1, outputs.size());
    assertArrayEquals(new float[] {2, 3, 4, 5}, outputs.get(0).getFloatData());
    // again, in place
    assertTrue(inputs.get(1).setData(new float[] {2, 2, 2, 2}));
    assertTrue(runner.predict(inputs, outputs));
    assertEquals(1, outputs.size());
    assertArrayEquals(new float[] {3, 4, 5, 6}, outputs.get(0).getFloatData());
    List<MSTensor> declared = runner.getOutputs();
    assertTrue(runner.predict(inputs, declared));
    assertArrayEquals(new float[] {3, 4, 5, 6}, declared.get(0).getFloatData());
    runner.free();
  }

  @Test
  void uninitialisedAndFreedRunnersAnswerFalse() {
    ModelParallelRunner runner = new ModelParallelRunner();
    assertTrue(runner.getInputs().isEmpty());
    assertTrue(runner.getOutputs().isEmpty());
    assertFalse(runner.predict(new ArrayList<>(), new ArrayList<>()));
    lastIs(MirinException.Code.FAILED_PRECONDITION, "not initialised");
    assertEquals(0, runner.getModelParallelRunnerPtr());
    assertFalse(runner.init(null));
    assertFalse(runner.init("/nowhere.mindir"));
    lastIs(MirinException.Code.NOT_FOUND, "nowhere");
    assertFalse(runner.init(ADD, new RunnerConfig()));
    assertTrue(runner.init(ADD));
    List<MSTensor> inputs = runner.getInputs();
    runner.free();
    runner.free();
    assertFalse(runner.predict(inputs, new ArrayList<>()));
    lastIs(MirinException.Code.FAILED_PRECONDITION, "freed");
    assertTrue(runner.getInputs().isEmpty());
    assertTrue(runner.getOutputs().isEmpty());
    assertFalse(runner.init(ADD));
    assertEquals(0, runner.getModelParallelRunnerPtr());
    assertThrows(MirinException.class, () -> runner.run(inputs));
    new ModelParallelRunner().close();
  }

  @Test
  void badRequestsFailAlone() {
    try (ModelParallelRunner runner = ModelParallelRunner.load(Path.of(ADD), config(1))) {
      List<MSTensor> good = List.of(Models.square(1, 2, 3, 4), Models.square(1, 1, 1, 1));
      List<MSTensor> halves =
          List.of(good.get(0), MSTensor.create("x", DataType.kNumberTypeFloat16, 2, 2));
      assertFalse(runner.predict(halves, new ArrayList<>()));
      lastIs(MirinException.Code.INVALID_ARGUMENT, "");
      assertFalse(runner.predict(null, new ArrayList<>()));
      assertFalse(runner.predict(good, null));
      assertFalse(runner.predict(List.of(), new ArrayList<>()));
      assertFalse(runner.predict(good, new ArrayList<>(good)));
      MSTensor freed = Models.square(1, 2, 3, 4);
      freed.free();
      assertFalse(runner.predict(List.of(freed, good.get(0)), new ArrayList<>()));
      lastIs(MirinException.Code.FAILED_PRECONDITION, "free()");
      assertTrue(runner.predict(good, new ArrayList<>()));
    }
  }

  @Test
  void configurationsThatCannotBeHadAreRefused() {
    RunnerConfig config = config(-1);
    assertFalse(new ModelParallelRunner().init(ADD, config));
    config.setWorkersNum(1);
    config.setConfigInfo("no_such_section", new HashMap<>(Map.of("a", "b")));
    assertFalse(new ModelParallelRunner().init(ADD, config));
    lastIs(MirinException.Code.INVALID_ARGUMENT, "no_such_section");
    RunnerConfig file = config(1);
    file.setConfigPath("/nowhere.ini");
    assertFalse(new ModelParallelRunner().init(ADD, file));
    lastIs(MirinException.Code.NOT_FOUND, "nowhere.ini");
    // states are not for pools
    assertFalse(new ModelParallelRunner().init(Models.path("kvparam_inc").toString(), config(1)));
    lastIs(MirinException.Code.FAILED_PRECONDITION, "");
  }

  @Test
  void encryptedModelsRun() {
    RunnerConfig config = config(1);
    String path = Models.path("tensor_add_gcm").toString();
    assertFalse(new ModelParallelRunner().init(path, config));
    config.setDecryptKey("asdfasdfasdfasgwegw12310".getBytes(StandardCharsets.US_ASCII), "AES-GCM");
    ModelParallelRunner runner = new ModelParallelRunner();
    assertTrue(runner.init(path, config));
    runner.free();
    config.free();
    assertEquals(0, config.getDecryptKey().length);
  }

  @Test
  void sixteenThreadsWithShapesOfTheirOwn() throws InterruptedException {
    AtomicInteger rows = new AtomicInteger();
    try (ModelParallelRunner runner =
        ModelParallelRunner.load(Models.path("dyn_batch_mlp"), config(2))) {
      together(
          16,
          () -> {
            int n = 1 + rows.getAndIncrement() % 5;
            for (int i = 0; i < 50; i++) {
              List<MSTensor> inputs = runner.getInputs();
              assertTrue(inputs.get(0).setShape(new int[] {n, 4}));
              float[] x = new float[4 * n];
              Arrays.fill(x, n);
              assertTrue(inputs.get(0).setData(x));
              List<MSTensor> outputs = new ArrayList<>();
              assertTrue(
                  runner.predict(inputs, outputs), () -> String.valueOf(MirinException.last()));
              float[] y = outputs.get(0).getFloatData();
              assertEquals(3 * n, y.length);
              // equal rows in, equal rows out
              for (int j = 3; j < y.length; j++) {
                assertEquals(y[j - 3], y[j], 1e-6f);
              }
              outputs.forEach(MSTensor::free);
              inputs.forEach(MSTensor::free);
            }
          });
    }
  }

  @Test
  void sixteenThreadsOnOneModel() throws InterruptedException {
    AtomicInteger seeds = new AtomicInteger();
    try (Model model = Model.load(Path.of(ADD))) {
      together(
          16,
          () -> {
            float seed = seeds.incrementAndGet();
            MSTensor x = Models.square(seed, 0, 0, -seed);
            for (int i = 0; i < 500; i++) {
              MSTensor y = model.run(List.of(x, x)).get(0);
              assertArrayEquals(new float[] {2 * seed, 0, 0, -2 * seed}, y.getFloatData());
              y.free();
            }
          });
    }
  }

  @Test
  void freeWaitsForRequestsInFlight() throws InterruptedException {
    for (int round = 0; round < 20; round++) {
      ModelParallelRunner runner = ModelParallelRunner.load(Path.of(ADD), config(2));
      AtomicInteger begun = new AtomicInteger();
      Thread freer =
          new Thread(
              () -> {
                while (begun.get() < 8) {
                  Thread.onSpinWait();
                }
                runner.free();
              });
      freer.setDaemon(true); // a failure below must not wait for it
      freer.start();
      together(
          4,
          () -> {
            List<MSTensor> inputs = List.of(Models.square(1, 2, 3, 4), Models.square(1, 1, 1, 1));
            List<MSTensor> outputs = new ArrayList<>();
            while (runner.predict(inputs, outputs)) {
              begun.incrementAndGet();
              assertEquals(2, outputs.get(0).getFloatData()[0]);
            }
            lastIs(MirinException.Code.FAILED_PRECONDITION, "");
          });
      freer.join();
    }
  }

  @Test
  void limitsEndRequests() {
    try (ModelParallelRunner runner =
            ModelParallelRunner.load(Models.path("resnet18_tiny"), config(1));
        Cancellation cancellation = new Cancellation()) {
      List<MSTensor> inputs = Models.inputs("resnet18_tiny", runner.getInputs());
      MirinException late =
          assertThrows(
              MirinException.class,
              () -> runner.run(inputs, RunOptions.timeout(Duration.ofNanos(1))));
      assertEquals(MirinException.Code.DEADLINE_EXCEEDED, late.code());
      List<MSTensor> outputs = runner.run(inputs, RunOptions.cancellation(cancellation));
      cancellation.cancel();
      MirinException cancelled =
          assertThrows(
              MirinException.class,
              () -> runner.runInto(inputs, outputs, RunOptions.cancellation(cancellation)));
      assertEquals(MirinException.Code.CANCELLED, cancelled.code());
      runner.runInto(inputs, outputs, null);
    }
  }

  @Test
  void fullQueuesRefuse() throws InterruptedException {
    RunnerConfig config = config(1);
    config.setMaxQueue(0);
    AtomicInteger refused = new AtomicInteger();
    try (ModelParallelRunner runner =
        ModelParallelRunner.load(Models.path("resnet18_tiny"), config)) {
      together(
          3,
          () -> {
            List<MSTensor> inputs = Models.inputs("resnet18_tiny", runner.getInputs());
            while (refused.get() == 0) {
              if (!runner.predict(inputs, new ArrayList<>())) {
                lastIs(MirinException.Code.RESOURCE_EXHAUSTED, "");
                refused.incrementAndGet();
              }
            }
          });
    }
    assertTrue(refused.get() > 0);
  }
}
