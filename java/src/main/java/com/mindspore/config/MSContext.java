package com.mindspore.config;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Where and with how many threads a model runs. {@code init} comes first: before it, and after
 * {@code free()}, setters do nothing and getters answer -1, false or an empty list. Values that
 * cannot be had are refused when a model is built. For one thread at a time; models copy what they
 * need.
 */
public final class MSContext implements AutoCloseable {
  private static final AtomicLong IDS = new AtomicLong();

  private static final String[] DEVICES = {"cpu", "gpu", "kirin_npu", "ascend"};

  private long id;
  private int threadNum;
  private int interOpParallelNum;
  private int affinityMode;
  private ArrayList<Integer> coreList = new ArrayList<>();
  private boolean enableParallel;
  private boolean preferFp16;
  private final List<String> devices = new ArrayList<>();

  /** A context to be initialised. */
  public MSContext() {}

  /**
   * Starts with the defaults: all CPUs of the process, no pinning.
   *
   * @return true
   */
  public boolean init() {
    return init(0, CpuBindMode.NO_BIND);
  }

  /**
   * Starts with a number of threads.
   *
   * @param threadNum threads that one run may use; 0: all CPUs of the process
   * @param cpuBindMode a constant of {@link CpuBindMode}
   * @return false when a value is out of range
   */
  public boolean init(int threadNum, int cpuBindMode) {
    return init(threadNum, cpuBindMode, false);
  }

  /**
   * Starts with a number of threads.
   *
   * @param threadNum threads that one run may use; 0: all CPUs of the process
   * @param cpuBindMode a constant of {@link CpuBindMode}
   * @param isEnableParallel kept and given back; operators use all threads anyway
   * @return false when a value is out of range
   */
  public boolean init(int threadNum, int cpuBindMode, boolean isEnableParallel) {
    if (threadNum < 0 || cpuBindMode < CpuBindMode.NO_BIND || cpuBindMode > CpuBindMode.MID_CPU) {
      return false;
    }
    id = IDS.incrementAndGet();
    this.threadNum = threadNum;
    this.affinityMode = cpuBindMode;
    this.enableParallel = isEnableParallel;
    this.interOpParallelNum = 0;
    this.preferFp16 = false;
    coreList.clear();
    devices.clear();
    return true;
  }

  /**
   * Adds a device; those added first are preferred. Without any, models run on the CPU.
   *
   * @param deviceType a constant of {@link DeviceType}
   * @param isEnableFloat16 whether it may compute in 16-bit floats where it gains by it
   * @return false before init and for what is no device
   */
  public boolean addDeviceInfo(int deviceType, boolean isEnableFloat16) {
    if (id == 0 || deviceType < 0 || deviceType >= DEVICES.length) {
      return false;
    }
    devices.add(DEVICES[deviceType]);
    preferFp16 |= isEnableFloat16;
    return true;
  }

  /**
   * Adds a device.
   *
   * @param deviceType a constant of {@link DeviceType}
   * @param isEnableFloat16 whether it may compute in 16-bit floats
   * @param npuFreq the frequency class of a Kirin NPU, 1 .. 4
   * @return false before init and for what is no device or frequency
   */
  public boolean addDeviceInfo(int deviceType, boolean isEnableFloat16, int npuFreq) {
    return npuFreq >= 1 && npuFreq <= 4 && addDeviceInfo(deviceType, isEnableFloat16);
  }

  /**
   * Adds an Ascend device.
   *
   * @param ascendDeviceInfo its settings
   * @return false before init and for null
   */
  public boolean addDeviceInfo(AscendDeviceInfo ascendDeviceInfo) {
    return ascendDeviceInfo != null && addDeviceInfo(DeviceType.DT_ASCEND, false);
  }

  /**
   * The devices added, in order of preference.
   *
   * @return their names, such as "cpu"
   */
  public List<String> getDeviceNames() {
    return List.copyOf(devices);
  }

  /**
   * Whether a device was added with 16-bit floats.
   *
   * @return what {@code addDeviceInfo} was given
   */
  public boolean getEnableFloat16() {
    return preferFp16;
  }

  /**
   * Gets the number of threads.
   *
   * @return the number, 0 for all CPUs; -1 before init
   */
  public int getThreadNum() {
    return id == 0 ? -1 : threadNum;
  }

  /**
   * Sets the number of threads.
   *
   * @param threadNum threads that one run may use; 0: all CPUs of the process
   */
  public void setThreadNum(int threadNum) {
    if (id != 0) {
      this.threadNum = threadNum;
    }
  }

  /**
   * Gets the number of operators that may run at once.
   *
   * @return the number; -1 before init
   */
  public int getInterOpParallelNum() {
    return id == 0 ? -1 : interOpParallelNum;
  }

  /**
   * Sets the number of operators that may run at once. It has no effect, one operator runs at a
   * time on all threads; more than the number of threads is refused when a model is built.
   *
   * @param interOpParallelNum the number
   */
  public void setInterOpParallelNum(int interOpParallelNum) {
    if (id != 0) {
      this.interOpParallelNum = interOpParallelNum;
    }
  }

  /**
   * Gets the mode of pinning.
   *
   * @return a constant of {@link CpuBindMode}; -1 before init
   */
  public int getThreadAffinityMode() {
    return id == 0 ? -1 : affinityMode;
  }

  /**
   * Sets the mode of pinning.
   *
   * @param mode a constant of {@link CpuBindMode}
   */
  public void setThreadAffinity(int mode) {
    if (id != 0) {
      this.affinityMode = mode;
    }
  }

  /**
   * Gets the cores that threads run on.
   *
   * @return a copy of the list; empty before init
   */
  public ArrayList<Integer> getThreadAffinityCoreList() {
    return new ArrayList<>(coreList);
  }

  /**
   * Sets the cores that threads run on; it goes before the mode.
   *
   * @param coreList CPU ids; null or empty: no pinning
   */
  public void setThreadAffinity(ArrayList<Integer> coreList) {
    if (id != 0) {
      this.coreList = coreList == null ? new ArrayList<>() : new ArrayList<>(coreList);
    }
  }

  /**
   * Gets what {@link #setEnableParallel} was given.
   *
   * @return false before init
   */
  public boolean getEnableParallel() {
    return id != 0 && enableParallel;
  }

  /**
   * Kept and given back: operators use all threads anyway.
   *
   * @param isEnableParallel the value
   */
  public void setEnableParallel(boolean isEnableParallel) {
    if (id != 0) {
      enableParallel = isEnableParallel;
    }
  }

  /**
   * A number that tells contexts apart.
   *
   * @return 0 before init and after free
   */
  public long getMSContextPtr() {
    return id;
  }

  /** Back to the state before {@code init}. Models built with the context are not touched. */
  public void free() {
    id = 0;
    coreList.clear();
    devices.clear();
    preferFp16 = false;
  }

  /** The same as {@link #free}. */
  @Override
  public void close() {
    free();
  }
}
