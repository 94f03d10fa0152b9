// OpenSSL's objects out of PEM texts.
#ifndef CORE_SERVING_PEM_H_
#define CORE_SERVING_PEM_H_

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace mirin::serving {

struct FreePem {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using PemText = std::unique_ptr<BIO, FreePem>;
using Certificate = std::unique_ptr<X509, FreePem>;
using PrivateKey = std::unique_ptr<EVP_PKEY, FreePem>;

// Borrows the text.
PemText OpenPem(const std::string& pem);
// The next one of a text; null when there is none or it is damaged.
Certificate ReadCertificate(BIO* pem);
// Null when there is none, or an encrypted one.
PrivateKey ReadPrivateKey(const std::string& pem);
// InvalidArgument, and OpenSSL's queue of errors is empty.
absl::Status TlsError(absl::string_view what);

}  // namespace mirin::serving

#endif  // CORE_SERVING_PEM_H_
