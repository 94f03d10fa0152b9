#include "core/serving/net/connection.h"

#include <netdb.h>
#include <sys/socket.h>

#include <utility>

#include "absl/strings/str_cat.h"

namespace mirin::serving {

bool FaceState::AddConnection() {
  {
    absl::MutexLock lock(&mutex);
    if (connections < options.max_connections) {
      ++connections;
      if (metrics != nullptr) metrics->Connections(name, 1);
      return true;
    }
  }
  Refused("too many connections");
  return false;
}

void FaceState::RemoveConnection() {
  if (metrics != nullptr) metrics->Connections(name, -1);
  absl::MutexLock lock(&mutex);
  --connections;
}

Connection::Connection(std::shared_ptr<Loop> loop, FaceState* state, Socket socket)
    : loop_(std::move(loop)),
      state_(state),
      socket_(std::move(socket)),
      stream_(socket_.native_handle(), state->tls.get()) {}

void Connection::Begin() {
  boost::system::error_code error;
  socket_.native_non_blocking(true, error);
  loop_->Add(this);
}

void Connection::End() {
  deadline_ = kForever;
  boost::system::error_code error;
  socket_.close(error);
  loop_->Remove(this);
  state_->RemoveConnection();
}

Loop::Clock::time_point Connection::After(Loop::Clock::time_point begin, absl::Duration timeout) {
  constexpr absl::Duration kLongest = absl::Hours(24 * 365);  // more may not fit into the clock
  return timeout > kLongest ? kForever : begin + absl::ToChronoNanoseconds(timeout);
}

std::string Connection::PeerName() const {
  sockaddr_storage name = {};
  socklen_t size = sizeof name;
  char host[NI_MAXHOST], port[NI_MAXSERV];
  auto* const address = reinterpret_cast<sockaddr*>(&name);
  if (::getpeername(stream_.descriptor(), address, &size) != 0 || name.ss_family == AF_UNIX ||
      ::getnameinfo(address, size, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return "unix";
  }
  return absl::StrCat(name.ss_family == AF_INET6 ? absl::StrCat("[", host, "]") : host, ":", port);
}

}  // namespace mirin::serving
