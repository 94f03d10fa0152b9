#include <boost/asio/connect.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <limits>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/tools/load/connections.h"

namespace mirin::load {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using Socket = asio::generic::stream_protocol::socket;
using Endpoint = asio::generic::stream_protocol::endpoint;
using Clock = std::chrono::steady_clock;

class HttpConnections;

class Lane {
 public:
  Lane(HttpConnections& owner, size_t index);
  void Start();
  // Closes the connection of a request that takes too long.
  void Expire(Clock::time_point now);

 private:
  void Write();
  void Read();
  void Finish(const char* phase, const error_code& error);

  HttpConnections& owner_;
  const size_t index_;
  Socket socket_;
  boost::beast::flat_buffer buffer_;
  std::optional<http::response_parser<http::string_body>> parser_;
  Clock::time_point deadline_ = Clock::time_point::max();
  bool expired_ = false;
};

class HttpConnections final : public Connections {
 public:
  HttpConnections(const ConnectionOptions& options, std::string request,
                  std::vector<Endpoint> endpoints)
      : options_(options),
        request_(std::move(request)),
        endpoints_(std::move(endpoints)),
        work_(asio::make_work_guard(context_)),
        timer_(context_) {
    for (size_t i = 0; i < options_.lanes; ++i) lanes_.push_back(std::make_unique<Lane>(*this, i));
  }

  void Send(size_t lane) override {
    asio::dispatch(context_, [this, lane] { lanes_[lane]->Start(); });
  }
  void Run(OnAnswer on_answer) override {
    on_answer_ = std::move(on_answer);
    Watch();
    context_.run();
  }
  void Stop() override { context_.stop(); }

  asio::io_context& context() { return context_; }
  const std::string& request() const { return request_; }
  const std::vector<Endpoint>& endpoints() const { return endpoints_; }
  Clock::duration timeout() const {
    return std::chrono::nanoseconds(absl::ToInt64Nanoseconds(options_.timeout));
  }
  void Answered(size_t lane, const Answer& answer) { on_answer_(lane, answer); }

 private:
  void Watch() {
    timer_.expires_after(std::chrono::milliseconds(100));
    timer_.async_wait([this](const error_code& error) {
      if (error) return;
      const Clock::time_point now = Clock::now();
      for (const auto& lane : lanes_) lane->Expire(now);
      Watch();
    });
  }

  const ConnectionOptions options_;
  const std::string request_;
  const std::vector<Endpoint> endpoints_;
  OnAnswer on_answer_;
  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  asio::steady_timer timer_;
  std::vector<std::unique_ptr<Lane>> lanes_;
};

Lane::Lane(HttpConnections& owner, size_t index)
    : owner_(owner), index_(index), socket_(owner.context()) {}

void Lane::Start() {
  deadline_ = Clock::now() + owner_.timeout();
  expired_ = false;
  if (socket_.is_open()) return Write();
  asio::async_connect(socket_, owner_.endpoints(),
                      [this](const error_code& error, const Endpoint& endpoint) {
                        if (error) return Finish("connect", error);
                        if (endpoint.protocol().family() != AF_UNIX) {
                          error_code ignored;
                          socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
                        }
                        Write();
                      });
}

void Lane::Write() {
  asio::async_write(socket_, asio::buffer(owner_.request()),
                    [this](const error_code& error, size_t) {
                      // a server that refuses a body answers before it is all sent
                      if (error && error != asio::error::broken_pipe) {
                        return Finish("closed", error);
                      }
                      Read();
                    });
}

void Lane::Read() {
  parser_.emplace();
  // not boost::none, which Boost 1.74 takes for zero when the head comes alone
  parser_->body_limit(std::numeric_limits<uint64_t>::max());
  http::async_read(socket_, buffer_, *parser_, [this](const error_code& error, size_t) {
    Finish(error == http::error::end_of_stream ? "closed" : "malformed", error);
  });
}

void Lane::Finish(const char* phase, const error_code& error) {
  deadline_ = Clock::time_point::max();
  Answer answer;
  if (error) {
    const bool reset = error == asio::error::connection_reset || error == asio::error::broken_pipe;
    answer.error = expired_ ? "timeout" : reset ? "closed" : phase;
    answer.text = error.message();
    buffer_.clear();
  } else {
    const auto& response = parser_->get();
    answer.body = response.body();
    answer.received = response.body().size();
    if (response.result_int() / 100 != 2) {
      answer.error = absl::StrCat(response.result_int());
      answer.text = response.body().substr(0, 1000);
    }
  }
  if (error || !parser_->keep_alive()) {
    error_code ignored;
    socket_.close(ignored);
    buffer_.clear();
  }
  owner_.Answered(index_, answer);
}

void Lane::Expire(Clock::time_point now) {
  if (now < deadline_) return;
  expired_ = true;
  deadline_ = Clock::time_point::max();
  error_code ignored;
  socket_.close(ignored);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Connections>> ConnectHttp(const ConnectionOptions& options,
                                                         const Call& call) {
  const serving::Address& address = options.address;
  std::vector<Endpoint> endpoints;
  if (address.is_unix) {
    if (address.path.size() > 100)
      return absl::InvalidArgumentError("the socket's path is too long");
    endpoints.emplace_back(asio::local::stream_protocol::endpoint(address.path));
  } else {
    asio::io_context context;
    error_code error;
    for (const auto& found : asio::ip::tcp::resolver(context).resolve(
             address.host, absl::StrCat(address.port), error)) {
      endpoints.emplace_back(found.endpoint());
    }
    if (error) {
      return absl::UnavailableError(
          absl::StrCat("cannot resolve '", address.host, "': ", error.message()));
    }
  }
  const std::string host =
      address.is_unix ? "localhost" : absl::StrCat(address.host, ":", address.port);
  std::string request = absl::StrCat(
      call.get ? "GET " : "POST ", call.path, " HTTP/1.1\r\nHost: ", host, "\r\n", call.headers,
      call.get ? "" : absl::StrCat("Content-Length: ", call.body.size(), "\r\n"), "\r\n",
      call.body);
  return std::make_unique<HttpConnections>(options, std::move(request), std::move(endpoints));
}

}  // namespace mirin::load
