#include "core/serving/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"

namespace mirin::serving {
namespace {

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Bio = std::unique_ptr<BIO, Free>;
using Certificate = std::unique_ptr<X509, Free>;
using Key = std::unique_ptr<EVP_PKEY, Free>;

Bio Open(const std::string& pem) {
  return Bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

// Without it OpenSSL asks the terminal for the password of an encrypted key.
int NoPassword(char*, int, int, void*) { return 0; }

absl::Status Wrong(absl::string_view what) {
  ERR_clear_error();
  return absl::InvalidArgumentError(absl::StrCat("TLS: ", what));
}

}  // namespace

absl::Status CheckTls(const TlsOptions& tls) {
  const Bio certificate_bio = Open(tls.certificate);
  const Certificate certificate(
      PEM_read_bio_X509(certificate_bio.get(), nullptr, NoPassword, nullptr));
  if (certificate == nullptr) return Wrong("the certificate is not a certificate in PEM form");
  const Bio key_bio = Open(tls.private_key);
  const Key key(PEM_read_bio_PrivateKey(key_bio.get(), nullptr, NoPassword, nullptr));
  if (key == nullptr) return Wrong("the private key is not a key in PEM form without a password");
  if (X509_check_private_key(certificate.get(), key.get()) != 1) {
    return Wrong("the private key is not that of the certificate");
  }
  if (!tls.verify_client) return absl::OkStatus();
  const Bio ca_bio = Open(tls.client_ca);
  if (Certificate(PEM_read_bio_X509(ca_bio.get(), nullptr, NoPassword, nullptr)) == nullptr) {
    return Wrong("the clients' authority is not a certificate in PEM form");
  }
  return absl::OkStatus();
}

}  // namespace mirin::serving
