#include "core/serving/net/listener.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "core/base/descriptor.h"
#include "core/base/status.h"

namespace mirin::serving {
namespace {

using Error = boost::system::error_code;

constexpr int kBacklog = 1024;
constexpr int kMaxThreads = 4;
constexpr auto kAcceptPause = std::chrono::milliseconds(100);  // when there are no descriptors left

constexpr int kSocketType = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;

Descriptor ListenUnix(const std::string& path) {
  sockaddr_un name = {};
  name.sun_family = AF_UNIX;
  if (path.size() >= sizeof name.sun_path) return Descriptor();
  std::memcpy(name.sun_path, path.data(), path.size());
  Descriptor fd(::socket(AF_UNIX, kSocketType, 0));
  // Nobody can connect before `listen`.
  if (fd.get() < 0 || ::bind(fd.get(), reinterpret_cast<sockaddr*>(&name), sizeof name) != 0)
    return Descriptor();
  if (::chmod(path.c_str(), 0600) != 0 || ::listen(fd.get(), kBacklog) != 0) {
    ::unlink(path.c_str());
    return Descriptor();
  }
  return fd;
}

// Of a name's addresses the first that can be bound, those of IPv4 first.
Descriptor ListenTcp(const Address& address) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  if (::getaddrinfo(address.host.c_str(), absl::StrCat(address.port).c_str(), &hints, &found) != 0)
    return Descriptor();
  const auto free = absl::MakeCleanup([&] { ::freeaddrinfo(found); });
  for (int family : {AF_INET, AF_INET6}) {
    for (const addrinfo* info = found; info != nullptr; info = info->ai_next) {
      if (info->ai_family != family) continue;
      Descriptor fd(::socket(family, kSocketType, 0));
      const int on = 1;
      if (fd.get() < 0) continue;
      ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
      if (::bind(fd.get(), info->ai_addr, info->ai_addrlen) == 0 &&
          ::listen(fd.get(), kBacklog) == 0)
        return fd;
    }
  }
  return Descriptor();
}

int BoundPort(int fd) {
  sockaddr_storage name = {};
  socklen_t size = sizeof name;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size) != 0) return 0;
  if (name.ss_family == AF_INET) return ntohs(reinterpret_cast<sockaddr_in*>(&name)->sin_port);
  if (name.ss_family == AF_INET6) return ntohs(reinterpret_cast<sockaddr_in6*>(&name)->sin6_port);
  return 0;
}

}  // namespace

Listener::Listener(FaceState* state, Make make) : state_(state), make_(std::move(make)) {}

absl::Status Listener::Start(const Address& address) {
  Descriptor fd;
  if (address.is_unix) {
    MIRIN_RETURN_IF_ERROR(RemoveStaleSocket(address.path));
    fd = ListenUnix(address.path);
  } else {
    fd = ListenTcp(address);
  }
  if (fd.get() < 0) return absl::UnavailableError("");
  if (address.is_unix) MIRIN_RETURN_IF_ERROR(socket_file_.Own(address.path));
  port_ = BoundPort(fd.get());
  int threads = state_->options.threads;
  if (threads <= 0)
    threads = std::min<int>(kMaxThreads, std::max(1u, std::thread::hardware_concurrency()));
  for (int i = 0; i < threads; ++i) loops_.push_back(std::make_shared<Loop>(state_->options));
  acceptor_ = std::make_unique<Acceptor>(loops_[0]->context());
  pause_ = std::make_unique<boost::asio::steady_timer>(loops_[0]->context());
  Error error;
  const int family = address.is_unix ? AF_UNIX : AF_INET;
  acceptor_->assign(boost::asio::generic::stream_protocol(family, 0), fd.get(), error);
  if (error) return absl::UnavailableError(error.message());
  fd.Take();
  loops_[0]->Post([this] { Accept(); });
  return absl::OkStatus();
}

void Listener::Stop(absl::Time deadline) {
  absl::MutexLock stop_lock(&stop_mutex_);
  if (loops_.empty()) return;
  state_->draining = true;
  loops_[0]->Post([this] {
    Error error;
    acceptor_->close(error);
    pause_->cancel();
  });
  for (const auto& loop : loops_) loop->Post([&loop = *loop] { loop.DrainAll(); });
  {
    absl::MutexLock lock(&state_->mutex);
    const auto none = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(state_->mutex) {
      return state_->connections == 0;
    };
    state_->mutex.AwaitWithDeadline(absl::Condition(&none), deadline);
  }
  for (const auto& loop : loops_) {
    loop->Post([&loop = *loop] {
      loop.CloseAll();
      loop.Release();
    });
  }
  for (const auto& loop : loops_) loop->Join();
  socket_file_.Remove();
  acceptor_.reset();
  pause_.reset();
  loops_.clear();
}

void Listener::Accept() {
  acceptor_->async_wait(Acceptor::wait_read, [this](const Error& error) {
    if (error || !acceptor_->is_open()) return;
    for (;;) {
      const int fd =
          ::accept4(acceptor_->native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd >= 0) {
        Take(fd);
        continue;
      }
      if (errno == EAGAIN || errno == EWOULDBLOCK) return Accept();
      if (errno == EINTR || errno == ECONNABORTED || errno == EPROTO) continue;
      break;
    }
    pause_->expires_after(kAcceptPause);
    pause_->async_wait([this](const Error& cancelled) {
      if (!cancelled && acceptor_->is_open()) Accept();
    });
  });
}

void Listener::Take(int fd) {
  if (!state_->AddConnection()) {
    ::close(fd);
    return;
  }
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on,
               sizeof on);  // fails for Unix sockets, which do not wait
  const std::shared_ptr<Loop>& loop = loops_[next_++ % loops_.size()];
  loop->Post([this, loop, fd] {
    Connection::Socket socket(loop->context());
    Error error;
    socket.assign(boost::asio::generic::stream_protocol(AF_INET, 0), fd, error);
    if (error) {
      ::close(fd);
      state_->RemoveConnection();
      return;
    }
    const auto connection = make_(loop, std::move(socket));
    connection->Start();
    if (state_->draining) connection->Close();
  });
}

}  // namespace mirin::serving
