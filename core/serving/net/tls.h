// TLS 1.2 and 1.3 by OpenSSL, for sockets that do not block.
#ifndef CORE_SERVING_NET_TLS_H_
#define CORE_SERVING_NET_TLS_H_

#include <openssl/ssl.h>

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/serving/transport.h"

namespace mirin::serving {

struct SslDeleter {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
using SslContext = std::unique_ptr<SSL_CTX, SslDeleter>;

// Knows no authority but the given one, and of ALPN's protocols only `protocol`: "http/1.1", "h2". InvalidArgument says which text is
// wrong.
absl::StatusOr<SslContext> MakeSslContext(const TlsOptions& options, const char* protocol);

// A socket, plain or TLS. The descriptor is borrowed; for TLS the thread must not take SIGPIPE.
class SocketStream {
 public:
  // What an operation that could not go on waits for.
  enum Result : int64_t { kEnd = 0, kWantRead = -1, kWantWrite = -2, kFailed = -3 };

  SocketStream(int descriptor, SSL_CTX* context);  // context null: plain

  int descriptor() const { return descriptor_; }
  bool tls() const { return ssl_ != nullptr; }
  // The handshake is done (a part of reading).
  bool ready() const { return ssl_ == nullptr || SSL_is_init_finished(ssl_.get()); }
  // ALPN's choice; "" when there was none, or no handshake yet.
  absl::string_view protocol() const;
  // Bytes that were decrypted but not read: the socket says nothing of them.
  bool HasPending() const { return ssl_ != nullptr && SSL_pending(ssl_.get()) > 0; }

  // Bytes, or a Result.
  int64_t Read(void* out, size_t size);
  // Writes from the front of `parts`, whose first ones it shortens. Bytes, or a Result.
  int64_t Write(absl::string_view* parts, size_t count);
  // No more is written. The other side may still write.
  void ShutdownWrite();

 private:
  Result SslError(int code) const;

  int descriptor_;
  std::unique_ptr<SSL, SslDeleter> ssl_;
};

}  // namespace mirin::serving

#endif  // CORE_SERVING_NET_TLS_H_
