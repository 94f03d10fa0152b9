// Which part of the face answers a request.
#ifndef CORE_SERVING_HTTP_ROUTER_H_
#define CORE_SERVING_HTTP_ROUTER_H_

#include <atomic>
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
  std::string MakeId();

  ControlThread control_;
  Api api_;
  const Pages pages_;
  const uint64_t id_seed_;
  std::atomic<uint64_t> next_id_{0};
};

}  // namespace mirin::serving

#endif  // CORE_SERVING_HTTP_ROUTER_H_
