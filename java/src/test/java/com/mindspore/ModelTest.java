package com.mindspore;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.mindspore.config.DataType;
import com.mindspore.config.DeviceType;
import com.mindspore.config.MSContext;
import com.mindspore.config.ModelType;
import com.mindspore.config.TrainCfg;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Building, and the compatible way of running. */
class ModelTest {
  private static final String ADD = Models.path("tensor_add").toString();

  private static MSContext context() {
    MSContext context = new MSContext();
    assertTrue(context.init(1, 0));
    assertTrue(context.addDeviceInfo(DeviceType.DT_CPU, false));
    return context;
  }

  private static Model built(String name) {
    Model model = new Model();
    assertTrue(
        model.build(Models.path(name).toString(), ModelType.MT_MINDIR, context()),
        () -> String.valueOf(MirinException.last()));
    return model;
  }

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
  void compatibleProgramPredicts() {
    Model model = built("tensor_add");
    List<MSTensor> inputs = model.getInputs();
    assertEquals(2, inputs.size());
    assertArrayEquals(new int[] {2, 2}, inputs.get(0).getShape());
    assertEquals(DataType.kNumberTypeFloat32, inputs.get(0).getDataType());
    assertEquals(16, inputs.get(0).size());
    assertTrue(inputs.get(0).setData(new float[] {1, 2, 3, 4}));
    assertTrue(inputs.get(1).setData(new float[] {10, 20, 30, 40}));
    assertTrue(model.predict());
    List<String> names = model.getOutputTensorNames();
    assertEquals(1, names.size());
    MSTensor output = model.getOutputByTensorName(names.get(0));
    assertArrayEquals(new float[] {11, 22, 33, 44}, output.getFloatData());
    assertEquals(names.get(0), output.tensorName());
    assertTrue(model.runStep());
    output.free();
    model.free();
  }

  @Test
  void arraysAreReadWhenTheModelRuns() {
    Model model = built("tensor_add");
    float[] x = {1, 2, 3, 4};
    assertTrue(model.getInputs().get(0).setData(x));
    assertTrue(model.getInputs().get(1).setData(new float[4]));
    x[0] = 100;
    assertTrue(model.predict());
    assertEquals(100, model.getOutputs().get(0).getFloatData()[0]);
    x[0] = 200;
    assertTrue(model.predict());
    assertEquals(200, model.getOutputs().get(0).getFloatData()[0]);
    model.free();
  }

  @Test
  void outputsStayWhenTheModelRunsAgain() {
    Model model = built("tensor_add");
    assertTrue(model.getInputs().get(0).setData(new float[] {1, 2, 3, 4}));
    assertTrue(model.predict());
    MSTensor first = model.getOutputs().get(0);
    assertTrue(model.getInputs().get(0).setData(new float[] {5, 6, 7, 8}));
    assertTrue(model.predict());
    assertArrayEquals(new float[] {1, 2, 3, 4}, first.getFloatData());
    assertArrayEquals(new float[] {5, 6, 7, 8}, model.getOutputs().get(0).getFloatData());
    model.free();
    assertArrayEquals(new float[] {1, 2, 3, 4}, first.getFloatData());
  }

  @Test
  void refusedDataIsNotForgottenByPredict() {
    Model model = built("tensor_add");
    MSTensor x = model.getInputs().get(0);
    assertFalse(x.setData(new float[0]));
    lastIs(MirinException.Code.INVALID_ARGUMENT, "0 elements");
    assertFalse(model.predict());
    lastIs(MirinException.Code.INVALID_ARGUMENT, x.tensorName());
    assertFalse(x.setData(new int[4]));
    assertFalse(x.setData(new float[5]));
    assertFalse(x.setData((float[]) null));
    assertFalse(model.predict());
    assertTrue(x.setData(new float[4]));
    assertTrue(model.predict());
    assertFalse(x.setData(new float[5]));
    x.data().putFloat(0, 3); // says what the data are as well
    assertTrue(model.predict());
    assertEquals(3, model.getOutputs().get(0).getFloatData()[0]);
    model.free();
  }

  @Test
  void getInputsGivesTheSameTensors() {
    Model model = built("tensor_add");
    assertTrue(model.getInputs().get(0) == model.getInputs().get(0));
    String name = model.getInputs().get(1).tensorName();
    assertTrue(model.getInputByTensorName(name) == model.getInputs().get(1));
    assertNull(model.getInputByTensorName("nothing"));
    lastIs(MirinException.Code.NOT_FOUND, "nothing");
    assertNull(model.getInputByTensorName(null));
    assertNull(model.getOutputByTensorName("nothing"));
    assertTrue(model.getOutputsByNodeName("nothing").isEmpty());
    assertNull(model.getOutputsByNodeName(null));
    model.free();
  }

