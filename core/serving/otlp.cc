#include "core/serving/otlp.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "core/base/json.h"
#include "core/base/status.h"

namespace mirin::serving {
namespace {

template <typename Id>
std::string Hex(const Id& id) {
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(id.data()), id.size()));
}

std::string Nanos(absl::Time time) { return absl::StrCat(absl::ToUnixNanos(time)); }

std::string Text(absl::string_view key, absl::string_view value) {
  return absl::StrCat("{\"key\":", JsonString(key),
                      ",\"value\":{\"stringValue\":", JsonString(value), "}}");
}

// OTLP writes 64-bit integers as texts.
std::string Number(absl::string_view key, uint64_t value) {
  return absl::StrCat("{\"key\":", JsonString(key), ",\"value\":{\"intValue\":\"", value, "\"}}");
}

std::string SpanHead(const TraceId& trace, const SpanId& id, const SpanId& parent,
                     absl::string_view name, int kind, absl::Time start, absl::Time end) {
  std::string out = absl::StrCat("{\"traceId\":\"", Hex(trace), "\",\"spanId\":\"", Hex(id), "\"");
  if (parent != SpanId{}) absl::StrAppend(&out, ",\"parentSpanId\":\"", Hex(parent), "\"");
  absl::StrAppend(&out, ",\"name\":", JsonString(name), ",\"kind\":", kind,
                  ",\"startTimeUnixNano\":\"", Nanos(start), "\",\"endTimeUnixNano\":\"",
                  Nanos(end), "\"");
  return out;
}

void AppendSpans(const FinishedTrace& trace, std::string* out) {
  constexpr int kInternal = 1, kServer = 2, kError = 2;
  absl::StrAppend(
      out,
      SpanHead(trace.context.trace, trace.context.span, trace.parent,
               absl::StrCat(trace.servable, ".", trace.method), kServer, trace.start, trace.end),
      ",\"attributes\":[", Text("mirin.servable", trace.servable), ",",
      Text("mirin.method", trace.method), ",", Number("mirin.version", trace.version), ",",
      Text("mirin.request_id", trace.request_id), "],\"events\":[");
  for (size_t i = 0; i < trace.events.size(); ++i) {
    absl::StrAppend(out, i == 0 ? "" : ",", "{\"timeUnixNano\":\"", Nanos(trace.events[i].second),
                    "\",\"name\":", JsonString(trace.events[i].first), "}");
  }
  *out += "]";
  if (trace.status != absl::StatusCode::kOk) {
    absl::StrAppend(
        out, ",\"status\":{\"code\":", kError, ",\"message\":",
        JsonString(absl::StrCat(absl::StatusCodeToString(trace.status), ": ", trace.error)), "}");
  }
  *out += "}";
  for (const FinishedTrace::Part& part : trace.parts) {
    absl::StrAppend(out, ",",
                    SpanHead(trace.context.trace, part.id, trace.context.span, part.name, kInternal,
                             part.start, part.end),
                    "}");
  }
}

// A socket and the time by which it must be done.
class Connection {
 public:
  explicit Connection(absl::Duration timeout) : deadline_(absl::Now() + timeout) {}
  ~Connection() {
    if (fd_ >= 0) close(fd_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  absl::Status Open(const CollectorAddress& address) {
    addrinfo hints = {};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int error = getaddrinfo(address.host.c_str(), address.port.c_str(), &hints, &found);
    if (error != 0) return absl::UnavailableError(gai_strerror(error));
    absl::Status status = absl::UnavailableError("no address");
    for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
      status = OpenOne(*at);
      if (status.ok() || absl::IsDeadlineExceeded(status)) break;
    }
    freeaddrinfo(found);
    return status;
  }

  absl::Status Send(absl::string_view bytes) {
    while (!bytes.empty()) {
      MIRIN_RETURN_IF_ERROR(Wait(POLLOUT));
      const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno != EAGAIN && errno != EINTR) return Broken("send");
      if (sent > 0) bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return absl::OkStatus();
  }

  // "" at the end of the stream.
  absl::StatusOr<std::string> Receive() {
    while (true) {
      MIRIN_RETURN_IF_ERROR(Wait(POLLIN));
      char buffer[4096];
      const ssize_t got = recv(fd_, buffer, sizeof buffer, 0);
      if (got < 0 && errno != EAGAIN && errno != EINTR) return Broken("receive");
      if (got >= 0) return std::string(buffer, static_cast<size_t>(got));
    }
  }

 private:
  static absl::Status Broken(const char* what) {
    return absl::UnavailableError(absl::ErrnoToStatus(errno, what).message());
  }

  absl::Status OpenOne(const addrinfo& at) {
    if (fd_ >= 0) close(fd_);
    fd_ = socket(at.ai_family, at.ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, at.ai_protocol);
    if (fd_ < 0) return Broken("socket");
    if (connect(fd_, at.ai_addr, at.ai_addrlen) == 0) return absl::OkStatus();
    if (errno != EINPROGRESS) return Broken("connect");
    MIRIN_RETURN_IF_ERROR(Wait(POLLOUT));
    socklen_t size = sizeof errno;
    int error = 0;
    getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
    errno = error;
    return error == 0 ? absl::OkStatus() : Broken("connect");
  }

  absl::Status Wait(short what) {
    while (true) {
      const int64_t left = absl::ToInt64Milliseconds(deadline_ - absl::Now());
      pollfd poll_fd = {fd_, what, 0};
      const int ready =
          left <= 0 ? 0 : poll(&poll_fd, 1, static_cast<int>(std::min<int64_t>(left, 60000)));
      if (ready > 0) return absl::OkStatus();
      if (ready < 0 && errno != EINTR) return Broken("poll");
      if (left <= 0) return absl::DeadlineExceededError("the collector does not answer");
    }
  }

  const absl::Time deadline_;
  int fd_ = -1;
};

}  // namespace

