package com.mindspore;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.mindspore.config.AscendDeviceInfo;
import com.mindspore.config.CpuBindMode;
import com.mindspore.config.DataType;
import com.mindspore.config.DeviceType;
import com.mindspore.config.MSContext;
import com.mindspore.config.MindsporeLite;
import com.mindspore.config.ModelType;
import com.mindspore.config.RunnerConfig;
import com.mindspore.config.TrainCfg;
import com.mindspore.config.Version;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ConfigTest {
  @Test
  void constantsAreTheContracts() {
    assertEquals(0, DeviceType.DT_CPU);
    assertEquals(1, DeviceType.DT_GPU);
    assertEquals(2, DeviceType.DT_NPU);
    assertEquals(3, DeviceType.DT_ASCEND);
    assertEquals(0, ModelType.MT_MINDIR);
    assertEquals(4, ModelType.MT_MINDIR_LITE);
    assertEquals(4, ModelType.MT_MINDIR_OPT);
    assertEquals(0, CpuBindMode.NO_BIND);
    assertEquals(1, CpuBindMode.HIGHER_CPU);
    assertEquals(2, CpuBindMode.MID_CPU);
    assertEquals(30, DataType.kNumberTypeBool);
    assertEquals(43, DataType.kNumberTypeFloat32);
    assertEquals("float16", DataType.name(DataType.kNumberTypeFloat16));
    assertEquals("unknown", DataType.name(31));
    assertEquals(8, DataType.size(DataType.kNumberTypeInt64));
    assertTrue(Version.version().matches("Mirin \\d+\\.\\d+\\.\\d+.*"));
    MindsporeLite.init();
  }

  @Test
  void uninitialisedContextsAnswerNothing() {
    MSContext context = new MSContext();
    context.setThreadNum(3);
    context.setEnableParallel(true);
    context.setThreadAffinity(1);
    context.setThreadAffinity(new ArrayList<>(List.of(0)));
    assertEquals(-1, context.getThreadNum());
    assertEquals(-1, context.getInterOpParallelNum());
    assertEquals(-1, context.getThreadAffinityMode());
    assertFalse(context.getEnableParallel());
    assertTrue(context.getThreadAffinityCoreList().isEmpty());
    assertFalse(context.addDeviceInfo(DeviceType.DT_CPU, false));
    assertEquals(0, context.getMSContextPtr());
    assertFalse(context.init(-1, 0));
    assertFalse(context.init(1, 3));
    assertFalse(context.init(1, -1));
    assertEquals(-1, context.getThreadNum());
  }

  @Test
  void contextsKeepWhatTheyAreGiven() {
    MSContext context = new MSContext();
    assertTrue(context.init());
    assertEquals(0, context.getThreadNum());
    assertTrue(context.init(2, CpuBindMode.HIGHER_CPU, true));
    assertEquals(2, context.getThreadNum());
    assertEquals(1, context.getThreadAffinityMode());
    assertTrue(context.getEnableParallel());
    context.setInterOpParallelNum(2);
    assertEquals(2, context.getInterOpParallelNum());
    ArrayList<Integer> cores = new ArrayList<>(List.of(0, 1));
    context.setThreadAffinity(cores);
    cores.clear();
    assertEquals(List.of(0, 1), context.getThreadAffinityCoreList());
    assertTrue(context.addDeviceInfo(DeviceType.DT_CPU, true));
    assertTrue(context.addDeviceInfo(DeviceType.DT_NPU, false, 3));
    assertTrue(context.addDeviceInfo(new AscendDeviceInfo()));
    assertFalse(context.addDeviceInfo(null));
    assertFalse(context.addDeviceInfo(4, false));
    assertFalse(context.addDeviceInfo(-1, false));
    assertFalse(context.addDeviceInfo(DeviceType.DT_NPU, false, 5));
    assertEquals(List.of("cpu", "kirin_npu", "ascend"), context.getDeviceNames());
    assertTrue(context.getEnableFloat16());
    assertNotEquals(0, context.getMSContextPtr());
    context.free();
    context.free();
    assertEquals(0, context.getMSContextPtr());
    assertEquals(-1, context.getThreadNum());
  }

  @Test
  void runnerConfigsKeepWhatTheyAreGiven() {
    RunnerConfig config = new RunnerConfig();
    assertEquals(0, config.getRunnerConfigPtr());
    assertFalse(config.init(null));
    assertFalse(config.init(new MSContext()));
    MSContext context = new MSContext();
    context.init();
    assertTrue(config.init(context));
    assertTrue(config.getContext() == context);
    config.setWorkerNum(3);
    assertEquals(3, config.getWorkersNum());
    config.setConfigPath("a.ini");
    assertEquals("a.ini", config.getConfigPath());
    config.setConfigInfo("weight", new HashMap<>(Map.of("weight_path", "p")));
    config.setConfigInfo(null, new HashMap<>());
    config.setConfigInfo("x", null);
    assertEquals(Map.of("weight", Map.of("weight_path", "p")), config.getConfigInfo());
    config.setDeviceIds(new ArrayList<>(List.of(1, 2)));
    assertEquals(List.of(1, 2), config.getDeviceIds());
    assertEquals(1000, config.getMaxQueue());
    assertNotEquals(0, config.getRunnerConfigPtr());
    config.close();
    assertEquals(0, config.getRunnerConfigPtr());
  }

  @Test
  void devicesOfOtherBuildsKeepTheirSettings() {
    AscendDeviceInfo info = new AscendDeviceInfo();
    assertEquals("enforce_fp16", info.getPrecisionMode());
    assertEquals("high_performance", info.getOpSelectImplMode());
    assertEquals("l2_optimize", info.getBufferOptimizeMode());
    info.setDeviceID(3);
    assertEquals(3, info.getDeviceID());
    TrainCfg cfg = new TrainCfg();
    assertFalse(cfg.init("loss"));
    assertFalse(cfg.addMixPrecisionCfg(true, 1, 1));
    assertEquals(0, cfg.getTrainCfgPtr());
    cfg.free();
  }

  @Test
  void errorsBelongToTheirThread() throws InterruptedException {
    assertNull(MSTensor.createTensor(null, new float[1]));
    MirinException here = MirinException.last();
    assertNotNull(here);
    assertEquals(
        "com.mindspore.MirinException: INVALID_ARGUMENT: the name is null", here.toString());
    MirinException[] there = {here};
    Thread thread = new Thread(() -> there[0] = MirinException.last());
    thread.start();
    thread.join();
    assertNull(there[0]);
  }
}
