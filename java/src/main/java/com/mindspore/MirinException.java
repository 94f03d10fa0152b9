package com.mindspore;

/** An error with its code and reason. */
public final class MirinException extends RuntimeException {
  private static final long serialVersionUID = 1L;
  private static final ThreadLocal<MirinException> LAST = new ThreadLocal<>();

  /** What kind of error it is. The names and numbers are those of gRPC. */
  public enum Code {
    /** The run was cancelled. */
    CANCELLED(1),
    /** An operating system error without a better code. */
    UNKNOWN(2),
    /** A null, a wrong dtype or shape, a number out of range. */
    INVALID_ARGUMENT(3),
    /** A run took longer than it was given. */
    DEADLINE_EXCEEDED(4),
    /** A file or a device is not there. */
    NOT_FOUND(5),
    /** An unreadable file or a wrong decryption key. */
    PERMISSION_DENIED(7),
    /** Memory, a full queue, or a limit that guards against damaged models. */
    RESOURCE_EXHAUSTED(8),
    /** A missing key, a model that was not built or was built before. */
    FAILED_PRECONDITION(9),
    /** An operator, dtype or feature that is not supported. */
    UNIMPLEMENTED(12),
    /** A defect of the library. */
    INTERNAL(13),
    /** A device or its driver is missing, or an address is in use. */
    UNAVAILABLE(14),
    /** A damaged model. */
    DATA_LOSS(15);

    private final int number;

    Code(int number) {
      this.number = number;
    }

    /**
     * The number of the code.
     *
     * @return mirin_code of the C API
     */
    public int number() {
      return number;
    }

    private static Code of(int number) {
      for (Code code : values()) {
        if (code.number == number) {
          return code;
        }
      }
      return UNKNOWN;
    }
  }

  /** The code. */
  private final Code code;

  /** Called by the native tier. */
  MirinException(int code, String message) {
    this(Code.of(code), message);
  }

  /**
   * An error.
   *
   * @param code what kind of error it is
   * @param message the reason, for people
   */
  public MirinException(Code code, String message) {
    super(message);
    this.code = code;
  }

  /**
   * An error of the caller.
   *
   * @param message the reason
   * @return an exception with {@link Code#INVALID_ARGUMENT}
   */
  public static MirinException invalid(String message) {
    return new MirinException(Code.INVALID_ARGUMENT, message);
  }

  /**
   * What kind of error it is.
   *
   * @return the code
   */
  public Code code() {
    return code;
  }

  /**
   * Why the last compatible method that failed on this thread did so, be it by {@code false},
   * {@code null} or an empty list. Success does not clear it.
   *
   * @return the error, or null when none failed on this thread
   */
  public static MirinException last() {
    return LAST.get();
  }

  /** Runs an action; its failure becomes {@link #last} and false. */
  static boolean attempt(Runnable action) {
    try {
      action.run();
      return true;
    } catch (MirinException e) {
      LAST.set(e);
      return false;
    }
  }

  /** Notes a failure for {@link #last}. */
  static void note(Code code, String message) {
    LAST.set(new MirinException(code, message));
  }

  @Override
  public String toString() {
    return getClass().getName() + ": " + code + ": " + getMessage();
  }
}
