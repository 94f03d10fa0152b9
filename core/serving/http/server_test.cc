// The face as clients meet it, good and bad ones.
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/serving/http/test_util.h"
#include "core/serving/net/compress.h"
#include "gtest/gtest.h"

namespace mirin::serving {
namespace {

TEST_F(HttpServerTest, AnswersInOrderOnOneConnection) {
  Start();
  Client client = Connect();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.Post(kEcho, kBody).body, kAnswer);
  std::string many;
  for (int i = 0; i < 500; ++i)
    many += PostText(kEcho, absl::StrCat("{\"instances\":{\"x\":", i, "}}"));
  ASSERT_TRUE(client.Send(many));
  for (int i = 0; i < 500; ++i) {
    ASSERT_EQ(client.Read().body, absl::StrCat("{\"instances\":[{\"x\":", i, "}]}"));
  }
}

TEST_F(HttpServerTest, KeepsOrderBehindASlowRequest) {
  Start();
  Client client = Connect();
  ASSERT_TRUE(client.Send(PostText("/model/add:hold", R"({"instances":{"x":1}})") +
                          PostText(kEcho, kBody)));
  engine_.AwaitHeld(1);
  engine_.Release();
  EXPECT_EQ(client.Read().body, R"({"instances":[{"x":1}]})");
  EXPECT_EQ(client.Read().body, kAnswer);
}

TEST_F(HttpServerTest, TakesRequestsInAnyPieces) {
  Start();
  const std::string text =
      PostText(kEcho, kBody) +
      "POST /model/add:echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" +
      "5;a=b\r\n{\"ins\r\n18\r\ntances\":{\"x\":[1.0,2.0]}}\r\n0\r\nTrailer: x\r\n\r\n" +
      PostText(kEcho, kBody);
  for (size_t step : {1, 2, 7, 64}) {
    Client client = Connect();
    for (size_t i = 0; i < text.size(); i += step)
      ASSERT_TRUE(client.Send(absl::string_view(text).substr(i, step)));
    for (int i = 0; i < 3; ++i) EXPECT_EQ(client.Read().body, kAnswer) << step;
  }
}

TEST_F(HttpServerTest, SpeaksHttp10) {
  Start();
  {
    Client client = Connect();
    ASSERT_TRUE(client.Send(absl::StrCat(
        "POST /model/add:echo HTTP/1.0\r\nContent-Length: ", sizeof kBody - 1, "\r\n\r\n", kBody)));
    EXPECT_EQ(client.Read().body, kAnswer);
    EXPECT_TRUE(client.Ended());
  }
  Client client = Connect();
  ASSERT_TRUE(client.Send("GET /v2 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
  EXPECT_EQ(client.Read().Header("Connection"), "keep-alive");
  EXPECT_EQ(client.Get("/v2").status, 200);
}

TEST_F(HttpServerTest, ContinuesWhenAsked) {
  Start();
  Client client = Connect();
  ASSERT_TRUE(client.Send(absl::StrCat(
      "POST /model/add:echo HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: ", sizeof kBody - 1,
      "\r\n\r\n")));
  EXPECT_EQ(client.Read().status, 100);
  ASSERT_TRUE(client.Send(kBody));
  EXPECT_EQ(client.Read().body, kAnswer);
  EXPECT_EQ(client.Post(kEcho, kBody, "Expect: cake\r\n").status, 417);
}

TEST_F(HttpServerTest, RefusesTooLargeBodiesBeforeTheyCome) {
  TransportOptions options;
  options.max_message_bytes = 1000;
  Start(std::move(options));
  const std::string text = R"({"error_msg":"http message is bigger than 1000"})";
  {
    Client client = Connect();
    ASSERT_TRUE(
        client.Send("POST /model/add:echo HTTP/1.1\r\nContent-Length: 99999999999999\r\n\r\n"));
    const Reply reply = client.Read();
    EXPECT_EQ(reply.status, 413);
    EXPECT_EQ(reply.body, text);
  }
  {
    Client client = Connect();  // one that sends all the same
    client.Send(PostText(kEcho, std::string(300000, ' ')));
    EXPECT_EQ(client.Read().body, text);
  }
  {
    Client client = Connect();
    ASSERT_TRUE(
        client.Send("POST /model/add:echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n" +
                    std::string(1024, ' ')));
    EXPECT_EQ(client.Read().status, 413);
  }
  {
    const std::string bomb = Deflate("gzip", {std::string(2000, ' ')});
    ASSERT_LT(bomb.size(), 1000u);
    EXPECT_EQ(Connect().Post(kEcho, bomb, "Content-Encoding: gzip\r\n").body, text);
  }
  ExpectAlive();
}

TEST_F(HttpServerTest, AnswersBadRequests) {
  Start();
  const struct {
    absl::string_view text;
    int status;
  } cases[] = {
      {"garbage\r\n\r\n", 400},
      {"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400},
      {"GET / HTTP/2.0\r\n\r\n", 400},
      {"GET / HTTP/1.2\r\n\r\n", 400},
      {"POST /model/add:echo HTTP/1.1\r\nContent-Length: abc\r\n\r\n", 400},
      {"POST /model/add:echo HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400},
      {"POST /model/add:echo HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400},
      {"POST /model/add:echo HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
       400},
      {"POST /model/add:echo HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 501},
      {"POST /model/add:echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
      {"POST /model/add:echo HTTP/1.1\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx", 415},
      {"POST /model/add:echo HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx",
       400},
      {"POST /model/add:echo HTTP/1.1\r\nno colon\r\n\r\n", 400},
  };
  for (const auto& c : cases) {
    Client client = Connect();
    client.Send(c.text);
    EXPECT_EQ(client.Read().status, c.status) << c.text;
    client.EndWriting();
    EXPECT_TRUE(client.Ended()) << c.text;
  }
  {
    Client client = Connect();
    client.Send("GET / HTTP/1.1\r\n");
    for (int i = 0; i < 70; ++i)
      client.Send(absl::StrCat("X-", i, ": ", std::string(1000, 'a'), "\r\n"));
    EXPECT_EQ(client.Read().status, 431);
  }
  EXPECT_EQ(Connect().Get("/%zz").status, 400);
  EXPECT_EQ(Connect().Request("BREW", "/model/add:echo").status, 405);
  ExpectAlive();
}

TEST_F(HttpServerTest, AnswersHalfClosedClients) {
  Start();
  {
    Client client = Connect();
    client.Send(PostText(kEcho, kBody));
    client.EndWriting();
    EXPECT_EQ(client.Read().body, kAnswer);
    EXPECT_TRUE(client.Ended());
  }
  for (absl::string_view text :
       {"POST / HTTP/1.1\r\nContent-Le", "GET / HTTP/1.1\r\n",
        "POST /model/add:echo HTTP/1.1\r\nContent-Length: 10\r\n\r\n{",
        "POST /model/add:echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"}) {
    Client client = Connect();
    client.Send(text);
    client.EndWriting();
    EXPECT_EQ(client.Read().status, 400) << text;
    EXPECT_TRUE(client.Ended());
  }
  Client client = Connect();
  client.EndWriting();
  EXPECT_TRUE(client.Ended());
}

TEST_F(HttpServerTest, EndsSlowClients) {
  TransportOptions options;
  options.header_timeout = absl::Milliseconds(50);
  options.body_timeout = absl::Milliseconds(50);
  options.idle_timeout = absl::Milliseconds(50);
  Start(std::move(options));
  Client idle = Connect(), head = Connect(), lines = Connect(), body = Connect(),
         chunks = Connect();
  lines.Send("GET / HTTP/1.1\r\nA: b\r\n");
  head.Send("POST /model/add:echo HT");
  body.Send("POST /model/add:echo HTTP/1.1\r\nContent-Length: 10\r\n\r\n{");
  chunks.Send("POST /model/add:echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{");
  EXPECT_TRUE(idle.Ended());
  for (Client* client : {&head, &lines, &body, &chunks}) {
    EXPECT_EQ(client->Read().status, 408);
    EXPECT_TRUE(client->Ended());  // though it keeps its side open
  }
  // One that drips is not better.
  Client dripping = Connect();
  while (dripping.Send("a")) {
    pollfd wait = {};
    ::poll(&wait, 0, 1);
  }
  metrics_.AwaitConnections(0);
  ExpectAlive();
}

TEST_F(HttpServerTest, CancelsWhatNobodyWaitsFor) {
  Start();
  {
    Client client = Connect();
    client.Send(PostText("/model/add:hold", kBody));
    engine_.AwaitHeld(1);
  }
  engine_.AwaitCancelled(1);
  Client client = Connect();
  client.Send(PostText("/v2/models/add.hold/infer",
                       R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[1]}]})"));
  engine_.AwaitHeld(2);
  client.Close();
  engine_.AwaitCancelled(2);
  engine_.Release();
  metrics_.AwaitConnections(0);
  ExpectAlive();
}

TEST_F(HttpServerTest, RefusesMoreConnectionsThanAllowed) {
  TransportOptions options;
  options.max_connections = 2;
  Start(std::move(options));
  Client a = Connect(), b = Connect();
  EXPECT_EQ(a.Get("/v2").status, 200);
  EXPECT_EQ(b.Get("/v2").status, 200);
  EXPECT_TRUE(Connect().Ended());
  EXPECT_EQ(metrics_.refused("too many connections"), 1);
  a.Close();
  metrics_.AwaitConnections(1);
  EXPECT_EQ(Connect().Get("/v2").status, 200);
}

TEST_F(HttpServerTest, SurvivesMutatedRequests) {
  Start();
  const std::string seeds[] = {
      PostText(
          kEcho,
          R"({"instances":[{"x":[[1.0,-2e3],[3.0,4.5]],"y":{"b64":"YWJj","type":"bytes"}},{"x":"\u00e9"}]})"),
      PostText(
          "/v2/models/add/infer",
          R"({"id":"1","inputs":[{"name":"x","datatype":"INT32","shape":[1,2],"data":[[1,2]]}],"outputs":[{"name":"x"}]})"),
      absl::StrCat(
          "POST /v2/models/add/infer HTTP/1.1\r\nInference-Header-Content-Length: "
          "94\r\nContent-Length: 98\r\n\r\n",
          R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1],"parameters":{"binary_data_size":4}}]})",
          "   abcd"),
      "POST /model/add:echo HTTP/1.1\r\nTransfer-Encoding: "
      "chunked\r\n\r\n5\r\n{\"ins\r\n18\r\ntances\":{\"x\":[1.0,2.0]}}\r\n0\r\n\r\n",
  };
  std::mt19937 random(20240607);
  for (int i = 0; i < 400; ++i) {
    std::string text = seeds[i % 4];
    const int changes = 1 + static_cast<int>(random() % 4);
    for (int k = 0; k < changes; ++k) {
      const size_t at = random() % text.size();
      switch (random() % 4) {
        case 0:
          text[at] = static_cast<char>(random());
          break;
        case 1:
          text.erase(at, 1 + random() % 8);
          break;
        case 2:
          text.insert(at, text.substr(random() % text.size(), random() % 16));
          break;
        default:
          text[at] = "{}[]\",:0-.e\\"[random() % 12];
      }
      if (text.empty()) text = "x";
    }
    Client client = Connect();
    client.Send(text);
    client.EndWriting();
    while (client.Read().status != 0) {
    }
  }
  ExpectAlive();
  metrics_.AwaitConnections(0);
}

TEST_F(HttpServerTest, RefusesDeepAndWideBodies) {
  Start();
  const std::string deep =
      "{\"instances\":{\"x\":" + std::string(200000, '[') + std::string(200000, ']') + "}}";
  EXPECT_EQ(Connect().Post(kEcho, deep).body,
            R"({"error_msg":"Illegal JSON format.nested deeper than 32 levels"})");
  EXPECT_EQ(Connect().Post("/v2/models/add/infer", deep).status, 400);
  EXPECT_EQ(Connect()
                .Post(kEcho, "{\"instances\":{\"x\":" + std::string(20, '[') + "1" +
                                 std::string(20, ']') + "}}")
                .status,
            400);
  ExpectAlive();
}

TEST_F(HttpServerTest, HoldsManyIdleConnectionsInLittleMemory) {
  Start();
  rlimit limit;
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  // Both ends are in this process.
  const size_t count = std::min<size_t>(2000, (limit.rlim_cur - 100) / 2);
  const auto resident = [] {
    long pages = 0, ignored;
    std::ifstream("/proc/self/statm") >> ignored >> pages;
    return pages * ::sysconf(_SC_PAGESIZE);
  };
  ExpectAlive();
  const long before = resident();
  std::vector<Client> clients;
  for (size_t i = 0; i < count; ++i) {
    clients.push_back(Connect());
    ASSERT_EQ(clients.back().Post(kEcho, kBody).body, kAnswer);
  }
  // with the client's share; asan's own are larger
  [[maybe_unused]] const long each = (resident() - before) / static_cast<long>(count);
#ifndef __SANITIZE_ADDRESS__
#ifndef __SANITIZE_THREAD__
  EXPECT_LT(each, 8 << 10);
#endif
#endif
  EXPECT_EQ(metrics_.connections(), static_cast<int64_t>(count));
  ExpectAlive();
  clients.clear();
  metrics_.AwaitConnections(0);
}

TEST_F(HttpServerTest, StopsAfterTheLastAnswer) {
  Start();
  Client idle = Connect(), busy = Connect();
  EXPECT_EQ(idle.Get("/v2").status, 200);
  busy.Send(PostText("/model/add:hold", kBody));
  engine_.AwaitHeld(1);
  std::thread stop([&] { server_->Stop(absl::InfiniteFuture()); });
  EXPECT_TRUE(idle.Ended());
  engine_.Release();
  const Reply reply = busy.Read();
  EXPECT_EQ(reply.body, kAnswer);
  EXPECT_EQ(reply.Header("Connection"), "close");
  stop.join();
  EXPECT_EQ(metrics_.connections(), 0);
}

TEST_F(HttpServerTest, StopsAtTheDeadline) {
  Start();
  Client client = Connect();
  client.Send(PostText("/model/add:hold", kBody));
  engine_.AwaitHeld(1);
  // An answer that comes when the server is gone is dropped.
  InferCallback late;
  engine_.set_override(
      [&](std::unique_ptr<InferRequest>, InferCallback done) { late = std::move(done); });
  Client other = Connect();
  other.Send(PostText(kEcho, kBody));
  while (engine_.requests() < 2) std::this_thread::yield();
  server_->Stop(absl::InfinitePast());
  EXPECT_EQ(engine_.cancelled(), 1);
  EXPECT_TRUE(client.Ended());
  server_.reset();
  late(InferReply());
}

TEST_F(HttpServerTest, ListensOnUnixSockets) {
  char directory[] = "/tmp/mirin_http_XXXXXX";  // short: a socket's path has 107 characters at most
  ASSERT_NE(::mkdtemp(directory), nullptr);
  const std::string path = absl::StrCat(directory, "/socket");
  TransportOptions options;
  options.address = "unix:" + path;
  Start(std::move(options));
  EXPECT_EQ(server_->port(), 0);
  EXPECT_EQ(Client(path).Post(kEcho, kBody).body, kAnswer);
  struct stat info;
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  // One that lives is not pushed aside.
  TransportOptions second;
  second.address = "unix:" + path;
  const auto refused =
      StartHttp({&engine_, &metrics_, &shared_memory_, &settings_}, std::move(second));
  EXPECT_EQ(refused.status().message(),
            absl::StrCat("RESTful server start failed, bind to the socket address unix:", path,
                         " failed"));
  EXPECT_EQ(Client(path).Post(kEcho, kBody).body, kAnswer);
  server_.reset();
  EXPECT_NE(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(::rmdir(directory), 0);
}

TEST_F(HttpServerTest, SaysThatAnAddressIsTaken) {
  Start();
  TransportOptions options;
  options.address = absl::StrCat("127.0.0.1:", server_->port());
  const std::string address = options.address;
  const auto refused =
      StartHttp({&engine_, &metrics_, &shared_memory_, &settings_}, std::move(options));
  EXPECT_EQ(
      refused.status().message(),
      absl::StrCat("RESTful server start failed, bind to the socket address ", address, " failed"));
  TransportOptions bad;
  bad.address = "nothing";
  EXPECT_EQ(StartHttp({&engine_, &metrics_, &shared_memory_, &settings_}, std::move(bad))
                .status()
                .message(),
            "The format of the RESTful server address 'nothing' is illegal");
}

}  // namespace
}  // namespace mirin::serving
