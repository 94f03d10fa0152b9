package com.mindspore.config;

import java.util.ArrayList;
import java.util.HashMap;

/**
 * Settings of an Ascend device. They are kept and given back; this build has no Ascend device, and
 * building a model for one says so.
 */
public final class AscendDeviceInfo {
  private int deviceID = 0;
  private int rankID = 0;
  private String provider = "";
  private String insertOpConfigPath = "";
  private String inputFormat = "";
  private String inputShape = "";
  private HashMap<Integer, ArrayList<Integer>> inputShapeMap = new HashMap<>();
  private ArrayList<Integer> dynamicBatchSize = new ArrayList<>();
  private String dynamicImageSize = "";
  private int outputType = DataType.kTypeUnknown;
  private String precisionMode = "enforce_fp16";
  private String opSelectImplMode = "high_performance";
  private String fusionSwitchConfigPath = "";
  private String bufferOptimizeMode = "l2_optimize";

  /** Settings at their defaults. */
  public AscendDeviceInfo() {}

  /**
   * Gets the device's number.
   *
   * @return what was set, or the default
   */
  public int getDeviceID() {
    return deviceID;
  }

  /**
   * Sets the device's number.
   *
   * @param deviceID the new value
   */
  public void setDeviceID(int deviceID) {
    this.deviceID = deviceID;
  }

  /**
   * Gets the rank in its group.
   *
   * @return what was set, or the default
   */
  public int getRankID() {
    return rankID;
  }

  /**
   * Sets the rank in its group.
   *
   * @param rankID the new value
   */
  public void setRankID(int rankID) {
    this.rankID = rankID;
  }

  /**
   * Gets the provider of the device.
   *
   * @return what was set, or the default
   */
  public String getProvider() {
    return provider;
  }

  /**
   * Sets the provider of the device.
   *
   * @param provider the new value
   */
  public void setProvider(String provider) {
    this.provider = provider;
  }

  /**
   * Gets the file of operators to insert.
   *
   * @return what was set, or the default
   */
  public String getInsertOpConfigPath() {
    return insertOpConfigPath;
  }

  /**
   * Sets the file of operators to insert.
   *
   * @param insertOpConfigPath the new value
   */
  public void setInsertOpConfigPath(String insertOpConfigPath) {
    this.insertOpConfigPath = insertOpConfigPath;
  }

  /**
   * Gets the layout of inputs.
   *
   * @return what was set, or the default
   */
  public String getInputFormat() {
    return inputFormat;
  }

  /**
   * Sets the layout of inputs.
   *
   * @param inputFormat the new value
   */
  public void setInputFormat(String inputFormat) {
    this.inputFormat = inputFormat;
  }

  /**
   * Gets the shapes of inputs.
   *
   * @return what was set, or the default
   */
  public String getInputShape() {
    return inputShape;
  }

  /**
   * Sets the shapes of inputs.
   *
   * @param inputShape the new value
   */
  public void setInputShape(String inputShape) {
    this.inputShape = inputShape;
  }

  /**
   * Gets the shape of each input.
   *
   * @return what was set, or the default
   */
  public HashMap<Integer, ArrayList<Integer>> getInputShapeMap() {
    return inputShapeMap;
  }

  /**
   * Sets the shape of each input.
   *
   * @param inputShapeMap the new value
   */
  public void setInputShapeMap(HashMap<Integer, ArrayList<Integer>> inputShapeMap) {
    this.inputShapeMap = inputShapeMap;
  }

  /**
   * Gets the batch sizes to prepare.
   *
   * @return what was set, or the default
   */
  public ArrayList<Integer> getDynamicBatchSize() {
    return dynamicBatchSize;
  }

  /**
   * Sets the batch sizes to prepare.
   *
   * @param dynamicBatchSize the new value
   */
  public void setDynamicBatchSize(ArrayList<Integer> dynamicBatchSize) {
    this.dynamicBatchSize = dynamicBatchSize;
  }

  /**
   * Gets the image sizes to prepare.
   *
   * @return what was set, or the default
   */
  public String getDynamicImageSize() {
    return dynamicImageSize;
  }

  /**
   * Sets the image sizes to prepare.
   *
   * @param dynamicImageSize the new value
   */
  public void setDynamicImageSize(String dynamicImageSize) {
    this.dynamicImageSize = dynamicImageSize;
  }

  /**
   * Gets the type of outputs.
   *
   * @return what was set, or the default
   */
  public int getOutputType() {
    return outputType;
  }

  /**
   * Sets the type of outputs.
   *
   * @param outputType the new value
   */
  public void setOutputType(int outputType) {
    this.outputType = outputType;
  }

  /**
   * Gets the precision.
   *
   * @return what was set, or the default
   */
  public String getPrecisionMode() {
    return precisionMode;
  }

  /**
   * Sets the precision.
   *
   * @param precisionMode the new value
   */
  public void setPrecisionMode(String precisionMode) {
    this.precisionMode = precisionMode;
  }

  /**
   * Gets which implementation operators prefer.
   *
   * @return what was set, or the default
   */
  public String getOpSelectImplMode() {
    return opSelectImplMode;
  }

  /**
   * Sets which implementation operators prefer.
   *
   * @param opSelectImplMode the new value
   */
  public void setOpSelectImplMode(String opSelectImplMode) {
    this.opSelectImplMode = opSelectImplMode;
  }

  /**
   * Gets the file of fusion switches.
   *
   * @return what was set, or the default
   */
  public String getFusionSwitchConfigPath() {
    return fusionSwitchConfigPath;
  }

  /**
   * Sets the file of fusion switches.
   *
   * @param fusionSwitchConfigPath the new value
   */
  public void setFusionSwitchConfigPath(String fusionSwitchConfigPath) {
    this.fusionSwitchConfigPath = fusionSwitchConfigPath;
  }

  /**
   * Gets how buffers are optimised.
   *
   * @return what was set, or the default
   */
  public String getBufferOptimizeMode() {
    return bufferOptimizeMode;
  }

  /**
   * Sets how buffers are optimised.
   *
   * @param bufferOptimizeMode the new value
   */
  public void setBufferOptimizeMode(String bufferOptimizeMode) {
    this.bufferOptimizeMode = bufferOptimizeMode;
  }
}