  @Test
  void badBuildsAreFalseWithTheReason(@TempDir Path folder) throws IOException {
    Model model = new Model();
    MSContext context = context();
    assertFalse(model.build((String) null, ModelType.MT_MINDIR, context));
    assertFalse(model.build(ADD, ModelType.MT_MINDIR, null));
    assertFalse(model.build((MappedByteBuffer) null, ModelType.MT_MINDIR, context));
    assertFalse(model.build((Graph) null, context, null));
    assertFalse(model.build(new Graph(), context, null));
    lastIs(MirinException.Code.FAILED_PRECONDITION, "not loaded");
    assertFalse(model.build(ADD, ModelType.MT_ONNX, context));
    lastIs(MirinException.Code.UNIMPLEMENTED, "3");
    assertFalse(model.build(ADD, -1, context));
    assertFalse(model.build(folder + "/none.mindir", ModelType.MT_MINDIR, context));
    lastIs(MirinException.Code.NOT_FOUND, "none.mindir");
    assertFalse(model.build(folder.toString(), ModelType.MT_MINDIR, context));
    assertFalse(model.build("a\0b", ModelType.MT_MINDIR, context));
    lastIs(MirinException.Code.INVALID_ARGUMENT, "NUL");
    Path broken = Files.write(folder.resolve("broken.mindir"), new byte[] {1, 2, 3});
    assertFalse(model.build(broken.toString(), ModelType.MT_MINDIR, context));
    lastIs(MirinException.Code.DATA_LOSS, "");
    assertFalse(model.build(ADD, ModelType.MT_MINDIR, new MSContext()));
    lastIs(MirinException.Code.INVALID_ARGUMENT, "init");
    // and it can still be built
    assertTrue(model.build(ADD, ModelType.MT_MINDIR, context));
    assertFalse(model.build(ADD, ModelType.MT_MINDIR, context));
    lastIs(MirinException.Code.FAILED_PRECONDITION, "before");
    assertTrue(model.predict());
    model.free();
  }

  @Test
  void contextsThatCannotBeHadAreRefused() {
    MSContext context = context();
    context.setThreadNum(2);
    context.setInterOpParallelNum(3);
    assertFalse(new Model().build(ADD, ModelType.MT_MINDIR, context));
    lastIs(MirinException.Code.INVALID_ARGUMENT, "inter-op number 3");
    context.setInterOpParallelNum(1);
    context.setThreadNum(-1);
    assertFalse(new Model().build(ADD, ModelType.MT_MINDIR, context));
    context.setThreadNum(2);
    context.setThreadAffinity(7);
    assertFalse(new Model().build(ADD, ModelType.MT_MINDIR, context));
    context.setThreadAffinity(2);
    context.setThreadAffinity(new ArrayList<>(List.of(99999)));
    assertFalse(new Model().build(ADD, ModelType.MT_MINDIR, context));
    context.setThreadAffinity(new ArrayList<>(List.of(-1)));
    assertFalse(new Model().build(ADD, ModelType.MT_MINDIR, context));
    context.setThreadAffinity((ArrayList<Integer>) null);
    assertTrue(new Model().build(ADD, ModelType.MT_MINDIR, context));
    MSContext npu = new MSContext();
    npu.init();
    npu.addDeviceInfo(DeviceType.DT_NPU, false, 3);
    assertFalse(new Model().build(ADD, ModelType.MT_MINDIR, npu));
    lastIs(MirinException.Code.NOT_FOUND, "kirin_npu");
  }

  @Test
  void unbuiltModelsAnswerEmpty() {
    Model model = new Model();
    assertTrue(model.getInputs().isEmpty());
    assertTrue(model.getOutputs().isEmpty());
    assertTrue(model.getOutputTensorNames().isEmpty());
    assertNull(model.getInputByTensorName("x"));
    assertFalse(model.predict());
    lastIs(MirinException.Code.FAILED_PRECONDITION, "not built");
    assertFalse(model.resize(new ArrayList<>(), new int[0][]));
    fails(MirinException.Code.FAILED_PRECONDITION, () -> model.run(List.of()));
    model.free();
  }

  @Test
  void trainingIsRefused() {
    Model model = built("tensor_add");
    assertFalse(model.export("f", 0, true, null));
    lastIs(MirinException.Code.UNIMPLEMENTED, "export");
    assertFalse(model.exportWeightsCollaborateWithMicro("f", true, false, null));
    assertTrue(model.getFeatureMaps().isEmpty());
    assertFalse(model.updateFeatureMaps(List.of()));
    assertFalse(model.setTrainMode(true));
    assertTrue(model.setTrainMode(false));
    assertFalse(model.getTrainMode());
    assertFalse(model.setLearningRate(1));
    assertFalse(model.setupVirtualBatch(1, 1, 1));
    assertFalse(new TrainCfg().init());
    try (Graph graph = Graph.load(Models.path("tensor_add"))) {
      assertFalse(new Model().build(graph, context(), new TrainCfg()));
    }
    model.free();
  }

