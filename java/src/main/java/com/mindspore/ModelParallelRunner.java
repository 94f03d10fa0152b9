package com.mindspore;

import com.mindspore.config.RunnerConfig;
import com.mindspore.internal.NativeLibrary;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * One model for many callers at once: a fixed number of workers share its weights, and requests
 * that find all of them busy wait in a bounded queue. Every request may have shapes of its own. Any
 * number of threads may use a runner.
 */
public final class ModelParallelRunner implements AutoCloseable {
  private volatile Engine engine;
  private volatile boolean freed;

  /** A runner to be initialised. */
  public ModelParallelRunner() {
    NativeLibrary.load();
  }

  /**
   * Reads a MindIR file and starts the workers.
   *
   * @param path the file
   * @param config workers, queue, context, key; null for the defaults
   * @return the runner
   * @throws MirinException with the reason
   */
  public static ModelParallelRunner load(Path path, RunnerConfig config) {
    ModelParallelRunner runner = new ModelParallelRunner();
    runner.open(path == null ? null : path.toString(), config);
    return runner;
  }

  /**
   * Reads a MindIR file and starts the workers, with the defaults.
   *
   * @param modelPath the file
   * @return false when it fails; {@link MirinException#last} says why. True when the runner was
   *     initialised before, which changes nothing
   */
  public boolean init(String modelPath) {
    return init(modelPath, null);
  }

  /**
   * Reads a MindIR file and starts the workers.
   *
   * @param modelPath the file
   * @param runnerConfig workers, queue, context, key; null for the defaults
   * @return false when it fails; {@link MirinException#last} says why. True when the runner was
   *     initialised before, which changes nothing
   */
  public boolean init(String modelPath, RunnerConfig runnerConfig) {
    return MirinException.attempt(() -> open(modelPath, runnerConfig));
  }

  private synchronized void open(String path, RunnerConfig config) {
    if (freed) {
      throw failed("the runner was freed");
    }
    if (engine != null) {
      return;
    }
    if (path == null) {
      throw MirinException.invalid("the path is null");
    }
    RunnerConfig used = config;
    if (used == null) {
      used = new RunnerConfig();
      used.init();
    } else if (used.getRunnerConfigPtr() == 0) {
      throw MirinException.invalid("the runner's config was not initialised: call init() first");
    }
    Engine.Source source = new Engine.Source();
    source.path = path;
    source.key = used.getDecryptKey();
    source.keyMode = used.getDecryptMode();
    try {
      engine = Engine.ofWorkers(source, used);
    } finally {
      source.wipe();
    }
  }

  /**
   * Tensors of the declared types and shapes, for one request.
   *
   * @return a new list of new tensors, which the caller frees; empty when the runner is not
   *     initialised or freed
   */
  public List<MSTensor> getInputs() {
    Engine e = engineOrNote();
    return e == null ? new ArrayList<>() : Signature.tensors(e.signature().inputs);
  }

  /**
   * Tensors of the declared types and shapes of the outputs.
   *
   * @return a new list of new tensors, which the caller frees; empty when the runner is not
   *     initialised or freed
   */
  public List<MSTensor> getOutputs() {
    Engine e = engineOrNote();
    return e == null ? new ArrayList<>() : Signature.tensors(e.signature().outputs);
  }

  /**
   * Runs a request on the calling thread as soon as a worker is free.
   *
   * @param inputs one tensor per input of the model, in its order
   * @param outputs empty: filled with tensors that the caller frees; else one tensor per output, of
   *     its type and at least as large, which gets the result and its shape
   * @return false when it fails or the runner is not initialised or freed; {@link
   *     MirinException#last} says why
   */
  public boolean predict(List<MSTensor> inputs, List<MSTensor> outputs) {
    try {
      return MirinException.attempt(
          () -> {
            Engine e = engine();
            if (outputs == null) {
              throw MirinException.invalid("outputs is null");
            }
            if (outputs.isEmpty()) {
              outputs.addAll(e.run(inputs, null));
            } else {
              e.runInto(inputs, outputs, null);
            }
          });
    } catch (IllegalStateException e) { // freed meanwhile, the runner or a tensor
      MirinException.note(MirinException.Code.FAILED_PRECONDITION, e.getMessage());
      return false;
    }
  }

  /**
   * Runs a request on the calling thread as soon as a worker is free.
   *
   * @param inputs one tensor per input of the model, in its order
   * @return the outputs in the model's order; they belong to the caller
   * @throws MirinException INVALID_ARGUMENT (names the input), RESOURCE_EXHAUSTED (queue full,
   *     memory), FAILED_PRECONDITION (not initialised or freed)
   * @throws IllegalStateException when a tensor was freed
   */
  public List<MSTensor> run(List<MSTensor> inputs) {
    return engine().run(inputs, null);
  }

  /**
   * Runs a request with limits.
   *
   * @param inputs one tensor per input of the model, in its order
   * @param options a time limit for waiting and running together, a cancellation; null for none
   * @return the outputs in the model's order; they belong to the caller
   * @throws MirinException as {@link #run(List)}, and DEADLINE_EXCEEDED, CANCELLED
   * @throws IllegalStateException when a tensor was freed
   */
  public List<MSTensor> run(List<MSTensor> inputs, RunOptions options) {
    return engine().run(inputs, options);
  }

  /**
   * Runs a request into tensors: no memory is allocated for results.
   *
   * @param inputs one tensor per input of the model, in its order
   * @param outputs one tensor per output, of its type and at least as large; each gets the result's
   *     shape. After a failure their contents are not defined
   * @param options a time limit, a cancellation; null for none
   * @throws MirinException as {@link #run(List, RunOptions)}
   * @throws IllegalStateException when a tensor was freed
   */
  public void runInto(List<MSTensor> inputs, List<MSTensor> outputs, RunOptions options) {
    engine().runInto(inputs, outputs, options);
  }

  /**
   * The number of workers.
   *
   * @return 0 when the runner is not initialised or freed
   */
  public int getWorkersNum() {
    Engine e = engineOrNote();
    return e == null ? 0 : e.workers();
  }

  /**
   * The native object's address, for comparison and printing.
   *
   * @return 0 when the runner is not initialised or freed
   */
  public long getModelParallelRunnerPtr() {
    Engine e = engine;
    return e == null ? 0 : e.address();
  }

  /** Waits for requests in flight and frees the workers; later requests fail. Twice is fine. */
  public void free() {
    Engine old;
    synchronized (this) {
      freed = true;
      old = engine;
    }
    if (old != null) {
      old.close();
    }
  }

  /** The same as {@link #free}. */
  @Override
  public void close() {
    free();
  }

  private Engine engine() {
    Engine e = engine;
    if (freed) {
      throw failed("the runner was freed");
    }
    if (e == null) {
      throw failed("the runner was not initialised");
    }
    return e;
  }

  private Engine engineOrNote() {
    Engine[] e = new Engine[1];
    MirinException.attempt(() -> e[0] = engine());
    return e[0];
  }

  private static MirinException failed(String message) {
    return new MirinException(MirinException.Code.FAILED_PRECONDITION, message);
  }
}
