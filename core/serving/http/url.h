// The path of a request.
#ifndef CORE_SERVING_HTTP_URL_H_
#define CORE_SERVING_HTTP_URL_H_

#include <string>

#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"

namespace mirin::serving {

struct Url {
  bool valid = false;  // a path whose percent signs are followed by two hex digits
  // Decoded; "/a/b" has two. A trailing '/' adds an empty one.
  absl::InlinedVector<std::string, 8> segments;
};

// target: "/path?query" or "http://host/path?query". The query is ignored.
Url ParseUrl(absl::string_view target);

// What follows MindSpore Serving's /model/: {name}[/version/{n}]:{method}. `error` is its text when it is not that.
struct ModelPath {
  std::string name;
  std::string method;
  uint64_t version = 0;
  std::string error;
};
ModelPath ParseModelPath(absl::string_view target);

}  // namespace mirin::serving

#endif  // CORE_SERVING_HTTP_URL_H_