  @Test
  void graphsShareTheirModel() {
    Graph graph = new Graph();
    assertEquals(0, graph.getGraphPtr());
    assertFalse(graph.load((String) null));
    assertFalse(graph.load("/nowhere.mindir"));
    lastIs(MirinException.Code.NOT_FOUND, "nowhere");
    assertTrue(graph.load(ADD));
    Model one = new Model();
    Model two = new Model();
    assertTrue(one.build(graph, context(), null));
    assertTrue(two.build(graph, context(), null));
    graph.free();
    graph.free();
    assertEquals(0, graph.getGraphPtr());
    assertThrows(IllegalStateException.class, () -> graph.load(ADD));
    one.free();
    assertTrue(two.predict());
    two.free();
  }

  @Test
  void mappedFilesBuild() throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(ADD, "r")) {
      MappedByteBuffer map = file.getChannel().map(FileChannel.MapMode.READ_ONLY, 0, file.length());
      map.position(map.limit());
      Model model = new Model();
      assertTrue(model.build(map, ModelType.MT_MINDIR_LITE, context()));
      assertTrue(model.predict());
      model.free();
    }
    byte[] bytes = Files.readAllBytes(Path.of(ADD));
    try (Model model = Model.builder().load(ByteBuffer.wrap(bytes))) {
      assertEquals(2, model.getInputs().size());
    }
    fails(
        MirinException.Code.DATA_LOSS,
        () -> Model.builder().load(ByteBuffer.wrap(bytes, 0, bytes.length / 2)));
    fails(MirinException.Code.INVALID_ARGUMENT, () -> Model.builder().load((ByteBuffer) null));
  }

  @Test
  void encryptedModelsNeedTheirKey() {
    String[][] cases = {
      {"tensor_add_gcm", "asdfasdfasdfasgwegw12310", "AES-GCM"},
      {"tensor_add_gcm256", "0123456789ABCDEF0123456789ABCDEF", "AES-GCM"},
      {"tensor_add_cbc", "asdfasdfasdfasgwegw12310", "AES-CBC"},
      {"tensor_add_sm4", "0123456789ABCDEF", "SM4-CBC"},
    };
    for (String[] c : cases) {
      String path = Models.path(c[0]).toString();
      Model model = new Model();
      assertFalse(model.build(path, ModelType.MT_MINDIR, context()), c[0]);
      lastIs(MirinException.Code.FAILED_PRECONDITION, "");
      char[] wrong = c[1].toCharArray();
      wrong[0]++;
      assertFalse(model.build(path, ModelType.MT_MINDIR, context(), wrong, c[2], ""), c[0]);
      assertFalse(model.build(path, 0, context(), c[1].toCharArray(), "ROT13", ""));
      lastIs(MirinException.Code.INVALID_ARGUMENT, "ROT13");
      assertFalse(model.build(path, 0, context(), null, c[2], ""));
      assertFalse(model.build(path, 0, context(), c[1].toCharArray(), null, ""));
      assertFalse(model.build(path, 0, context(), "\u20ac234567890123456".toCharArray(), c[2], ""));
      assertTrue(
          model.build(path, ModelType.MT_MINDIR, context(), c[1].toCharArray(), c[2], null), c[0]);
      assertTrue(model.predict());
      model.free();
      byte[] key = c[1].getBytes(StandardCharsets.US_ASCII);
      try (Model loaded = Model.builder().key(key, "").load(Path.of(path))) {
        assertEquals(2, loaded.getInputs().size());
      }
      assertEquals(c[1], new String(key, StandardCharsets.US_ASCII));
    }
  }

  @Test
  void dynamicModelsAreResized() {
    Model model = built("dyn_batch_mlp");
    MSTensor x = model.getInputs().get(0);
    assertArrayEquals(new int[] {-1, 4}, x.getShape());
    assertEquals(0, x.size());
    assertEquals(0, x.elementsNum());
    assertFalse(x.setData(new float[4]));
    assertFalse(model.predict());
    assertTrue(model.resize(model.getInputs(), new int[][] {{5, 4}}));
    assertArrayEquals(new int[] {5, 4}, x.getShape());
    x.write(Models.recorded("dyn_batch_mlp", "in_0"));
    assertTrue(model.predict());
    assertArrayEquals(new int[] {5, 3}, model.getOutputs().get(0).getShape());
    ByteBuffer expected = Models.recorded("dyn_batch_mlp", "out_0");
    float[] y = model.getOutputs().get(0).getFloatData();
    for (int i = 0; i < y.length; i++) {
      assertEquals(expected.getFloat(4 * i), y[i], 1e-5f);
    }
    // refused: nothing changes
    assertFalse(model.resize(model.getInputs(), new int[][] {{5, 7}}));
    assertFalse(model.resize(model.getInputs(), new int[][] {{5}}));
    assertFalse(model.resize(model.getInputs(), new int[][] {{-1, 4}}));
    assertFalse(model.resize(model.getInputs(), new int[][] {null}));
    assertFalse(model.resize(model.getInputs(), new int[][] {{5, 4}, {1}}));
    lastIs(MirinException.Code.INVALID_ARGUMENT, "does not match dims' size");
    assertFalse(model.resize(null, new int[][] {{5, 4}}));
    assertFalse(model.resize(model.getInputs(), null));
    assertArrayEquals(new int[] {5, 4}, x.getShape());
    assertTrue(model.predict());
    assertTrue(model.resize(model.getInputs(), new int[][] {{2, 4}}));
    assertTrue(model.predict());
    assertArrayEquals(new int[] {2, 3}, model.getOutputs().get(0).getShape());
    model.free();
  }

  @Test
  void unknownRanksTakeAnyShape() {
    Model model = built("dyn_rank__v210");
    MSTensor x = model.getInputs().get(0);
    MSTensor y = model.getInputs().get(1);
    assertArrayEquals(new int[] {-2}, x.getShape());
    assertEquals("MSTensor(" + x.tensorName() + ", float32[?])", x.toString());
    assertEquals(0, x.size());
    assertEquals(0, x.getFloatData().length);
    assertFalse(model.predict());
    lastIs(MirinException.Code.INVALID_ARGUMENT, "not known");
    assertTrue(x.setShape(new int[] {2, 3}));
    assertTrue(y.setShape(new int[] {2, 3}));
    x.write(Models.recorded("dyn_rank__v210", "in_0"));
    y.write(Models.recorded("dyn_rank__v210", "in_1"));
    assertTrue(model.predict(), () -> String.valueOf(MirinException.last()));
    assertArrayEquals(new int[] {2, 3}, model.getOutputs().get(0).getShape());
    model.free();
  }

  @Test
  void configurationIsCheckedBeforeBuild(@TempDir Path folder) throws IOException {
    Model model = new Model();
    assertFalse(model.loadConfig(null));
    assertFalse(model.loadConfig(folder + "/none.ini"));
    lastIs(MirinException.Code.NOT_FOUND, "none.ini");
    Path unknown = Files.writeString(folder.resolve("u.ini"), "[no_such_section]\nkey=value\n");
    assertFalse(model.loadConfig(unknown.toString()));
    lastIs(MirinException.Code.INVALID_ARGUMENT, "no_such_section");
    assertFalse(model.updateConfig("no_such_section", new HashMap<>(Map.of("k", "v"))));
    assertFalse(model.updateConfig(null, new HashMap<>()));
    assertFalse(model.updateConfig("weight", null));
    assertTrue(
        model.updateConfig("ms_cache", new HashMap<>(Map.of("serialize_path", "x"))),
        () -> String.valueOf(MirinException.last()));
    assertTrue(model.build(ADD, ModelType.MT_MINDIR, context()));
    assertFalse(model.updateConfig("ms_cache", new HashMap<>()));
    lastIs(MirinException.Code.FAILED_PRECONDITION, "before");
    assertFalse(model.loadConfig(unknown.toString()));
    model.free();
    fails(
        MirinException.Code.INVALID_ARGUMENT,
        () -> Model.builder().configFile(unknown).load(Path.of(ADD)));
    fails(
        MirinException.Code.INVALID_ARGUMENT,
        () -> Model.builder().config("nope", Map.of("a", "b")).load(Path.of(ADD)));
  }

  @Test
  void freedModelsThrow() {
    Model model = built("tensor_add");
    MSTensor input = model.getInputs().get(0);
    model.free();
    model.free();
    model.close();
    assertThrows(IllegalStateException.class, model::predict);
    assertThrows(IllegalStateException.class, model::getInputs);
    assertThrows(IllegalStateException.class, model::getOutputs);
    assertThrows(IllegalStateException.class, () -> model.run(List.of()));
    assertThrows(IllegalStateException.class, () -> model.build(ADD, 0, context()));
    assertThrows(IllegalStateException.class, input::getFloatData);
    assertThrows(IllegalStateException.class, () -> input.setData(new float[4]));
  }
}
