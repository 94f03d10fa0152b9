package com.mindspore;

import java.time.Duration;

/** Limits of one run. Immutable, so one object may serve any number of runs and threads. */
public final class RunOptions {
  private static final Duration LONGEST = Duration.ofDays(36_500);

  private final long timeoutMicros;
  private final Cancellation cancellation;

  private RunOptions(long timeoutMicros, Cancellation cancellation) {
    this.timeoutMicros = timeoutMicros;
    this.cancellation = cancellation;
  }

  /**
   * A time limit.
   *
   * @param timeout for waiting and running together, more than zero; then the run fails with {@link
   *     MirinException.Code#DEADLINE_EXCEEDED}
   * @return options with that limit
   * @throws MirinException INVALID_ARGUMENT when it is null, zero or negative
   */
  public static RunOptions timeout(Duration timeout) {
    return new RunOptions(micros(timeout), null);
  }

  /**
   * A way to cancel.
   *
   * @param cancellation what ends the run
   * @return options with that cancellation
   * @throws MirinException INVALID_ARGUMENT for null
   */
  public static RunOptions cancellation(Cancellation cancellation) {
    return new RunOptions(0, known(cancellation));
  }

  /**
   * These options with a way to cancel as well.
   *
   * @param cancellation what ends the run
   * @return options with both
   * @throws MirinException INVALID_ARGUMENT for null
   */
  public RunOptions withCancellation(Cancellation cancellation) {
    return new RunOptions(timeoutMicros, known(cancellation));
  }

  long timeoutMicros() {
    return timeoutMicros;
  }

  long acquire() {
    return cancellation == null ? 0 : cancellation.handle.acquire();
  }

  void release() {
    if (cancellation != null) {
      cancellation.handle.release();
    }
  }

  private static Cancellation known(Cancellation cancellation) {
    if (cancellation == null) {
      throw MirinException.invalid("cancellation is null");
    }
    return cancellation;
  }

  private static long micros(Duration timeout) {
    if (timeout == null || timeout.isNegative() || timeout.isZero()) {
      throw MirinException.invalid("timeout " + timeout + " is not more than zero");
    }
    Duration limit = timeout.compareTo(LONGEST) > 0 ? LONGEST : timeout;
    return Math.max(1, limit.toSeconds() * 1_000_000 + limit.toNanosPart() / 1_000);
  }
}
