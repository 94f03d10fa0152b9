package com.mindspore.serving;

import com.mindspore.MirinException;
import com.mindspore.internal.Handle;
import com.mindspore.internal.MirinServing;
import com.mindspore.internal.NativeLibrary;
import com.mindspore.internal.Text;
import java.lang.ref.Reference;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.function.Function;
import java.util.function.LongConsumer;
import java.util.function.LongFunction;
import java.util.stream.Collectors;

/**
 * A model server.
 *
 * <pre>{@code
 * try (Server server = new Server()) {
 *   server.add(new ServableOptions("servables", "add"));
 *   server.listenGrpc("127.0.0.1:5500");
 *   server.listenHttp("127.0.0.1:1500");
 *   server.awaitStop();
 * }
 * }</pre>
 *
 * <p>Thread-safe. A server that is dropped without {@link #close} ends with its garbage; a thread
 * in {@link #awaitStop} keeps it. Every method but {@link #close} throws IllegalStateException
 * after it.
 */
public final class Server implements AutoCloseable {
  private static final LongConsumer DESTROY = MirinServing::mirin_server_destroy;
  private static final Duration LONGEST = Duration.ofDays(36_500);

  private final Handle handle;
  private final CountDownLatch stopped = new CountDownLatch(1);

  /**
   * A server that serves nothing yet and listens nowhere.
   *
   * @throws UnsatisfiedLinkError when the server's library cannot be loaded, with the reason
   */
  public Server() {
    NativeLibrary.loadServing();
    long[] pointer = new long[1];
    MirinServing.mirin_server_create(pointer);
    handle = new Handle(pointer[0], DESTROY);
  }

  /**
   * Sets an option, before the first {@link #add} and the first address. docs/serving.md lists
   * them.
   *
   * @param name such as "model_control"
   * @param value as a text
   * @return this server
   * @throws MirinException INVALID_ARGUMENT for an unknown name and a value that the option does
   *     not take, FAILED_PRECONDITION when it is too late
   */
  public Server set(String name, String value) {
    call(pointer -> MirinServing.mirin_server_set(pointer, name, value));
    return this;
  }

  /**
   * Loads servables, warms them up and serves them; all or none. Returns when they are ready. A
   * version that is served already is replaced once the new one is ready.
   *
   * @param servables any number
   * @return this server
   * @throws MirinException NOT_FOUND (directory, version), INVALID_ARGUMENT, FAILED_PRECONDITION
   *     (servable_config.py raised: its text), those of loading a model, CANCELLED ({@link #stop}
   *     or {@link #close})
   */
  public Server add(ServableOptions... servables) {
    if (servables == null || Arrays.asList(servables).contains(null)) {
      throw MirinException.invalid("a servable is null");
    }
    List<ServableOptions> all = List.of(servables);
    call(
        pointer ->
            MirinServing.serverAdd(
                pointer,
                texts(all, s -> s.directory),
                texts(all, s -> s.name),
                all.stream().mapToLong(s -> s.version).toArray(),
                all.stream().map(s -> s.deviceIds).toArray(int[][]::new),
                texts(all, s -> s.deviceType),
                all.stream().mapToInt(s -> s.workers).toArray(),
                all.stream().map(s -> s.key).toArray(byte[][]::new),
                all.stream().mapToInt(s -> s.cipher.ordinal()).toArray()));
    return this;
  }

  private static byte[][] texts(
      List<ServableOptions> all, Function<ServableOptions, String> member) {
    return Text.utf8(all.stream().map(member).collect(Collectors.toList()));
  }

  /**
   * Takes all versions of a servable away: new requests are refused, those in progress answered.
   *
   * @param name the servable
   * @throws MirinException NOT_FOUND
   */
  public void remove(String name) {
    remove(name, 0);
  }

  /**
   * Takes one version of a servable away: new requests are refused, those in progress answered.
   *
   * @param name the servable
   * @param version its version; 0 for all of them
   * @throws MirinException NOT_FOUND
   */
  public void remove(String name, long version) {
    call(pointer -> MirinServing.mirin_server_remove(pointer, name, version));
  }

