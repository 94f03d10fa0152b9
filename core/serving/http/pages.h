// What people and monitors read: metrics, health, the status page, the list of operations.
#ifndef CORE_SERVING_HTTP_PAGES_H_
#define CORE_SERVING_HTTP_PAGES_H_

#include <string>

#include "absl/strings/string_view.h"
#include "core/serving/http/api.h"

namespace mirin::serving {

class Pages;
using Page = void (Pages::*)(const Api& api, HttpResponse* response) const;

class Pages {
 public:
  Pages();
  // The page at /{name}; null when there is none.
  Page Find(absl::string_view name) const;

 private:
  void Status(const Api& api, HttpResponse* response) const;  // HTML
  void StatusData(const Api& api, HttpResponse* response) const;
  void Metrics(const Api& api, HttpResponse* response) const;
  void Health(const Api& api, HttpResponse* response) const;
  void OpenApi(const Api& api, HttpResponse* response) const;
  void Docs(const Api& api, HttpResponse* response) const;
  void SetHtml(std::string html, HttpResponse* response) const;

  std::string
      policy_;  // Content-Security-Policy: this script and these styles, nothing from elsewhere
};

}  // namespace mirin::serving

#endif  // CORE_SERVING_HTTP_PAGES_H_
