// Certificates made on the spot, for tests of TLS.
#ifndef CORE_SERVING_TESTING_CERTIFICATES_H_
#define CORE_SERVING_TESTING_CERTIFICATES_H_

#include <string>

namespace mirin::serving {

struct PemPair {
  std::string certificate;
  std::string key;
};

// Of an authority; of a host ("localhost", 127.0.0.1) or client that `authority` signed. Valid for a day around now.
PemPair MakeAuthority(const std::string& name);
PemPair MakeCertificate(const std::string& name, const PemPair& authority);

}  // namespace mirin::serving

#endif  // CORE_SERVING_TESTING_CERTIFICATES_H_
