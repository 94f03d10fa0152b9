// Which part of the face answers a request.
#ifndef CORE_SERVING_HTTP_ROUTER_H_
#define CORE_SERVING_HTTP_ROUTER_H_

#include <memory>

#include "core/serving/http/api.h"
#include "core/serving/http/exchange.h"
#include "core/serving/http/pages.h"

namespace mirin::serving {

class Router : public HttpHandler {
 public:
  Router(const TransportContext& context, const TransportOptions& options);
  void Handle(std::shared_ptr<Exchange> exchange) override;
  void Refuse(const HttpRequest& request, int status, absl::string_view text,
              HttpResponse* response) override;
  // When no request comes any more.
  void Stop() { control_.Stop(); }

 private:
  ControlThread control_;
  Api api_;
  const Pages pages_;
};

}  // namespace mirin::serving

#endif  // CORE_SERVING_HTTP_ROUTER_H_
