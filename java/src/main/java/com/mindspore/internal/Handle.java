package com.mindspore.internal;

import java.lang.ref.Cleaner;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.function.LongConsumer;

/**
 * One owner's share of a native object. The object is destroyed when its last share is closed, or
 * garbage, and the last call with it has returned; so no order of closing can leave a call, a view
 * or another owner with freed memory. Thread-safe.
 */
public final class Handle implements AutoCloseable {
  private static final Cleaner CLEANER = Cleaner.create();

  private final Resource resource;
  private final Cleaner.Cleanable share;
  private volatile boolean closed;

  private Handle(Resource resource) {
    this.resource = resource;
    this.share = CLEANER.register(this, resource::release);
  }

  /**
   * Takes over a native object.
   *
   * @param pointer the object
   * @param destroy frees it
   */
  public Handle(long pointer, LongConsumer destroy) {
    this(pointer, destroy, null, null);
  }

  /**
   * Takes over a native object that leans on others.
   *
   * @param pointer the object
   * @param destroy frees it
   * @param needed a share of an object that must outlive it, which is closed after it; or null
   * @param memory what it borrows from Java; or null
   */
  public Handle(long pointer, LongConsumer destroy, Handle needed, Object memory) {
    this(new Resource(pointer, destroy, needed, memory));
  }

  /**
   * Another owner's share.
   *
   * @return a handle to be closed on its own
   * @throws IllegalStateException when this share was closed
   */
  public Handle share() {
    acquire();
    return new Handle(resource);
  }

  /**
   * The object for one call; {@link #release} must follow.
   *
   * @return the native address
   * @throws IllegalStateException when this share was closed
   */
  public long acquire() {
    if (closed || !resource.retain()) {
      throw new IllegalStateException("used after free() or close()");
    }
    return resource.pointer;
  }

  /** Ends what {@link #acquire} began. */
  public void release() {
    resource.release();
  }

  /**
   * The native address, for comparison and printing only.
   *
   * @return the address, or 0 when this share was closed
   */
  public long address() {
    return closed ? 0 : resource.pointer;
  }

  /**
   * What was noted about the object, by any of its owners.
   *
   * @return the note, or null
   */
  public Object note() {
    return resource.note;
  }

  /**
   * Notes something about the object, for all of its owners.
   *
   * @param note anything, or null
   */
  public void note(Object note) {
    resource.note = note;
  }

  /**
   * Keeps the object for as long as a buffer, or a slice or duplicate of it, can be reached.
   *
   * @param view a direct buffer over the object's memory
   * @return the view in native byte order
   */
  public ByteBuffer keepFor(ByteBuffer view) {
    acquire();
    CLEANER.register(view, resource::release);
    return view.order(ByteOrder.nativeOrder());
  }

  /** Gives the share up; a second call does nothing. */
  @Override
  public void close() {
    closed = true;
    share.clean();
  }

  /** Gives the share up and waits until calls in flight have returned and the object is gone. */
  public void closeAndWait() {
    close();
    resource.awaitGone();
  }
}
