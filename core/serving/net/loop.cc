#include "core/serving/net/loop.h"

#include <signal.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <ctime>

#include "core/serving/net/connection.h"

namespace mirin::serving {
namespace {

constexpr size_t kScratch = 64 << 10;

Loop::Clock::duration Period(const TransportOptions& options) {
  const absl::Duration shortest =
      std::min({options.header_timeout, options.body_timeout, options.idle_timeout,
                options.keepalive_time, options.keepalive_timeout});
  return absl::ToChronoNanoseconds(
      std::clamp(shortest / 4, absl::Milliseconds(5), absl::Seconds(1)));
}

}  // namespace

Loop::Loop(const TransportOptions& options)
    : guard_(context_.get_executor()),
      timer_(context_),
      period_(Period(options)),
      scratch_(kScratch) {
  // Signals are the program's business; a broken pipe is an error of one connection.
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  thread_ = std::thread([this] { context_.run(); });
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
}

Loop::~Loop() {
  Release();
  Join();
}

bool Loop::Post(absl::AnyInvocable<void()> work) {
  // Shared, as handlers of Asio 1.74 are copied.
  auto shared = std::make_shared<absl::AnyInvocable<void()>>(std::move(work));
  absl::MutexLock lock(&mutex_);
  if (ended_) return false;
  boost::asio::post(context_, [shared] { (*shared)(); });
  return true;
}

void Loop::Release() { guard_.reset(); }

void Loop::Join() {
  if (thread_.joinable()) thread_.join();
  {
    absl::MutexLock lock(&mutex_);
    ended_ = true;
  }
  // What was posted between the end of the thread and now.
  context_.restart();
  context_.poll();
}

void Loop::Add(Connection* connection) {
  connections_.insert(connection);
  if (!std::exchange(ticking_, true)) Tick();
}

void Loop::Remove(Connection* connection) {
  connections_.erase(connection);
  if (connections_.empty()) timer_.cancel();
}

void Loop::Tick() {
  timer_.expires_after(period_);
  timer_.async_wait([this](const boost::system::error_code&) {
    const Clock::time_point now = Clock::now();
    std::vector<std::shared_ptr<Connection>> late;
    for (Connection* connection : connections_) {
      if (connection->deadline() <= now) late.push_back(connection->shared_from_this());
    }
    for (const auto& connection : late) connection->OnTimeout();
    if (connections_.empty()) {
      ticking_ = false;
    } else {
      Tick();
    }
  });
}

std::vector<std::shared_ptr<Connection>> Loop::All() const {
  std::vector<std::shared_ptr<Connection>> all;
  for (Connection* connection : connections_) all.push_back(connection->shared_from_this());
  return all;
}

void Loop::DrainAll() {
  for (const auto& connection : All()) connection->Drain();
}

void Loop::CloseAll() {
  for (const auto& connection : All()) connection->Close();
}

const std::string& Loop::Date() {
  const time_t now = ::time(nullptr);
  if (now != date_second_) {
    date_second_ = now;
    tm parts;
    ::gmtime_r(&now, &parts);
    char text[64];
    date_.assign(text, ::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts));
  }
  return date_;
}

}  // namespace mirin::serving
