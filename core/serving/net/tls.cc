#include "core/serving/net/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "core/serving/pem.h"
#include "core/serving/tls.h"

namespace mirin::serving {
namespace {

constexpr size_t kMaxPieces = 16;

// Calls add(certificate) for each; false when there is none or one is damaged.
template <typename Add>
bool ReadCertificates(const std::string& pem, Add&& add) {
  const PemText text = OpenPem(pem);
  int count = 0;
  for (;;) {
    const Certificate certificate = ReadCertificate(text.get());
    if (certificate == nullptr) break;
    if (!add(certificate.get(), count++)) return false;
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  return count > 0 && at_end;
}

int SelectProtocol(SSL*, const unsigned char** out, unsigned char* out_size,
                   const unsigned char* in, unsigned in_size, void* protocol) {
  const absl::string_view ours(static_cast<const char*>(protocol));
  for (unsigned at = 0; at < in_size && in[at] < in_size - at; at += 1u + in[at]) {
    if (absl::string_view(reinterpret_cast<const char*>(in + at + 1), in[at]) != ours) continue;
    *out = in + at + 1;
    *out_size = in[at];
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

}  // namespace

absl::StatusOr<SslContext> MakeSslContext(const TlsOptions& options, const char* protocol) {
  MIRIN_RETURN_IF_ERROR(CheckTls(options));
  SslContext context(SSL_CTX_new(TLS_server_method()));
  if (context == nullptr) return absl::ResourceExhaustedError("TLS: no memory");
  SSL_CTX* c = context.get();
  SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION);
  SSL_CTX_set_options(
      c, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                          SSL_MODE_RELEASE_BUFFERS);
  if (SSL_CTX_set_cipher_list(c, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1) return TlsError("no cipher");
  SSL_CTX_set_alpn_select_cb(c, SelectProtocol, const_cast<char*>(protocol));
  SSL_CTX_set_session_id_context(c, reinterpret_cast<const unsigned char*>("mirin"), 5);

  const bool chain = ReadCertificates(options.certificate, [&](X509* certificate, int i) {
    return (i == 0 ? SSL_CTX_use_certificate(c, certificate)
                   : SSL_CTX_add1_chain_cert(c, certificate)) == 1;
  });
  if (!chain) return TlsError("the certificate is not a chain of certificates in PEM form");
  const PrivateKey key = ReadPrivateKey(options.private_key);
  if (key == nullptr || SSL_CTX_use_PrivateKey(c, key.get()) != 1) {
    return TlsError("the private key cannot be used");
  }
  if (options.verify_client) {
    const bool authorities = ReadCertificates(options.client_ca, [&](X509* certificate, int) {
      return X509_STORE_add_cert(SSL_CTX_get_cert_store(c), certificate) == 1 &&
             SSL_CTX_add_client_CA(c, certificate) == 1;
    });
    if (!authorities) return TlsError("the clients' authority is not certificates in PEM form");
    SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  return context;
}

SocketStream::SocketStream(int descriptor, SSL_CTX* context) : descriptor_(descriptor) {
  if (context == nullptr) return;
  ssl_.reset(SSL_new(context));
  if (ssl_ == nullptr || SSL_set_fd(ssl_.get(), descriptor) != 1) throw std::bad_alloc();
  SSL_set_accept_state(ssl_.get());
}

absl::string_view SocketStream::protocol() const {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  if (ssl_ != nullptr) SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  return absl::string_view(reinterpret_cast<const char*>(name), size);
}

SocketStream::Result SocketStream::SslError(int code) const {
  switch (SSL_get_error(ssl_.get(), code)) {
    case SSL_ERROR_WANT_READ:
      return kWantRead;
    case SSL_ERROR_WANT_WRITE:
      return kWantWrite;
    case SSL_ERROR_ZERO_RETURN:
      return kEnd;
    default:
      return kFailed;
  }
}

int64_t SocketStream::Read(void* out, size_t size) {
  if (ssl_ != nullptr) {
    ERR_clear_error();
    size_t read;
    const int code = SSL_read_ex(ssl_.get(), out, size, &read);
    return code == 1 ? static_cast<int64_t>(read) : SslError(code);
  }
  for (;;) {
    const ssize_t n = ::recv(descriptor_, out, size, 0);
    if (n >= 0) return n;
    if (errno == EINTR) continue;
    return errno == EAGAIN || errno == EWOULDBLOCK ? kWantRead : kFailed;
  }
}

int64_t SocketStream::Write(absl::string_view* parts, size_t count) {
  while (count > 0 && parts->empty()) ++parts, --count;
  if (count == 0) return 0;
  if (ssl_ != nullptr) {
    ERR_clear_error();
    size_t written;
    const int code = SSL_write_ex(ssl_.get(), parts->data(), parts->size(), &written);
    if (code != 1) return SslError(code) == kEnd ? kFailed : SslError(code);
    parts->remove_prefix(written);
    return static_cast<int64_t>(written);
  }
  iovec pieces[kMaxPieces];
  const size_t n = std::min(count, kMaxPieces);
  for (size_t i = 0; i < n; ++i) pieces[i] = {const_cast<char*>(parts[i].data()), parts[i].size()};
  msghdr message = {};
  message.msg_iov = pieces;
  message.msg_iovlen = n;
  ssize_t sent;
  do {
    sent = ::sendmsg(descriptor_, &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? kWantWrite : kFailed;
  size_t rest = static_cast<size_t>(sent);
  for (size_t i = 0; i < n && rest > 0; ++i) {
    const size_t taken = std::min(rest, parts[i].size());
    parts[i].remove_prefix(taken);
    rest -= taken;
  }
  return sent;
}

void SocketStream::ShutdownWrite() {
  if (ssl_ != nullptr && SSL_is_init_finished(ssl_.get())) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
  }
  ::shutdown(descriptor_, SHUT_WR);
}

}  // namespace mirin::serving
