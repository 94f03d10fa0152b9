#include "core/serving/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include "absl/strings/str_cat.h"
#include "core/serving/pem.h"

namespace mirin::serving {
namespace {

// Without it OpenSSL asks the terminal for the password of an encrypted key.
int NoPassword(char*, int, int, void*) { return 0; }

}  // namespace

PemText OpenPem(const std::string& pem) {
  return PemText(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

Certificate ReadCertificate(BIO* pem) {
  return Certificate(PEM_read_bio_X509(pem, nullptr, NoPassword, nullptr));
}

PrivateKey ReadPrivateKey(const std::string& pem) {
  return PrivateKey(PEM_read_bio_PrivateKey(OpenPem(pem).get(), nullptr, NoPassword, nullptr));
}

absl::Status TlsError(absl::string_view what) {
  ERR_clear_error();
  return absl::InvalidArgumentError(absl::StrCat("TLS: ", what));
}

absl::Status CheckTls(const TlsOptions& tls) {
  const Certificate certificate = ReadCertificate(OpenPem(tls.certificate).get());
  if (certificate == nullptr) return TlsError("the certificate is not a certificate in PEM form");
  const PrivateKey key = ReadPrivateKey(tls.private_key);
  if (key == nullptr)
    return TlsError("the private key is not a key in PEM form without a password");
  if (X509_check_private_key(certificate.get(), key.get()) != 1) {
    return TlsError("the private key is not that of the certificate");
  }
  if (!tls.verify_client) return absl::OkStatus();
  if (ReadCertificate(OpenPem(tls.client_ca).get()) == nullptr) {
    return TlsError("the clients' authority is not a certificate in PEM form");
  }
  return absl::OkStatus();
}

}  // namespace mirin::serving
