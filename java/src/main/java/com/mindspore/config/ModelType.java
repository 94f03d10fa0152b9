package com.mindspore.config;

/** Formats of model files. */
public final class ModelType {
  /** MindIR. */
  public static final int MT_MINDIR = 0;

  /** AIR; not supported. */
  public static final int MT_AIR = 1;

  /** OM; not supported. */
  public static final int MT_OM = 2;

  /** ONNX; convert it first. */
  public static final int MT_ONNX = 3;

  /** MindIR as the Lite converter writes it. */
  public static final int MT_MINDIR_LITE = 4;

  /** The older name of {@link #MT_MINDIR_LITE}. */
  public static final int MT_MINDIR_OPT = MT_MINDIR_LITE;

  private ModelType() {}
}
