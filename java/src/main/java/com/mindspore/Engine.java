package com.mindspore;

import com.mindspore.config.MSContext;
import com.mindspore.config.RunnerConfig;
import com.mindspore.internal.Handle;
import com.mindspore.internal.Mirin;
import com.mindspore.internal.NativeLibrary;
import com.mindspore.internal.Text;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongConsumer;

/** What runs a model, alone or with workers: the part that Model and ModelParallelRunner share. */
final class Engine implements AutoCloseable {
  private static final LongConsumer DESTROY_MODEL = Mirin::mirin_model_destroy;
  private static final LongConsumer DESTROY_ENGINE = Mirin::destroyEngine;
  private static final LongConsumer DESTROY_TENSOR = Mirin::mirin_tensor_destroy;

  private final Shaped declared;
  private final Handle model;
  private final Context context;
  private volatile Shaped current;

  /** model, context: what other shapes are made from, or null. */
  private Engine(Shaped declared, Handle model, Context context) {
    this.declared = declared;
    this.model = model;
    this.context = context;
    this.current = declared;
  }

  /** The native engine for the shapes that the file declares, or for those of a resize. */
  private static final class Shaped {
    final Signature signature;
    final Handle handle;
    final long pointer;

    Shaped(Signature signature, Handle handle) {
      this.signature = signature;
      this.handle = handle;
      this.pointer = handle.address();
    }

    /** Takes the model's handle over, also when it fails. */
    static Shaped of(Handle model, Context c) {
      try {
        Signature signature = new Signature(model.address());
        long engine =
            Mirin.createEngine(model.address(), c.threads, c.preferFp16, c.devices, c.cpus);
        return new Shaped(signature, new Handle(engine, DESTROY_ENGINE, model, null));
      } catch (RuntimeException | Error e) {
        model.close();
        throw e;
      }
    }

    /** Refuses shapes that do not fit the signature. */
    void plan(long[][] shapes) {
      handle.acquire();
      try {
        Mirin.plan(pointer, shapes);
      } finally {
        handle.release();
      }
    }
  }

  /** What runs take and give now. */
  Signature signature() {
    return current.signature;
  }

  long address() {
    return current.handle.address();
  }

  /** What a model is read with. */
  static final class Source {
    String path;
    ByteBuffer memory;
    byte[] key = new byte[0];
    String keyMode = "";

    /** Reads the model. config: settings by name, or null. */
    Handle load(Settings config) {
      NativeLibrary.load();
      if (config == null) {
        return load(0);
      }
      Handle[] model = new Handle[1];
      config.with(pointer -> model[0] = load(pointer));
      return model[0];
    }

    private Handle load(long config) {
      int cipher = cipher(keyMode);
      long model;
      if (path != null) {
        model = Mirin.loadFile(Text.utf8(path), key, cipher, config);
      } else {
        ByteBuffer bytes = memory.duplicate();
        if (!bytes.isDirect()) {
          bytes = ByteBuffer.allocateDirect(bytes.remaining()).put(bytes);
          bytes.flip();
        }
        model = Mirin.loadBuffer(bytes, bytes.position(), bytes.remaining(), key, cipher, config);
      }
      return new Handle(model, DESTROY_MODEL);
    }

    void wipe() {
      Arrays.fill(key, (byte) 0);
    }

    private static int cipher(String mode) {
      switch (mode) {
        case "":
          return Mirin.MIRIN_CIPHER_AUTO;
        case "AES-GCM":
          return Mirin.MIRIN_CIPHER_AES_GCM;
        case "AES-CBC":
          return Mirin.MIRIN_CIPHER_AES_CBC;
        case "SM4-CBC":
          return Mirin.MIRIN_CIPHER_SM4_CBC;
        default:
          throw MirinException.invalid(
              "decryption mode '" + mode + "' is none of AES-GCM, AES-CBC, SM4-CBC");
      }
    }
  }

  /** An engine of its own sessions. Takes the handle over, also when it fails. */
  static Engine of(Handle model, MSContext context) {
    Context c;
    try {
      c = new Context(context);
    } catch (RuntimeException | Error e) {
      model.close();
      throw e;
    }
    return new Engine(Shaped.of(model, c), model, c);
  }

  /** An engine of workers. */
  static Engine ofWorkers(Source source, RunnerConfig config) {
    NativeLibrary.load();
    Context c = new Context(config.getContext());
    try (Settings settings = new Settings();
        Handle model = source.load(settings.take(config))) {
      long engine =
          Mirin.createPoolEngine(
              model.address(),
              c.threads,
              c.preferFp16,
              c.devices,
              c.cpus,
              config.getWorkersNum(),
              config.getMaxQueue(),
              settings.handle.address());
      return new Engine(
          new Shaped(new Signature(model.address()), new Handle(engine, DESTROY_ENGINE)),
          null,
          null);
    }
  }

  /** A context in the native tier's terms. */
  private static final class Context {
    final int threads;
    final boolean preferFp16;
    final byte[][] devices;
    final int[] cpus;

    Context(MSContext context) {
      if (context == null) {
        threads = 0;
        preferFp16 = false;
        devices = new byte[0][];
        cpus = new int[0];
        return;
      }
      if (context.getMSContextPtr() == 0) {
        throw MirinException.invalid("the context was not initialised: call init() first");
      }
      int interOp = context.getInterOpParallelNum();
      threads = context.getThreadNum();
      if (threads < 0 || interOp < 0) {
        throw MirinException.invalid(
            "thread number " + threads + " or inter-op number " + interOp + " is negative");
      }
      if (threads > 0 && interOp > threads) {
        throw MirinException.invalid(
            "inter-op number " + interOp + " is more than the " + threads + " threads");
      }
      int mode = context.getThreadAffinityMode();
      if (mode < 0 || mode > 2) {
        throw MirinException.invalid("thread affinity mode " + mode + " is none of 0, 1, 2");
      }
      preferFp16 = context.getEnableFloat16();
      devices = Text.utf8(context.getDeviceNames());
      cpus = context.getThreadAffinityCoreList().stream().mapToInt(Integer::intValue).toArray();
    }
  }

