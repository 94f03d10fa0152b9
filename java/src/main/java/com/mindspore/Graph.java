package com.mindspore;

import com.mindspore.internal.Handle;
import java.nio.file.Path;

/** A model file that was read, from which models are built. The models share its weights. */
public final class Graph implements AutoCloseable {
  private Handle model;
  private boolean freed;

  /** A graph to be loaded. */
  public Graph() {}

  /**
   * Reads a MindIR file.
   *
   * @param path the file
   * @return the graph
   * @throws MirinException with the reason
   */
  public static Graph load(Path path) {
    Graph graph = new Graph();
    graph.read(path == null ? null : path.toString());
    return graph;
  }

  /**
   * Reads a MindIR file; what was loaded before is let go.
   *
   * @param file its path
   * @return false when it cannot be loaded; {@link MirinException#last} says why
   */
  public boolean load(String file) {
    return MirinException.attempt(() -> read(file));
  }

  private synchronized void read(String file) {
    if (freed) {
      throw new IllegalStateException("used after free() or close()");
    }
    if (file == null) {
      throw MirinException.invalid("the path is null");
    }
    Engine.Source source = new Engine.Source();
    source.path = file;
    Handle loaded = source.load(null);
    if (model != null) {
      model.close();
    }
    model = loaded;
  }

  synchronized Handle share() {
    if (freed) {
      throw new IllegalStateException("used after free() or close()");
    }
    if (model == null) {
      throw new MirinException(MirinException.Code.FAILED_PRECONDITION, "the graph was not loaded");
    }
    return model.share();
  }

  /**
   * The native object's address, for comparison and printing.
   *
   * @return 0 when nothing is loaded
   */
  public synchronized long getGraphPtr() {
    return model == null ? 0 : model.address();
  }

  /** Lets go of the file's contents; models built from it live on. Twice is fine. */
  public synchronized void free() {
    freed = true;
    if (model != null) {
      model.close();
      model = null;
    }
  }

  /** The same as {@link #free}. */
  @Override
  public void close() {
    free();
  }
}
