package com.mindspore;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.mindspore.config.MSContext;
import com.mindspore.config.RunnerConfig;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Whatever order objects go in, and whether they are closed or dropped. */
class LifetimeTest {
  private static final Path ADD = Models.path("tensor_add");
  private static final int LOOPS = Integer.getInteger("loops", 20_000);
  private static final long ALLOWED_GROWTH = 24L << 20;

  private static long residentBytes() {
    try {
      return 4096 * Long.parseLong(Files.readString(Path.of("/proc/self/statm")).split(" ")[1]);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /** Runs work again and again: after half of the loops memory must not grow any more. */
  private static void staysFlat(int loops, Runnable work) {
    for (int i = 0; i < loops / 2; i++) {
      work.run();
    }
    System.gc();
    long before = residentBytes();
    for (int i = 0; i < loops; i++) {
      work.run();
    }
    System.gc();
    long growth = residentBytes() - before;
    assertTrue(growth < ALLOWED_GROWTH, "grew by " + growth + " bytes in " + loops + " loops");
  }

  @Test
  void everyOrderOfClosingIsSafe() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    for (int round = 0; round < 50; round++) {
      Graph graph = Graph.load(ADD);
      MSContext context = new MSContext();
      context.init(1, 0);
      Model model = new Model();
      assertTrue(model.build(graph, context, null));
      RunnerConfig config = new RunnerConfig();
      config.init(context);
      config.setWorkersNum(1);
      ModelParallelRunner runner = ModelParallelRunner.load(ADD, config);
      MSTensor x = Models.square(1, 2, 3, 4);
      List<MSTensor> outputs = model.run(List.of(x, x));
      List<MSTensor> others = runner.run(List.of(x, x));
      ByteBuffer view = outputs.get(0).data();
      Cancellation cancellation = new Cancellation();
      List<AutoCloseable> all = new ArrayList<>();
      Collections.addAll(all, graph, context, model, config, runner, x, cancellation);
      all.addAll(outputs);
      all.addAll(others);
      Collections.shuffle(all, random);
      for (AutoCloseable one : all) {
        try {
          one.close();
          one.close();
        } catch (Exception e) {
          throw new AssertionError("seed " + seed, e);
        }
      }
      assertEquals(8, view.getFloat(12), "seed " + seed);
      assertThrows(IllegalStateException.class, () -> model.run(List.of(x, x)));
    }
  }

  @Test
  void tensorsFreedDuringRunsStayForThem() throws InterruptedException {
    try (Model model = Model.load(ADD)) {
      for (int round = 0; round < 200; round++) {
        MSTensor x = Models.square(1, 2, 3, 4);
        MSTensor y = Models.square(1, 1, 1, 1);
        List<Throwable> failures = Collections.synchronizedList(new ArrayList<>());
        Thread runner =
            new Thread(
                () -> {
                  try {
                    for (; ; ) {
                      MSTensor sum = model.run(List.of(x, y)).get(0);
                      assertArrayEquals(new float[] {2, 3, 4, 5}, sum.getFloatData());
                    }
                  } catch (IllegalStateException e) {
                    // freed: what the loop waits for
                  } catch (Throwable e) {
                    failures.add(e);
                  }
                });
        runner.start();
        x.free();
        runner.join();
        assertEquals(List.of(), failures);
      }
    }
  }

  @Test
  void runsWithClosing() {
    try (Model model = Model.load(ADD)) {
      staysFlat(
          5 * LOOPS,
          () -> {
            MSTensor x = Models.square(1, 2, 3, 4);
            MSTensor y = model.run(List.of(x, x)).get(0);
            y.free();
            x.free();
          });
    }
  }

  @Test
  void runsWithoutClosing() {
    try (Model model = Model.load(ADD)) {
      staysFlat(
          5 * LOOPS,
          () -> {
            MSTensor x = Models.square(1, 2, 3, 4);
            model.run(List.of(x, x)).get(0).data();
          });
    }
  }

  @Test
  void modelsWithClosing() {
    staysFlat(
        LOOPS / 10,
        () -> {
          try (Model model = Model.load(ADD)) {
            assertTrue(model.predict());
          }
        });
  }

  @Test
  void resizing() {
    int[] other = {3, 2};
    int[] declared = {2, 2};
    int[] wrong = {2, 3};
    try (Model model = Model.load(ADD)) {
      staysFlat(
          LOOPS / 10,
          () -> {
            model.reshape(other, other);
            assertTrue(model.predict());
            assertThrows(MirinException.class, () -> model.reshape(other, wrong));
            model.reshape(declared, declared);
          });
    }
  }

  @Test
  void failuresDoNotLeak() {
    try (Model model = Model.load(ADD);
        MSTensor x = MSTensor.create("x", 43, 3)) {
      staysFlat(
          LOOPS,
          () -> {
            assertThrows(MirinException.class, () -> model.run(List.of(x, x)));
            assertThrows(MirinException.class, () -> Model.load(Path.of("/nowhere.mindir")));
          });
    }
  }
}
