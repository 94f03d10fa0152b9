// Where a face listens: "host:port", "[v6]:port" or "unix:path".
#ifndef CORE_SERVING_ADDRESS_H_
#define CORE_SERVING_ADDRESS_H_

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mirin::serving {

struct Address {
  bool is_unix = false;
  std::string path;  // of a Unix socket
  std::string host;  // an IPv6 address comes without its brackets
  uint16_t port = 0;
};

// tag names the face in the texts: "Serving gRPC" or "RESTful server". InvalidArgument.
absl::StatusOr<Address> ParseAddress(absl::string_view tag, absl::string_view address,
                                     bool allow_port_zero);

// Makes way for binding a Unix socket: removes the socket that a dead server left at `path`. AlreadyExists when a server listens
// there, or when it is not a socket.
absl::Status RemoveStaleSocket(const std::string& path);

// The file of a Unix socket that was bound. It goes with this, unless another server has put its own there.
class SocketFile {
 public:
  SocketFile() = default;
  SocketFile(const SocketFile&) = delete;
  SocketFile& operator=(const SocketFile&) = delete;
  ~SocketFile() { Remove(); }

  absl::Status Own(const std::string& path);
  void Remove();

 private:
  std::string path_;  // "": none
  ino_t inode_ = 0;
};

}  // namespace mirin::serving

#endif  // CORE_SERVING_ADDRESS_H_
