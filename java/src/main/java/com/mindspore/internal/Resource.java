package com.mindspore.internal;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.lang.ref.Reference;
import java.util.function.LongConsumer;

/** A native object and how many need it: its owners and the calls in flight. Thread-safe. */
final class Resource {
  private static final VarHandle COUNT;

  static {
    try {
      COUNT = MethodHandles.lookup().findVarHandle(Resource.class, "count", int.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  final long pointer;
  private final LongConsumer destroy;
  private final Handle needed;
  private final Object memory;
  volatile Object note;
  private volatile int count = 1;
  private boolean gone;

  /** needed: outlives the object, or null. memory: what the object borrows from Java, or null. */
  Resource(long pointer, LongConsumer destroy, Handle needed, Object memory) {
    this.pointer = pointer;
    this.destroy = destroy;
    this.needed = needed;
    this.memory = memory;
  }

  /** False when the object is gone. */
  boolean retain() {
    for (; ; ) {
      int n = count;
      if (n == 0) {
        return false;
      }
      if (COUNT.compareAndSet(this, n, n + 1)) {
        return true;
      }
    }
  }

  void release() {
    if ((int) COUNT.getAndAdd(this, -1) != 1) {
      return;
    }
    destroy.accept(pointer);
    Reference.reachabilityFence(memory);
    if (needed != null) {
      needed.close();
    }
    synchronized (this) {
      gone = true;
      notifyAll();
    }
  }

  /** Waits, through interrupts, until the last user let go. */
  synchronized void awaitGone() {
    boolean interrupted = false;
    while (!gone) {
      try {
        wait();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
