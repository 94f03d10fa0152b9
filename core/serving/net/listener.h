// Listens at an address, and spreads connections over loops.
#ifndef CORE_SERVING_NET_LISTENER_H_
#define CORE_SERVING_NET_LISTENER_H_

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "core/serving/address.h"
#include "core/serving/net/connection.h"
#include "core/serving/net/loop.h"

namespace mirin::serving {

class Listener {
 public:
  using Make =
      std::function<std::shared_ptr<Connection>(std::shared_ptr<Loop>, Connection::Socket)>;

  // `state`, whose options are final, and what `make` uses outlive this.
  Listener(FaceState* state, Make make);
  ~Listener() { Stop(absl::InfinitePast()); }

  // Unavailable, with the reason where there is more to say than that the address cannot be had.
  absl::Status Start(const Address& address);
  // 0 for Unix sockets.
  int port() const { return port_; }
  // As Transport::Stop. Later calls do nothing.
  void Stop(absl::Time deadline);

 private:
  using Acceptor = boost::asio::basic_socket_acceptor<boost::asio::generic::stream_protocol>;

  // On the first loop's thread.
  void Accept();
  void Take(int fd);

  FaceState* const state_;
  const Make make_;
  std::vector<std::shared_ptr<Loop>> loops_;
  std::unique_ptr<Acceptor> acceptor_;
  std::unique_ptr<boost::asio::steady_timer> pause_;
  SocketFile socket_file_;
  int port_ = 0;
  size_t next_ = 0;
  absl::Mutex stop_mutex_;
};

}  // namespace mirin::serving

#endif  // CORE_SERVING_NET_LISTENER_H_
