// For tests of the HTTP face.
#ifndef CORE_SERVING_HTTP_TEST_UTIL_H_
#define CORE_SERVING_HTTP_TEST_UTIL_H_

#include <sys/socket.h>

#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "core/serving/metrics.h"
#include "core/serving/settings.h"
#include "core/serving/shared_memory.h"
#include "core/serving/testing/fake_engine.h"
#include "core/serving/testing/test_socket.h"
#include "core/serving/transport.h"
#include "gtest/gtest.h"

namespace mirin::serving {

// Counts what the face reports.
class FakeMetrics : public Metrics {
 public:
  MethodMetrics* Method(absl::string_view, uint64_t, absl::string_view) override { return nullptr; }
  void Refused(absl::string_view, absl::string_view reason) override {
    absl::MutexLock lock(&mutex_);
    ++refused_[std::string(reason)];
  }
  void WorkerStarted(absl::string_view) override {}
  void WorkerEnded(absl::string_view, absl::string_view) override {}
  void Connections(absl::string_view, int64_t delta) override {
    absl::MutexLock lock(&mutex_);
    connections_ += delta;
  }
  std::string Text() const override { return "mirin_fake 1\n"; }

  int64_t connections() const {
    absl::MutexLock lock(&mutex_);
    return connections_;
  }
  int refused(const std::string& reason) const {
    absl::MutexLock lock(&mutex_);
    const auto it = refused_.find(reason);
    return it == refused_.end() ? 0 : it->second;
  }
  void AwaitConnections(int64_t n) const {
    absl::MutexLock lock(&mutex_);
    const auto there = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return connections_ == n; };
    mutex_.Await(absl::Condition(&there));
  }

 private:
  mutable absl::Mutex mutex_;
  int64_t connections_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, int> refused_ ABSL_GUARDED_BY(mutex_);
};

struct Reply {
  int status = 0;
  std::string head;
  std::string body;

  // "" when there is none.
  std::string Header(absl::string_view name) const {
    const std::string start = absl::StrCat("\r\n", name, ": ");
    const size_t at = head.find(start);
    if (at == head.npos) return "";
    const size_t from = at + start.size();
    return head.substr(from, head.find("\r\n", from) - from);
  }
};

// A client that sends any bytes.
class Client {
 public:
  // To 127.0.0.1.
  explicit Client(int port) : socket_(port) {}
  // To a Unix socket.
  explicit Client(const std::string& path) : socket_(path) {}

  void Close() { socket_.Close(); }
  int descriptor() const { return socket_.descriptor(); }
  void EndWriting() { ::shutdown(descriptor(), SHUT_WR); }
  // False when the server has closed.
  bool Send(absl::string_view bytes) { return socket_.Send(bytes); }
  // One answer; status 0 when the connection ends before it.
  Reply Read(bool head_only = false) {
    Reply reply;
    size_t end;
    while ((end = buffer_.find("\r\n\r\n")) == buffer_.npos) {
      if (!More()) return reply;
    }
    reply.head = buffer_.substr(0, end + 2);
    buffer_.erase(0, end + 4);
    size_t size = 0;
    EXPECT_TRUE(absl::SimpleAtoi(reply.Header("Content-Length"), &size) ||
                reply.head.find(" 100 ") != reply.head.npos)
        << reply.head;
    if (head_only) size = 0;
    while (buffer_.size() < size) {
      if (!More()) return Reply();
    }
    reply.body = buffer_.substr(0, size);
    buffer_.erase(0, size);
    reply.status = std::atoi(reply.head.substr(9, 3).c_str());
    return reply;
  }
  // Whether the server ends the connection, with nothing more before that.
  bool Ended() { return buffer_.empty() && !More(); }

  Reply Request(absl::string_view verb, absl::string_view target, absl::string_view body = "",
                absl::string_view headers = "") {
    Send(absl::StrCat(verb, " ", target, " HTTP/1.1\r\nHost: x\r\n", headers,
                      "Content-Length: ", body.size(), "\r\n\r\n", body));
    return Read(verb == "HEAD");
  }
  Reply Post(absl::string_view target, absl::string_view body, absl::string_view headers = "") {
    return Request("POST", target, body, headers);
  }
  Reply Get(absl::string_view target, absl::string_view headers = "") {
    return Request("GET", target, "", headers);
  }

 private:
  bool More() { return socket_.Receive(&buffer_); }

  TestSocket socket_;
  std::string buffer_;
};

inline constexpr char kEcho[] = "/model/add:echo";
inline constexpr char kBody[] = R"({"instances":{"x":[1.0,2.0]}})";
inline constexpr char kAnswer[] = R"({"instances":[{"x":[1.0,2.0]}]})";
inline constexpr char kInfer[] =
    R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[1]}]})";

inline std::string PostText(absl::string_view target, absl::string_view body,
                            absl::string_view headers = "") {
  return absl::StrCat("POST ", target, " HTTP/1.1\r\n", headers, "Content-Length: ", body.size(),
                      "\r\n\r\n", body);
}

class HttpServerTest : public testing::Test {
 protected:
  void Start(TransportOptions options = TransportOptions()) {
    if (options.address.empty()) options.address = "127.0.0.1:0";
    options.threads = 2;
    TransportContext context;
    context.engine = &engine_;
    context.metrics = &metrics_;
    context.shared_memory = &shared_memory_;
    context.settings = &settings_;
    context.log = log_;
    auto server = StartHttp(context, std::move(options));
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  void TearDown() override { server_.reset(); }

  Client Connect() { return Client(server_->port()); }
  // The server still does what it is for.
  void ExpectAlive() {
    const Reply reply = Connect().Post(kEcho, kBody);
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.body, kAnswer);
  }

  FakeEngine engine_;
  FakeMetrics metrics_;
  SharedMemoryRegistry shared_memory_;
  ServerSettings settings_;
  EventLog* log_ = nullptr;
  std::unique_ptr<Transport> server_;
};

}  // namespace mirin::serving

#endif  // CORE_SERVING_HTTP_TEST_UTIL_H_
