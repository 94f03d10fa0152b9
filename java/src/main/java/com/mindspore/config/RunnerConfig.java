package com.mindspore.config;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;

/**
 * How a parallel runner works: workers, queue, context, configuration. {@code init} comes first.
 * Values that cannot be had are refused by the runner. For one thread at a time; runners copy what
 * they need.
 */
public final class RunnerConfig implements AutoCloseable {
  private static final AtomicLong IDS = new AtomicLong();

  private long id;
  private MSContext context;
  private int workersNum;
  private int maxQueue = 1000;
  private String configPath = "";
  private final Map<String, Map<String, String>> configInfo = new LinkedHashMap<>();
  private List<Integer> deviceIds = new ArrayList<>();
  private byte[] key = new byte[0];
  private String keyMode = "";

  /** A configuration to be initialised. */
  public RunnerConfig() {}

  /**
   * Starts with the defaults.
   *
   * @return true
   */
  public boolean init() {
    id = IDS.incrementAndGet();
    return true;
  }

  /**
   * Starts with a context.
   *
   * @param msContext the context of every worker
   * @return false for null and a context that is not initialised
   */
  public boolean init(MSContext msContext) {
    if (msContext == null || msContext.getMSContextPtr() == 0) {
      return false;
    }
    context = msContext;
    return init();
  }

  /**
   * The context of every worker.
   *
   * @return the context, or null for the defaults
   */
  public MSContext getContext() {
    return context;
  }

  /**
   * Sets the number of workers.
   *
   * @param workersNum the number; 0: the CPUs divided by the threads of a worker
   */
  public void setWorkersNum(int workersNum) {
    this.workersNum = workersNum;
  }

  /**
   * The older name of {@link #setWorkersNum}.
   *
   * @param workersNum the number
   */
  public void setWorkerNum(int workersNum) {
    setWorkersNum(workersNum);
  }

  /**
   * Gets the number of workers.
   *
   * @return what was set; 0: the CPUs divided by the threads of a worker
   */
  public int getWorkersNum() {
    return workersNum;
  }

  /**
   * Sets how many requests may wait for a worker; one more is refused.
   *
   * @param maxQueue the number, 1000 by default
   */
  public void setMaxQueue(int maxQueue) {
    this.maxQueue = maxQueue;
  }

  /**
   * Gets how many requests may wait for a worker.
   *
   * @return what was set, or 1000
   */
  public int getMaxQueue() {
    return maxQueue;
  }

  /**
   * Sets a section of the configuration; one set before is replaced. Sections and keys that do not
   * exist are refused by the runner.
   *
   * @param section the section's name
   * @param config its keys and values
   */
  public void setConfigInfo(String section, HashMap<String, String> config) {
    if (section != null && config != null) {
      configInfo.put(section, new LinkedHashMap<>(config));
    }
  }

  /**
   * The sections set.
   *
   * @return keys and values by section
   */
  public Map<String, Map<String, String>> getConfigInfo() {
    return Map.copyOf(configInfo);
  }

  /**
   * Sets a configuration file, which the runner reads.
   *
   * @param configPath its path; null or "" for none
   */
  public void setConfigPath(String configPath) {
    this.configPath = configPath == null ? "" : configPath;
  }

  /**
   * Gets the configuration file.
   *
   * @return its path, or ""
   */
  public String getConfigPath() {
    return configPath;
  }

  /**
   * Sets the ids of the devices of the workers. Kept and given back: CPUs have no ids.
   *
   * @param deviceIds the ids
   */
  public void setDeviceIds(ArrayList<Integer> deviceIds) {
    this.deviceIds = deviceIds == null ? new ArrayList<>() : new ArrayList<>(deviceIds);
  }

  /**
   * Gets the ids of the devices of the workers.
   *
   * @return a copy of what was set
   */
  public ArrayList<Integer> getDeviceIds() {
    return new ArrayList<>(deviceIds);
  }

  /**
   * Sets the key of an encrypted model. The bytes are copied, and wiped by {@link #free}.
   *
   * @param key 16, 24 or 32 bytes for AES, 16 for SM4
   * @param mode "AES-GCM", "AES-CBC", "SM4-CBC", or "" for what the file says
   */
  public void setDecryptKey(byte[] key, String mode) {
    Arrays.fill(this.key, (byte) 0);
    this.key = key == null ? new byte[0] : key.clone();
    this.keyMode = mode == null ? "" : mode;
  }

  /**
   * Gets the key of an encrypted model.
   *
   * @return a copy; empty when none was set
   */
  public byte[] getDecryptKey() {
    return key.clone();
  }

  /**
   * Gets the cipher of an encrypted model.
   *
   * @return what was set, or ""
   */
  public String getDecryptMode() {
    return keyMode;
  }

  /**
   * A number that tells configurations apart.
   *
   * @return 0 before init and after free
   */
  public long getRunnerConfigPtr() {
    return id;
  }

  /** Back to the state before {@code init}; the key is wiped. Runners are not touched. */
  public void free() {
    id = 0;
    setDecryptKey(null, "");
  }

  /** The same as {@link #free}. */
  @Override
  public void close() {
    free();
  }
}