  /**
   * Begins to answer gRPC calls at one more address.
   *
   * @param address "HOST:PORT", "[V6]:PORT" or "unix:PATH"; port 0 takes a free one
   * @return the port; 0 for a Unix socket
   * @throws MirinException INVALID_ARGUMENT, UNAVAILABLE when the address is in use
   */
  public int listenGrpc(String address) {
    return listenGrpc(new ListenOptions(address));
  }

  /**
   * Begins to answer gRPC calls at one more address.
   *
   * @param options where and how
   * @return the port; 0 for a Unix socket
   * @throws MirinException INVALID_ARGUMENT (address, certificate), UNAVAILABLE when the address is
   *     in use
   */
  public int listenGrpc(ListenOptions options) {
    return listen(true, options);
  }

  /**
   * Begins to answer HTTP requests at one more address.
   *
   * @param address as {@link #listenGrpc(String)} has it
   * @return the port; 0 for a Unix socket
   * @throws MirinException as {@link #listenGrpc(String)}
   */
  public int listenHttp(String address) {
    return listenHttp(new ListenOptions(address));
  }

  /**
   * Begins to answer HTTP requests at one more address.
   *
   * @param options where and how
   * @return the port; 0 for a Unix socket
   * @throws MirinException as {@link #listenGrpc(ListenOptions)}
   */
  public int listenHttp(ListenOptions options) {
    return listen(false, options);
  }

  private int listen(boolean grpc, ListenOptions o) {
    if (o == null) {
      throw MirinException.invalid("the options are null");
    }
    return ask(
        pointer ->
            MirinServing.serverListen(
                pointer,
                grpc,
                Text.utf8(o.address),
                o.maxMessageBytes,
                Text.utf8(o.certificate),
                Text.utf8(o.privateKey),
                Text.utf8(o.clientCa)));
  }

  /**
   * What is served.
   *
   * @return a JSON array of objects with "name", "version", "state", "reason", "methods",
   *     "workers", "queued"
   */
  public String status() {
    return ask(MirinServing::mirin_server_status);
  }

  /**
   * The server's metrics.
   *
   * @return a text in Prometheus' format
   */
  public String metrics() {
    return ask(MirinServing::mirin_server_metrics);
  }

  /**
   * Refuses new requests, answers those in progress, and stops serving. A second call waits for the
   * first.
   *
   * @param drain the longest time for answers; what is then in progress is ended
   * @throws MirinException INVALID_ARGUMENT for null and a negative time
   */
  public void stop(Duration drain) {
    if (drain == null || drain.isNegative()) {
      throw MirinException.invalid("drain " + drain + " is not a time");
    }
    Duration limit = drain.compareTo(LONGEST) > 0 ? LONGEST : drain;
    long micros = limit.toSeconds() * 1_000_000 + limit.toNanosPart() / 1_000;
    call(pointer -> MirinServing.mirin_server_stop(pointer, micros));
    stopped.countDown();
  }

  /**
   * Waits until another thread has stopped or closed the server.
   *
   * @throws InterruptedException when this thread is interrupted; the server goes on
   */
  public void awaitStop() throws InterruptedException {
    try {
      stopped.await();
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /** Stops without a drain and frees the server; twice is fine. */
  @Override
  public void close() {
    if (handle.address() == 0) {
      return;
    }
    try {
      stop(Duration.ZERO); // a call that blocks in add returns
    } catch (IllegalStateException e) {
      return; // another thread was faster
    }
    handle.closeAndWait();
  }

  private void call(LongConsumer call) {
    ask(
        pointer -> {
          call.accept(pointer);
          return null;
        });
  }

  private <T> T ask(LongFunction<T> call) {
    long pointer = handle.acquire();
    try {
      return call.apply(pointer);
    } finally {
      handle.release();
    }
  }
}
