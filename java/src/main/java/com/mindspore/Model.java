package com.mindspore;

import com.mindspore.config.MSContext;
import com.mindspore.config.ModelType;
import com.mindspore.config.TrainCfg;
import com.mindspore.internal.Handle;
import com.mindspore.internal.NativeLibrary;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * A model that runs.
 *
 * <p>Two ways to use it. The compatible one: {@link #build(String, int, MSContext) build}, fill the
 * tensors of {@link #getInputs}, {@link #predict}, read {@link #getOutputs}; for one thread at a
 * time. The other: {@link #load(Path)} or {@link #builder}, then {@link #run(List)} with tensors of
 * one's own, from any number of threads at once. A model that keeps state between runs takes them
 * in turn.
 */
public final class Model implements AutoCloseable {
  private static final String NOT_BUILT = "the model was not built";

  private Settings settings;
  private List<MSTensor> inputs = Collections.emptyList();
  private List<MSTensor> outputs = Collections.emptyList();
  private volatile Engine engine;
  private volatile boolean freed;

  /** A model to be built. */
  public Model() {
    NativeLibrary.load();
  }

  /**
   * Reads a MindIR file and makes it ready to run, with the defaults.
   *
   * @param path the file
   * @return the model
   * @throws MirinException with the reason
   */
  public static Model load(Path path) {
    return builder().load(path);
  }

  /**
   * Options for loading.
   *
   * @return a builder with the defaults
   */
  public static Builder builder() {
    return new Builder();
  }

  /** Options for loading, for one thread at a time. */
  public static final class Builder {
    private final Engine.Source source = new Engine.Source();
    private final Map<String, Map<String, String>> sections = new LinkedHashMap<>();
    private final List<String> files = new ArrayList<>();
    private MSContext context;

    private Builder() {}

    /**
     * Where and with how many threads the model runs.
     *
     * @param context an initialised context, which is copied when loading; null for the defaults
     * @return this builder
     */
    public Builder context(MSContext context) {
      this.context = context;
      return this;
    }

    /**
     * The key of an encrypted model. Its bytes are copied, and wiped after loading.
     *
     * @param key 16, 24 or 32 bytes for AES, 16 for SM4
     * @param mode "AES-GCM", "AES-CBC", "SM4-CBC", or "" for what the file says
     * @return this builder
     * @throws MirinException INVALID_ARGUMENT for null
     */
    public Builder key(byte[] key, String mode) {
      if (key == null || mode == null) {
        throw MirinException.invalid("the key or its mode is null");
      }
      source.wipe();
      source.key = key.clone();
      source.keyMode = mode;
      return this;
    }

    /**
     * A configuration file.
     *
     * @param path the file
     * @return this builder
     */
    public Builder configFile(Path path) {
      files.add(path == null ? null : path.toString());
      return this;
    }

    /**
     * A section of the configuration, which goes before files.
     *
     * @param section its name
     * @param config its keys and values
     * @return this builder
     */
    public Builder config(String section, Map<String, String> config) {
      sections.put(section, config);
      return this;
    }

    /**
     * Reads a MindIR file and makes it ready to run.
     *
     * @param path the file
     * @return the model
     * @throws MirinException with the reason
     */
    public Model load(Path path) {
      if (path == null) {
        throw MirinException.invalid("the path is null");
      }
      source.path = path.toString();
      return load();
    }

    /**
     * Reads MindIR from memory, which is copied, and makes it ready to run.
     *
     * @param bytes the model, from the buffer's position to its limit
     * @return the model
     * @throws MirinException with the reason
     */
    public Model load(ByteBuffer bytes) {
      if (bytes == null) {
        throw MirinException.invalid("the buffer is null");
      }
      source.path = null;
      source.memory = bytes;
      return load();
    }

    private Model load() {
      Model model = new Model();
      try {
        files.forEach(file -> model.settings().loadFile(file));
        sections.forEach((section, config) -> model.settings().set(section, config));
        model.open(source, ModelType.MT_MINDIR, context);
        return model;
      } catch (RuntimeException | Error e) {
        model.free();
        throw e;
      } finally {
        source.wipe();
        source.key = new byte[0];
      }
    }
  }

  // --- building, the compatible way ---

  /**
   * Builds from a graph, whose weights are shared.
   *
   * @param graph a loaded graph
   * @param context where and with how many threads it runs
   * @param cfg null: training is not supported
   * @return false when it cannot be built; {@link MirinException#last} says why
   */
  public boolean build(Graph graph, MSContext context, TrainCfg cfg) {
    return MirinException.attempt(
        () -> {
          notNull(graph, "graph");
          notNull(context, "context");
          if (cfg != null) {
            throw unsupported("training");
          }
          open(graph.share(), context);
        });
  }

  /**
   * Builds from a mapped file, which is copied.
   *
   * @param buffer the model
   * @param modelType MT_MINDIR or MT_MINDIR_LITE of {@link ModelType}
   * @param context where and with how many threads it runs
   * @return false when it cannot be built; {@link MirinException#last} says why
   */
  public boolean build(MappedByteBuffer buffer, int modelType, MSContext context) {
    return build(null, buffer, modelType, context, new char[0], "");
  }

  /**
   * Builds from a mapped file, which is copied, with a key.
   *
   * @param buffer the model
   * @param modelType MT_MINDIR or MT_MINDIR_LITE of {@link ModelType}
   * @param context where and with how many threads it runs
   * @param decKey the key, a byte in each char
   * @param decMode "AES-GCM", "AES-CBC" or "SM4-CBC"
   * @param croptoLibPath unused: the ciphers are built in
   * @return false when it cannot be built; {@link MirinException#last} says why
   */
  public boolean build(
      MappedByteBuffer buffer,
      int modelType,
      MSContext context,
      char[] decKey,
      String decMode,
      String croptoLibPath) {
    return build(null, buffer, modelType, context, decKey, decMode);
  }

  /**
   * Builds from a file.
   *
   * @param modelPath the file's path
   * @param modelType MT_MINDIR or MT_MINDIR_LITE of {@link ModelType}
   * @param context where and with how many threads it runs
   * @return false when it cannot be built; {@link MirinException#last} says why
   */
  public boolean build(String modelPath, int modelType, MSContext context) {
    return build(modelPath, null, modelType, context, new char[0], "");
  }

  /**
   * Builds from a file with a key.
   *
   * @param modelPath the file's path
   * @param modelType MT_MINDIR or MT_MINDIR_LITE of {@link ModelType}
   * @param context where and with how many threads it runs
   * @param decKey the key, a byte in each char
   * @param decMode "AES-GCM", "AES-CBC" or "SM4-CBC"
   * @param croptoLibPath unused: the ciphers are built in
   * @return false when it cannot be built; {@link MirinException#last} says why
   */
  public boolean build(
      String modelPath,
      int modelType,
      MSContext context,
      char[] decKey,
      String decMode,
      String croptoLibPath) {
    return build(modelPath, null, modelType, context, decKey, decMode);
  }

  private boolean build(
      String path, ByteBuffer buffer, int type, MSContext context, char[] key, String mode) {
    return MirinException.attempt(
        () -> {
          if (path == null) {
            notNull(buffer, "path or buffer");
          }
          notNull(context, "context");
          notNull(key, "key");
          notNull(mode, "decryption mode");
          Engine.Source source = new Engine.Source();
          source.path = path;
          source.memory = buffer == null ? null : buffer.duplicate().clear();
          source.key = new byte[key.length];
          source.keyMode = mode;
          try {
            for (int i = 0; i < key.length; i++) {
              if (key[i] > 0xFF) {
                throw MirinException.invalid("a char of the key is more than a byte");
              }
              source.key[i] = (byte) key[i];
            }
            open(source, type, context);
          } finally {
            source.wipe();
          }
        });
  }

  private void open(Engine.Source source, int type, MSContext context) {
    if (type != ModelType.MT_MINDIR && type != ModelType.MT_MINDIR_LITE) {
      throw new MirinException(
          MirinException.Code.UNIMPLEMENTED,
          "model type " + type + " is not supported: MT_MINDIR, MT_MINDIR_LITE; convert others");
    }
    checkUnbuilt();
    open(source.load(settings), context);
  }

  /** Takes the handle over, also when it fails. */
  private synchronized void open(Handle model, MSContext context) {
    try {
      checkUnbuilt();
    } catch (RuntimeException e) {
      model.close();
      throw e;
    }
    Engine made = Engine.of(model, context);
    inputs = Signature.tensors(made.signature().inputs);
    outputs = Signature.tensors(made.signature().outputs);
    engine = made;
  }

  private void checkUnbuilt() {
    checkNotFreed();
    if (engine != null) {
      throw new MirinException(
          MirinException.Code.FAILED_PRECONDITION, "the model was built before");
    }
  }

  /**
   * Takes the settings of a configuration file, before the model is built.
   *
   * @param configPath the file
   * @return false when a setting is not known or the model is built; {@link MirinException#last}
   *     says why
   */
  public boolean loadConfig(String configPath) {
    return MirinException.attempt(
        () -> {
          checkUnbuilt();
          settings().loadFile(configPath);
        });
  }

  /**
   * Takes settings of one section, before the model is built.
   *
   * @param section the section's name
   * @param config its keys and values
   * @return false when a setting is not known or the model is built; {@link MirinException#last}
   *     says why
   */
  public boolean updateConfig(String section, HashMap<String, String> config) {
    return MirinException.attempt(
        () -> {
          checkUnbuilt();
          settings().set(section, config);
        });
  }

  private synchronized Settings settings() {
    if (settings == null) {
      settings = new Settings();
    }
    return settings;
  }

  // --- running ---

  /**
   * Runs on the tensors of {@link #getInputs}; {@link #getOutputs} then has the results. Outputs of
   * earlier runs stay as they are. For one thread at a time.
   *
   * @return false when it fails; {@link MirinException#last} says why
   */
  public synchronized boolean predict() {
    return MirinException.attempt(
        () -> {
          List<MSTensor> results = built().run(inputs, null);
          outputs.forEach(MSTensor::free);
          outputs = results;
        });
  }

  /**
   * The same as {@link #predict}.
   *
   * @return false when it fails; {@link MirinException#last} says why
   */
  public boolean runStep() {
    return predict();
  }

  /**
   * Runs. Any number of threads may do so at once.
   *
   * @param inputs one tensor per input of the model, in its order
   * @return the outputs in the model's order; they belong to the caller
   * @throws MirinException INVALID_ARGUMENT (names the input), RESOURCE_EXHAUSTED,
   *     FAILED_PRECONDITION (not built)
   * @throws IllegalStateException when the model or a tensor was freed
   */
  public List<MSTensor> run(List<MSTensor> inputs) {
    return built().run(inputs, null);
  }

  /**
   * Runs with limits. Any number of threads may do so at once.
   *
   * @param inputs one tensor per input of the model, in its order
   * @param options a time limit, a cancellation; null for none
   * @return the outputs in the model's order; they belong to the caller
   * @throws MirinException as {@link #run(List)}, and DEADLINE_EXCEEDED, CANCELLED
   * @throws IllegalStateException when an object was freed
   */
  public List<MSTensor> run(List<MSTensor> inputs, RunOptions options) {
    return built().run(inputs, options);
  }

  /**
   * Runs with inputs by name.
   *
   * @param inputs one tensor for each name of the model's inputs
   * @return the outputs by name, in the model's order; they belong to the caller
   * @throws MirinException as {@link #run(List)}, also for names that the model does not have
   * @throws IllegalStateException when an object was freed
   */
  public Map<String, MSTensor> run(Map<String, MSTensor> inputs) {
    return built().run(inputs, null);
  }

  /**
   * Runs into tensors: no memory is allocated. Any number of threads may do so at once, with
   * outputs of their own.
   *
   * @param inputs one tensor per input of the model, in its order
   * @param outputs one tensor per output, of its type and at least as large; each gets the result's
   *     shape. After a failure their contents are not defined
   * @param options a time limit, a cancellation; null for none
   * @throws MirinException as {@link #run(List, RunOptions)}
   * @throws IllegalStateException when an object was freed
   */
  public void runInto(List<MSTensor> inputs, List<MSTensor> outputs, RunOptions options) {
    built().runInto(inputs, outputs, options);
  }

  /**
   * Sets the shapes of the model's inputs, and of the tensors given. Shapes that the file leaves
   * open are planned for. For others the model is made anew, which takes longer: its states start
   * from the file, there and on the way back, which is quick, and {@link #getOutputs} has tensors
   * of the new shapes. When the model cannot work with the shapes, nothing changes. Runs in flight
   * go on with the shapes that they began with.
   *
   * @param inputs one tensor per input of the model, such as {@link #getInputs}
   * @param dims the shape of each, sizes of 0 or more
   * @return false when it fails; {@link MirinException#last} says why, and names the node
   */
  public synchronized boolean resize(List<MSTensor> inputs, int[][] dims) {
    return MirinException.attempt(
        () -> {
          Engine e = built();
          notNull(inputs, "inputs");
          notNull(dims, "dims");
          resize(e, inputs, dims);
        });
  }

  /**
   * Sets the shapes of the model's inputs as {@link #resize} does.
   *
   * @param shapes one per input of the model, sizes of 0 or more
   * @throws MirinException INVALID_ARGUMENT (names the node that cannot work with the shapes),
   *     RESOURCE_EXHAUSTED, FAILED_PRECONDITION (not built); the model is as it was
   * @throws IllegalStateException when the model was freed
   */
  public synchronized void reshape(int[]... shapes) {
    Engine e = built();
    notNull(shapes, "shapes");
    resize(e, inputs, shapes);
  }

  private void resize(Engine e, List<MSTensor> given, int[][] dims) {
    if (given.size() != dims.length) {
      throw MirinException.invalid(
          "inputs' size does not match dims' size, but got inputs: "
              + given.size()
              + " and dims: "
              + dims.length);
    }
    if (dims.length != inputs.size()) {
      throw MirinException.invalid(
          "the model takes " + inputs.size() + " inputs, got " + dims.length);
    }
    Signature before = e.signature();
    long[][] shapes = new long[dims.length][];
    Map<MSTensor, Handle> memory = new LinkedHashMap<>();
    try {
      for (int i = 0; i < dims.length; i++) {
        notNull(given.get(i), "input " + i);
        shapes[i] = MSTensor.dims(dims[i]);
        for (MSTensor tensor : List.of(inputs.get(i), given.get(i))) {
          if (!memory.containsKey(tensor)) {
            memory.put(tensor, tensor.memoryFor(shapes[i]));
          }
        }
      }
      e.resize(shapes);
    } catch (RuntimeException | Error failure) {
      memory.values().stream().filter(Objects::nonNull).forEach(Handle::close);
      throw failure;
    }
    memory.forEach(MSTensor::take);
    if (e.signature() != before) {
      outputs.forEach(MSTensor::free);
      outputs = Signature.tensors(e.signature().outputs);
    }
  }

  // --- tensors ---

  /**
   * The model's own inputs, the same tensors at every call. They are freed with the model.
   *
   * @return a new list in the model's order; empty before build
   */
  public synchronized List<MSTensor> getInputs() {
    checkNotFreed();
    return known(inputs);
  }

  /**
   * The results of the last {@link #predict}; before it, tensors of the declared types and shapes.
   *
   * @return a new list of new tensors in the model's order, which the caller frees; they stay as
   *     they are when the model runs again. Empty before build
   */
  public synchronized List<MSTensor> getOutputs() {
    checkNotFreed();
    List<MSTensor> shared = new ArrayList<>();
    for (MSTensor output : known(outputs)) {
      shared.add(output.share());
    }
    return shared;
  }

  /**
   * One of {@link #getInputs}.
   *
   * @param tensorName its name
   * @return null when there is none of that name
   */
  public synchronized MSTensor getInputByTensorName(String tensorName) {
    checkNotFreed();
    return find(inputs, tensorName);
  }

  /**
   * One of {@link #getOutputs}.
   *
   * @param tensorName its name
   * @return a new tensor, which the caller frees; null when there is none of that name
   */
  public synchronized MSTensor getOutputByTensorName(String tensorName) {
    checkNotFreed();
    MSTensor found = find(outputs, tensorName);
    return found == null ? null : found.share();
  }

  /**
   * The outputs of a node: those that bear its name.
   *
   * @param nodeName the name
   * @return new tensors, which the caller frees; empty when there are none of that name, null for
   *     null
   */
  public synchronized List<MSTensor> getOutputsByNodeName(String nodeName) {
    if (nodeName == null) {
      MirinException.note(MirinException.Code.INVALID_ARGUMENT, "the name is null");
      return null;
    }
    List<MSTensor> found = new ArrayList<>();
    MSTensor output = getOutputByTensorName(nodeName);
    if (output != null) {
      found.add(output);
    }
    return found;
  }

  /**
   * The names of the outputs.
   *
   * @return a new list in the model's order; empty before build
   */
  public synchronized List<String> getOutputTensorNames() {
    checkNotFreed();
    List<String> names = new ArrayList<>();
    known(outputs).forEach(output -> names.add(output.tensorName()));
    return names;
  }

  private List<MSTensor> known(List<MSTensor> tensors) {
    if (engine == null) {
      MirinException.note(MirinException.Code.FAILED_PRECONDITION, NOT_BUILT);
    }
    return new ArrayList<>(tensors);
  }

  private MSTensor find(List<MSTensor> tensors, String name) {
    for (MSTensor tensor : known(tensors)) {
      if (tensor.tensorName().equals(name)) {
        return tensor;
      }
    }
    if (engine != null) {
      MirinException.note(MirinException.Code.NOT_FOUND, "the model has no tensor '" + name + "'");
    }
    return null;
  }

  // --- the end ---

  /**
   * Frees the model and the tensors of {@link #getInputs}, after runs in flight have returned.
   * Twice is fine.
   */
  public void free() {
    freed = true;
    Engine old;
    synchronized (this) {
      old = engine;
      inputs.forEach(MSTensor::free);
      outputs.forEach(MSTensor::free);
      if (settings != null) {
        settings.close();
      }
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

  private void checkNotFreed() {
    if (freed) {
      throw new IllegalStateException("the model was used after free() or close()");
    }
  }

  private Engine built() {
    checkNotFreed();
    Engine e = engine;
    if (e == null) {
      throw new MirinException(MirinException.Code.FAILED_PRECONDITION, NOT_BUILT);
    }
    return e;
  }

  private static void notNull(Object value, String what) {
    if (value == null) {
      throw MirinException.invalid(what + " is null");
    }
  }

  // --- training, which this inference runtime does not do ---

  private static MirinException unsupported(String what) {
    return new MirinException(
        MirinException.Code.UNIMPLEMENTED, what + " is not supported by this inference runtime");
  }

  private static boolean refuse(String what) {
    MirinException e = unsupported(what);
    MirinException.note(e.code(), e.getMessage());
    return false;
  }

  /**
   * Would export the model; not supported.
   *
   * @param fileName unused
   * @param quantizationType unused
   * @param isOnlyExportInfer unused
   * @param outputTensorNames unused
   * @return false
   */
  public boolean export(
      String fileName,
      int quantizationType,
      boolean isOnlyExportInfer,
      List<String> outputTensorNames) {
    return refuse("export");
  }

  /**
   * Would export weights; not supported.
   *
   * @param weightFile unused
   * @param isInference unused
   * @param enableFp16 unused
   * @param changeableWeightNames unused
   * @return false
   */
  public boolean exportWeightsCollaborateWithMicro(
      String weightFile,
      boolean isInference,
      boolean enableFp16,
      List<String> changeableWeightNames) {
    return refuse("exportWeightsCollaborateWithMicro");
  }

  /**
   * Would set weights; not supported.
   *
   * @param features unused
   * @return false
   */
  public boolean updateFeatureMaps(List<MSTensor> features) {
    return refuse("updateFeatureMaps");
  }

  /**
   * Would set the learning rate; not supported.
   *
   * @param learningRate unused
   * @return false
   */
  public boolean setLearningRate(float learningRate) {
    return refuse("setLearningRate");
  }

  /**
   * Would set up a virtual batch; not supported.
   *
   * @param virtualBatchMultiplier unused
   * @param learningRate unused
   * @param momentum unused
   * @return false
   */
  public boolean setupVirtualBatch(int virtualBatchMultiplier, float learningRate, float momentum) {
    return refuse("setupVirtualBatch");
  }

  /**
   * Would give the weights that can be trained; not supported.
   *
   * @return an empty list
   */
  public List<MSTensor> getFeatureMaps() {
    refuse("getFeatureMaps");
    return new ArrayList<>();
  }

  /**
   * Sets the mode.
   *
   * @param isTrain false: training is not supported
   * @return true for false
   */
  public boolean setTrainMode(boolean isTrain) {
    return !isTrain || refuse("setTrainMode");
  }

  /**
   * Whether the model trains.
   *
   * @return false
   */
  public boolean getTrainMode() {
    return false;
  }
}
