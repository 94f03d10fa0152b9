package com.mindspore.serving;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.mindspore.MirinException;
import java.io.IOException;
import java.net.ConnectException;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/** The server on a model that adds, in a servable directory without Python. */
class ServerTest {
  private static final String SUM =
      "{\"inputs\": [{\"name\": \"x\", \"shape\": [2, 2], \"datatype\": \"FP32\", \"data\": [1, 2,"
          + " 3, 4]},{\"name\": \"y\", \"shape\": [2, 2], \"datatype\": \"FP32\", \"data\": [5, 6,"
          + " 7, 8]}]}";

  @TempDir Path directory;

  @BeforeEach
  void makeServables() throws IOException {
    for (String version : List.of("1", "2")) {
      Path folder = Files.createDirectories(directory.resolve("add").resolve(version));
      Files.copy(
          Path.of("tests/models/mindir/tensor_add.mindir"), folder.resolve("tensor_add.mindir"));
    }
    Files.createDirectories(directory.resolve("empty/1"));
  }

  private ServableOptions add() {
    return new ServableOptions(directory.toString(), "add");
  }

  private static HttpResponse<String> send(int port, String path, String body)
      throws IOException, InterruptedException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path))
            .timeout(Duration.ofMinutes(1));
    if (body != null) {
      request.POST(HttpRequest.BodyPublishers.ofString(body));
    }
    return HttpClient.newHttpClient().send(request.build(), HttpResponse.BodyHandlers.ofString());
  }

  private static void fails(MirinException.Code code, Executable call) {
    MirinException e = assertThrows(MirinException.class, call);
    assertEquals(code, e.code(), e.toString());
    assertFalse(e.getMessage().isEmpty());
  }

  @Test
  void servesOverHttpAndGrpc() throws IOException, InterruptedException {
    try (Server server = new Server()) {
      assertEquals("[]", server.status());
      server.set("max_queue", "100").add(add().version(1).workers(0).deviceType("cpu"), add());
      int port = server.listenHttp("127.0.0.1:0");
      assertTrue(port > 0);
      HttpResponse<String> answer = send(port, "/v2/models/add/versions/1/infer", SUM);
      assertEquals(200, answer.statusCode(), answer.body());
      String data = answer.body().replaceAll("\\s", "").replace(".0", "");
      assertTrue(data.contains("\"data\":[6,8,10,12]"), answer.body());
      assertTrue(data.contains("\"model_version\":\"1\""), answer.body());

      int grpc = server.listenGrpc(new ListenOptions("127.0.0.1:0").maxMessageBytes(1 << 20));
      assertTrue(grpc > 0 && grpc != port);
      new Socket("127.0.0.1", grpc).close();
      // paths of sockets are short
      Path folder = Files.createTempDirectory(Path.of("/tmp"), "mirin");
      Path socket = folder.resolve("http");
      assertEquals(0, server.listenHttp("unix:" + socket));
      assertTrue(Files.exists(socket));

      String status = server.status();
      assertTrue(status.contains("\"name\":\"add\",\"version\":2,\"state\":\"READY\""), status);
      assertTrue(server.metrics().contains("mirin_requests_total{"), server.metrics());

      server.remove("add", 1);
      assertEquals(404, send(port, "/v2/models/add/versions/1/infer", SUM).statusCode());
      assertEquals(200, send(port, "/v2/models/add/infer", SUM).statusCode());
      server.remove("add");
      assertFalse(server.status().contains("READY"), server.status());
      server.stop(Duration.ofSeconds(10));
      assertThrows(ConnectException.class, () -> new Socket("127.0.0.1", port).close());
      assertFalse(Files.exists(socket));
      Files.delete(folder);
    }
  }

  @Test
  void errorsSayWhy() {
    try (Server server = new Server()) {
      fails(MirinException.Code.INVALID_ARGUMENT, () -> server.set("no_such_option", "1"));
      fails(MirinException.Code.INVALID_ARGUMENT, () -> server.set("max_queue", "many"));
      fails(MirinException.Code.INVALID_ARGUMENT, () -> server.set("max_queue", null));
      fails(MirinException.Code.INVALID_ARGUMENT, () -> server.set("a\0b", "1"));
      String folder = directory.toString();
      fails(
          MirinException.Code.NOT_FOUND, () -> server.add(new ServableOptions(folder, "missing")));
      fails(MirinException.Code.NOT_FOUND, () -> server.add(add(), add().version(3)));
      assertFalse(server.status().contains("READY"), "all or none: " + server.status());
      assertThrows(MirinException.class, () -> server.add(new ServableOptions(folder, "empty")));
      fails(
          MirinException.Code.INVALID_ARGUMENT, () -> server.add(new ServableOptions(null, "add")));
      fails(MirinException.Code.INVALID_ARGUMENT, () -> server.add((ServableOptions) null));
      fails(MirinException.Code.INVALID_ARGUMENT, () -> server.add(add().workers(-1)));
      byte[] key = new byte[5];
      fails(
          MirinException.Code.INVALID_ARGUMENT,
          () -> server.add(add().key(key, ServableOptions.Cipher.AES_GCM)));
      fails(MirinException.Code.INVALID_ARGUMENT, () -> add().version(-1));
      fails(MirinException.Code.INVALID_ARGUMENT, () -> add().key(null, null));
      fails(MirinException.Code.NOT_FOUND, () -> server.remove("missing"));
      fails(MirinException.Code.INVALID_ARGUMENT, () -> server.stop(Duration.ofNanos(-1)));
      for (Consumer<String> listen :
          List.<Consumer<String>>of(server::listenGrpc, server::listenHttp)) {
        fails(MirinException.Code.INVALID_ARGUMENT, () -> listen.accept("nowhere"));
        fails(MirinException.Code.INVALID_ARGUMENT, () -> listen.accept(null));
      }
      int port = server.listenHttp("127.0.0.1:0");
      fails(MirinException.Code.UNAVAILABLE, () -> server.listenHttp("127.0.0.1:" + port));
      ListenOptions broken = new ListenOptions("127.0.0.1:0").tls("no certificate", "no key");
      fails(MirinException.Code.INVALID_ARGUMENT, () -> server.listenHttp(broken));
      fails(MirinException.Code.INVALID_ARGUMENT, () -> server.listenGrpc(broken));
    }
  }

  @Test
  void closedServersAreRefused() {
    Server server = new Server();
    server.add(add());
    server.stop(Duration.ZERO);
    server.stop(Duration.ZERO);
    fails(MirinException.Code.CANCELLED, () -> server.add(add()));
    assertEquals("[]", server.status());
    server.close();
    server.close();
    for (Executable call :
        List.<Executable>of(
            () -> server.set("max_queue", "1"),
            () -> server.add(add()),
            () -> server.remove("add"),
            () -> server.listenGrpc("127.0.0.1:0"),
            () -> server.listenHttp("127.0.0.1:0"),
            server::status,
            server::metrics,
            () -> server.stop(Duration.ZERO))) {
      assertThrows(IllegalStateException.class, call);
    }
  }

  @Test
  void startsInFewLines() throws IOException, InterruptedException {
    String directory = this.directory.toString();
    // [START serve]
    Server server = new Server();
    server.set("max_queue", "1000");
    server.add(new ServableOptions(directory, "add"));
    int grpc = server.listenGrpc("127.0.0.1:0"); // 0: a free port
    int http = server.listenHttp("127.0.0.1:0");
    System.out.println("listening on ports " + grpc + " and " + http);
    Runtime.getRuntime().addShutdownHook(new Thread(() -> server.stop(Duration.ofSeconds(30))));
    // [END serve]
    assertEquals(200, send(http, "/v2/health/ready", null).statusCode());
  }

  @Test
  void waitingEndsWithTheServer() throws Exception {
    try (Server server = new Server()) {
      CompletableFuture<Boolean> stopped = waitOn(server);
      server.stop(Duration.ZERO);
      assertTrue(stopped.get());
      server.awaitStop();
    }
    Server closed = new Server();
    CompletableFuture<Boolean> stopped = waitOn(closed);
    closed.close();
    assertTrue(stopped.get());

    try (Server server = new Server()) {
      Thread.currentThread().interrupt();
      assertThrows(InterruptedException.class, server::awaitStop);
      assertEquals("[]", server.status());
    }
  }

  private static CompletableFuture<Boolean> waitOn(Server server) {
    return CompletableFuture.supplyAsync(
        () -> {
          try {
            server.awaitStop();
            return true;
          } catch (InterruptedException e) {
            return false;
          }
        });
  }
}
