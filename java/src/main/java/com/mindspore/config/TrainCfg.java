package com.mindspore.config;

/** Settings for training, which this inference runtime does not do: there to be refused. */
public final class TrainCfg {
  /** An object without settings. */
  public TrainCfg() {}

  /**
   * Would prepare the settings.
   *
   * @return false
   */
  public boolean init() {
    return false;
  }

  /**
   * Would prepare the settings.
   *
   * @param lossName the name of the loss
   * @return false
   */
  public boolean init(String lossName) {
    return false;
  }

  /**
   * Would add mixed precision.
   *
   * @param dynamicLossScale unused
   * @param lossScale unused
   * @param thresholdIterNum unused
   * @return false
   */
  public boolean addMixPrecisionCfg(
      boolean dynamicLossScale, float lossScale, int thresholdIterNum) {
    return false;
  }

  /**
   * The native object, of which there is none.
   *
   * @return 0
   */
  public long getTrainCfgPtr() {
    return 0;
  }

  /** Does nothing. */
  public void free() {}
}
