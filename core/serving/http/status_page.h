#ifndef CORE_SERVING_HTTP_STATUS_PAGE_H_
#define CORE_SERVING_HTTP_STATUS_PAGE_H_

namespace mirin::serving {

// The one style of all pages, and the status page's script and body.
extern const char kPageStyle[];
extern const char kStatusScript[];
extern const char kStatusBody[];

}  // namespace mirin::serving

#endif  // CORE_SERVING_HTTP_STATUS_PAGE_H_