std::string OtlpJson(const std::string& service, const std::vector<FinishedTrace>& traces) {
  std::string out = absl::StrCat("{\"resourceSpans\":[{\"resource\":{\"attributes\":[",
                                 Text("service.name", service),
                                 "]},\"scopeSpans\":[{\"scope\":{\"name\":\"mirin.serving\"},"
                                 "\"spans\":[");
  bool first = true;
  for (const FinishedTrace& trace : traces) {
    if (!first) out += ',';
    first = false;
    AppendSpans(trace, &out);
  }
  return out + "]}]}]}";
}

std::string TritonJson(const FinishedTrace& trace) {
  std::vector<std::pair<std::string, absl::Time>> stamps = {{"REQUEST_START", trace.start}};
  for (const FinishedTrace::Part& part : trace.parts) {
    if (part.name == "queue") stamps.emplace_back("QUEUE_START", part.start);
    if (part.name == "compute") {
      stamps.emplace_back("COMPUTE_START", part.start);
      stamps.emplace_back("COMPUTE_END", part.end);
    }
  }
  stamps.insert(stamps.end(), trace.events.begin(), trace.events.end());
  stamps.emplace_back("REQUEST_END", trace.end);
  std::stable_sort(stamps.begin(), stamps.end(),
                   [](const auto& a, const auto& b) { return a.second < b.second; });
  std::string out = absl::StrCat(
      "{\"id\":", trace.number, ",\"model_name\":", JsonString(trace.servable),
      ",\"model_version\":", trace.version, ",\"request_id\":", JsonString(trace.request_id),
      "},{\"id\":", trace.number, ",\"timestamps\":[");
  for (size_t i = 0; i < stamps.size(); ++i) {
    absl::StrAppend(&out, i == 0 ? "" : ",", "{\"name\":", JsonString(stamps[i].first),
                    ",\"ns\":", Nanos(stamps[i].second), "}");
  }
  return out + "]}";
}

absl::StatusOr<CollectorAddress> ParseCollector(absl::string_view endpoint) {
  const auto wrong = [&](absl::string_view why) {
    return absl::InvalidArgumentError(
        absl::StrCat("the trace endpoint '", endpoint, "' ", why, "; expected http://HOST:PORT"));
  };
  absl::string_view rest = endpoint;
  if (absl::StartsWith(rest, "https://")) return wrong("asks for TLS, which is not supported");
  absl::ConsumePrefix(&rest, "http://");
  CollectorAddress address;
  const size_t slash = rest.find('/');
  address.path = slash == absl::string_view::npos || slash + 1 == rest.size()
                     ? "/v1/traces"
                     : std::string(rest.substr(slash));
  rest = rest.substr(0, slash);
  const size_t colon = rest.rfind(':');
  uint32_t port = 0;
  if (colon == absl::string_view::npos || !absl::SimpleAtoi(rest.substr(colon + 1), &port) ||
      port == 0 || port > 65535) {
    return wrong("has no port");
  }
  address.port = absl::StrCat(port);
  rest = rest.substr(0, colon);
  if (absl::ConsumePrefix(&rest, "[") && !absl::ConsumeSuffix(&rest, "]")) {
    return wrong("has no ']'");
  }
  if (rest.empty()) return wrong("has no host");
  for (const char c : absl::StrCat(rest, address.path)) {
    if (c <= ' ' || c > '~') return wrong("holds a character that is none of an address");
  }
  address.host = std::string(rest);
  return address;
}

absl::Status PostJson(const CollectorAddress& address, absl::string_view body,
                      absl::Duration timeout) {
  Connection connection(timeout);
  MIRIN_RETURN_IF_ERROR(connection.Open(address));
  const bool v6 = absl::StrContains(address.host, ':');
  MIRIN_RETURN_IF_ERROR(connection.Send(absl::StrCat(
      "POST ", address.path, " HTTP/1.1\r\nHost: ", v6 ? "[" : "", address.host, v6 ? "]" : "", ":",
      address.port, "\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: ",
      body.size(), "\r\n\r\n")));
  MIRIN_RETURN_IF_ERROR(connection.Send(body));
  std::string head;
  while (!absl::StrContains(head, "\r\n") && head.size() < 4096) {
    MIRIN_ASSIGN_OR_RETURN(const std::string part, connection.Receive());
    if (part.empty()) break;
    head += part;
  }
  const absl::string_view line = absl::string_view(head).substr(0, head.find("\r\n"));
  if (absl::StartsWith(line, "HTTP/1.") && line.size() >= 12 && line.substr(8, 2) == " 2") {
    return absl::OkStatus();
  }
  return absl::UnavailableError(absl::StrCat("the collector answered '", line, "'"));
}

}  // namespace mirin::serving
