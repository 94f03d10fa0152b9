// The operations of the HTTP face, for programs and people.
#ifndef CORE_SERVING_HTTP_OPENAPI_H_
#define CORE_SERVING_HTTP_OPENAPI_H_

#include <string>

namespace mirin::serving {

std::string OpenApiJson();  // OpenAPI 3.0
std::string DocsBody();     // HTML

}  // namespace mirin::serving

#endif  // CORE_SERVING_HTTP_OPENAPI_H_
