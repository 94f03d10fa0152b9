// The content codings gzip and deflate.
#ifndef CORE_SERVING_NET_COMPRESS_H_
#define CORE_SERVING_NET_COMPRESS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mirin::serving {

// coding: a Content-Encoding. Unimplemented for one that is not known, ResourceExhausted when more than `limit` bytes come out,
// InvalidArgument when the bytes are damaged.
absl::StatusOr<std::string> Inflate(absl::string_view coding, absl::string_view bytes,
                                    uint64_t limit);

// The coding that an Accept-Encoding asks for: "gzip", "deflate" or "".
absl::string_view ChooseCoding(absl::string_view accept);

// All of `parts`, one after the other.
std::string Deflate(absl::string_view coding, const std::vector<absl::string_view>& parts);

}  // namespace mirin::serving

#endif  // CORE_SERVING_NET_COMPRESS_H_