  List<MSTensor> run(List<MSTensor> inputs, RunOptions options) {
    Pins in = new Pins(inputs, "inputs");
    long[] results;
    try {
      results = call(options, (e, t, c) -> Mirin.run(e, in.pointers, t, c));
    } finally {
      in.release();
    }
    List<MSTensor> outputs = new ArrayList<>(results.length);
    for (int i = 0; i < results.length; i++) {
      outputs.add(
          new MSTensor(
              declared.signature.outputs.get(i).name, new Handle(results[i], DESTROY_TENSOR)));
    }
    return outputs;
  }

  Map<String, MSTensor> run(Map<String, MSTensor> inputs, RunOptions options) {
    if (inputs == null) {
      throw MirinException.invalid("inputs is null");
    }
    List<MSTensor> ordered = new ArrayList<>();
    for (Signature.Value value : declared.signature.inputs) {
      MSTensor tensor = inputs.get(value.name);
      if (tensor == null) {
        throw MirinException.invalid("no tensor for input '" + value.name + "'");
      }
      ordered.add(tensor);
    }
    if (inputs.size() != ordered.size()) {
      List<String> unknown = new ArrayList<>(inputs.keySet());
      declared.signature.inputs.forEach(value -> unknown.remove(value.name));
      throw MirinException.invalid("the model has no inputs " + unknown);
    }
    Map<String, MSTensor> outputs = new LinkedHashMap<>();
    for (MSTensor output : run(ordered, options)) {
      outputs.put(output.tensorName(), output);
    }
    return outputs;
  }

  void runInto(List<MSTensor> inputs, List<MSTensor> outputs, RunOptions options) {
    Pins in = new Pins(inputs, "inputs");
    try {
      Pins out = new Pins(outputs, "outputs");
      try {
        call(
            options,
            (e, t, c) -> {
              Mirin.runInto(e, in.pointers, out.pointers, t, c);
              return null;
            });
      } finally {
        out.release();
        outputs.forEach(MSTensor::changed);
      }
    } finally {
      in.release();
    }
  }

  /**
   * Makes runs take these shapes: as the file's model has them, where it leaves room for them, else
   * with a model made for them, which is dropped by the next. States start anew with another model.
   * Nothing changes when it fails. Runs in flight go on with what they began with. Not for engines
   * of workers, nor for two threads at once.
   */
  void resize(long[][] shapes) {
    Shaped old = current;
    for (Shaped kept : new Shaped[] {old, declared}) {
      if (kept.signature.takes(shapes)) {
        if (kept != old) {
          Mirin.restart(kept.pointer);
        }
        kept.plan(shapes);
        replace(old, kept);
        return;
      }
    }
    Shaped made = Shaped.of(reshaped(shapes), context);
    try {
      made.plan(shapes);
    } catch (RuntimeException | Error e) {
      made.handle.close();
      throw e;
    }
    replace(old, made);
  }

  private void replace(Shaped old, Shaped by) {
    current = by;
    if (old != by && old != declared) {
      old.handle.close();
    }
  }

  /** Keeps the declared engine, so that the close of that one waits for runs of this. */
  private Handle reshaped(long[][] shapes) {
    Handle needed = declared.handle.share();
    try {
      return new Handle(Mirin.reshapeModel(model.address(), shapes), DESTROY_MODEL, needed, null);
    } catch (RuntimeException | Error e) {
      needed.close();
      throw e;
    }
  }

  int workers() {
    Shaped shaped = acquire();
    try {
      return Mirin.engineWorkers(shaped.pointer);
    } finally {
      shaped.handle.release();
    }
  }

  /** Waits for calls in flight. */
  @Override
  public void close() {
    current.handle.close();
    declared.handle.closeAndWait();
  }

  /** The engine for one call; release must follow. A resize may replace it just before. */
  private Shaped acquire() {
    for (; ; ) {
      Shaped shaped = current;
      try {
        shaped.handle.acquire();
        return shaped;
      } catch (IllegalStateException e) {
        if (shaped == current) {
          throw e;
        }
      }
    }
  }

  private interface Call {
    long[] on(long engine, long timeoutMicros, long cancellation);
  }

  private long[] call(RunOptions options, Call call) {
    Shaped shaped = acquire();
    try {
      if (options == null) {
        return call.on(shaped.pointer, 0, 0);
      }
      long cancellation = options.acquire();
      try {
        return call.on(shaped.pointer, options.timeoutMicros(), cancellation);
      } finally {
        options.release();
      }
    } finally {
      shaped.handle.release();
    }
  }

  /** Tensors that cannot go away during a call. */
  private static final class Pins {
    final long[] pointers;
    private final Handle[] handles;

    Pins(List<MSTensor> list, String what) {
      if (list == null) {
        throw MirinException.invalid(what + " is null");
      }
      MSTensor[] tensors = list.toArray(new MSTensor[0]);
      pointers = new long[tensors.length];
      handles = new Handle[tensors.length];
      try {
        for (int i = 0; i < tensors.length; i++) {
          if (tensors[i] == null) {
            throw MirinException.invalid(what + " has null at index " + i);
          }
          Handle memory = tensors[i].memory();
          pointers[i] = memory.acquire();
          handles[i] = memory;
        }
      } catch (RuntimeException | Error e) {
        release();
        throw e;
      }
    }

    void release() {
      for (Handle h : handles) {
        if (h != null) {
          h.release();
        }
      }
    }
  }
}
