#ifndef CORE_SERVING_TLS_H_
#define CORE_SERVING_TLS_H_

#include "absl/status/status.h"
#include "core/serving/transport.h"

namespace mirin::serving {

// Says what is wrong with the PEM texts, before a TLS library says only that something is: InvalidArgument.
absl::Status CheckTls(const TlsOptions& tls);

}  // namespace mirin::serving

#endif  // CORE_SERVING_TLS_H_
