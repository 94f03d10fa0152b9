package com.mindspore;

import com.mindspore.internal.Handle;
import com.mindspore.internal.MirinConverter;
import com.mindspore.internal.NativeLibrary;
import java.util.function.LongConsumer;

/**
 * Makes MindIR of models of other frameworks. The options are the flags of the converter_lite
 * program without their dashes:
 *
 * <pre>{@code
 * try (Converter converter = new Converter()) {
 *   converter.set("fmk", "ONNX").set("modelFile", "net.onnx").set("outputFile", "net").convert();
 * }
 * }</pre>
 *
 * <p>For one thread at a time, but {@link #progress}; any number of converters may run at once.
 */
public final class Converter implements AutoCloseable {
  private static final LongConsumer DESTROY = MirinConverter::mirin_converter_destroy;

  private final Handle handle;

  /** How a report is written. */
  public enum ReportFormat {
    /** For people. */
    TEXT,
    /** For programs. */
    JSON,
    /** For browsers. */
    HTML
  }

  /** A converter with every option at its default. */
  public Converter() {
    NativeLibrary.loadConverter();
    long[] pointer = new long[1];
    MirinConverter.mirin_converter_create(pointer);
    handle = new Handle(pointer[0], DESTROY);
  }

  /**
   * Every option with its values, default and meaning.
   *
   * @return a text for people, two lines an option
   */
  public static String options() {
    NativeLibrary.loadConverter();
    return MirinConverter.mirin_converter_options();
  }

  /**
   * Sets an option.
   *
   * @param name its name, such as "fmk", "modelFile", "inputShape"
   * @param value its value; "" restores the default
   * @return this converter
   * @throws MirinException INVALID_ARGUMENT for an unknown name and a value that it does not take,
   *     UNIMPLEMENTED
   */
  public Converter set(String name, String value) {
    long pointer = handle.acquire();
    try {
      MirinConverter.mirin_converter_set(pointer, name, value);
      return this;
    } finally {
      handle.release();
    }
  }

  /**
   * Converts. With "outputFile" the model is written there, whole or not at all; without it, it
   * stays in memory.
   *
   * @throws MirinException with the first error; {@link #report} has all of them
   */
  public void convert() {
    long pointer = handle.acquire();
    try {
      MirinConverter.mirin_converter_run(pointer);
    } finally {
      handle.release();
    }
  }

  /**
   * Finds what a conversion would find, also by loading the result, and writes nothing.
   *
   * @throws MirinException with the first error; {@link #report} has all of them
   */
  public void check() {
    long pointer = handle.acquire();
    try {
      MirinConverter.mirin_converter_check(pointer);
    } finally {
      handle.release();
    }
  }

  /**
   * What the last conversion or check found.
   *
   * @param format how it is written
   * @return the report; "" before any
   */
  public String report(ReportFormat format) {
    long pointer = handle.acquire();
    try {
      return MirinConverter.mirin_converter_report(pointer, format.ordinal());
    } finally {
      handle.release();
    }
  }

  /**
   * The file that the last conversion wrote.
   *
   * @return its path; "" when it wrote none
   */
  public String outputFile() {
    long pointer = handle.acquire();
    try {
      return MirinConverter.mirin_converter_output_file(pointer);
    } finally {
      handle.release();
    }
  }

  /**
   * The model that the last conversion made in memory.
   *
   * @return a copy; null when there is none
   * @throws MirinException RESOURCE_EXHAUSTED for more than 2 GiB
   */
  public byte[] model() {
    long pointer = handle.acquire();
    try {
      return MirinConverter.converterModel(pointer);
    } finally {
      handle.release();
    }
  }

  /** What a conversion does. */
  public static final class Progress {
    private final String step;
    private final long done;
    private final long total;

    private Progress(String step, long done, long total) {
      this.step = step;
      this.done = done;
      this.total = total;
    }

    /**
     * What is done, for people.
     *
     * @return such as "importing nodes"; "" between conversions
     */
    public String step() {
      return step;
    }

    /**
     * How much of the step is done.
     *
     * @return a number up to {@link #total}
     */
    public long done() {
      return done;
    }

    /**
     * How much there is to do.
     *
     * @return 0 when it is not known
     */
    public long total() {
      return total;
    }
  }

  /**
   * What a conversion in progress does. From any thread.
   *
   * @return the step
   */
  public Progress progress() {
    long pointer = handle.acquire();
    try {
      long[] steps = new long[2];
      String step = MirinConverter.converterProgress(pointer, steps);
      return new Progress(step, steps[0], steps[1]);
    } finally {
      handle.release();
    }
  }

  /** Frees the converter, after a conversion in progress; twice is fine. */
  @Override
  public void close() {
    handle.close();
  }
}
