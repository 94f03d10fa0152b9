package com.mindspore;

import com.mindspore.internal.Handle;
import com.mindspore.internal.Mirin;
import com.mindspore.internal.NativeLibrary;

/**
 * What a caller may cancel, from any thread, once and for good. One object may serve any number of
 * runs, by way of {@link RunOptions}.
 */
public final class Cancellation implements AutoCloseable {
  final Handle handle;

  /** A cancellation that nobody asked for yet. */
  public Cancellation() {
    NativeLibrary.load();
    long[] pointer = new long[1];
    Mirin.mirin_cancellation_create(pointer);
    handle = new Handle(pointer[0], Mirin::mirin_cancellation_destroy);
  }

  /**
   * Ends the runs that were given this object, at their next operator, and those that still wait;
   * later ones do not begin. They fail with {@link MirinException.Code#CANCELLED}.
   *
   * @throws IllegalStateException after {@link #close}
   */
  public void cancel() {
    long pointer = handle.acquire();
    try {
      Mirin.mirin_cancellation_cancel(pointer);
    } finally {
      handle.release();
    }
  }

  /** Frees the object as soon as no run uses it; twice is fine. */
  @Override
  public void close() {
    handle.close();
  }
}
