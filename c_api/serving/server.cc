#include "mirin/server.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "c_api/src/guard.h"
#include "core/serving/server.h"

struct mirin_server {
  mirin::serving::Server server;
};

namespace {

using mirin::serving::ServableOptions;
using mirin::serving::TransportOptions;

// Callers of an older interface know fewer fields.
template <typename T>
absl::Status Known(const T& options, const char* name) {
  if (options.struct_size == sizeof(T)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(name, ".struct_size is ", options.struct_size, ": start from the _INIT macro"));
}

absl::StatusOr<ServableOptions> FromC(const mirin_servable_options& c) {
  const absl::Status known = Known(c, "mirin_servable_options");
  if (!known.ok()) return known;
  if (c.directory == nullptr) return mirin::c_api::NullArgument("directory");
  if (c.name == nullptr) return mirin::c_api::NullArgument("name");
  if (c.device_ids == nullptr && c.num_device_ids > 0)
    return mirin::c_api::NullArgument("device_ids");
  if (c.key == nullptr && c.key_size > 0) return mirin::c_api::NullArgument("key");
  if (c.key != nullptr && c.key_size != 16 && c.key_size != 24 && c.key_size != 32) {
    return absl::InvalidArgumentError(
        absl::StrCat("key_size is ", c.key_size, ", not 16, 24 or 32"));
  }
  ServableOptions options;
  options.directory = c.directory;
  options.name = c.name;
  options.version = c.version;
  if (c.num_device_ids > 0)
    options.device_ids.assign(c.device_ids, c.device_ids + c.num_device_ids);
  options.device_type = c.device_type == nullptr ? "" : absl::AsciiStrToLower(c.device_type);
  if (options.device_type == "none") options.device_type.clear();
  if (c.workers < 0) return absl::InvalidArgumentError("workers is negative");
  options.workers = c.workers;
  if (c.key != nullptr)
    options.key = mirin::Secret(std::string(static_cast<const char*>(c.key), c.key_size));
  options.cipher = c.cipher;
  return options;
}

absl::StatusOr<TransportOptions> FromC(const mirin_listen_options& c) {
  const absl::Status known = Known(c, "mirin_listen_options");
  if (!known.ok()) return known;
  if (c.address == nullptr) return mirin::c_api::NullArgument("address");
  TransportOptions options;
  options.address = c.address;
  if (c.max_message_bytes == 0) return absl::InvalidArgumentError("max_message_bytes is 0");
  options.max_message_bytes = c.max_message_bytes;
  if (c.certificate == nullptr && c.private_key == nullptr && c.client_ca == nullptr)
    return options;
  if (c.certificate == nullptr || c.private_key == nullptr) {
    return absl::InvalidArgumentError("TLS needs a certificate and a private_key");
  }
  options.tls = std::make_unique<mirin::serving::TlsOptions>();
  options.tls->certificate = c.certificate;
  options.tls->private_key = c.private_key;
  options.tls->verify_client = c.client_ca != nullptr;
  if (c.client_ca != nullptr) options.tls->client_ca = c.client_ca;
  return options;
}

mirin_status* Listen(mirin_server* server, bool grpc, const mirin_listen_options* options,
                     int32_t* out_port) {
  MIRIN_C_BEGIN
  MIRIN_C_REQUIRE(server);
  MIRIN_C_REQUIRE(options);
  auto transport = FromC(*options);
  MIRIN_C_RETURN_IF_ERROR(transport.status());
  const absl::StatusOr<int> port = server->server.Listen(grpc, *std::move(transport));
  MIRIN_C_RETURN_IF_ERROR(port.status());
  if (out_port != nullptr) *out_port = *port;
  return nullptr;
  MIRIN_C_END
}

// Lends a text to the calling thread; NULL when there is no memory for it.
template <typename F>
const char* Lend(mirin_server* server, std::string& place, F&& text) {
  if (server == nullptr) return nullptr;
  try {
    place = text(server->server);
    return place.c_str();
  } catch (...) {
    return nullptr;
  }
}

}  // namespace

mirin_status* mirin_server_create(mirin_server** out_server) {
  MIRIN_C_BEGIN
  MIRIN_C_REQUIRE(out_server);
  *out_server = new mirin_server();
  return nullptr;
  MIRIN_C_END
}

mirin_status* mirin_server_set(mirin_server* server, const char* name, const char* value) {
  MIRIN_C_BEGIN
  MIRIN_C_REQUIRE(server);
  MIRIN_C_REQUIRE(name);
  MIRIN_C_REQUIRE(value);
  return mirin::c_api::ToC(server->server.Set(name, value));
  MIRIN_C_END
}

mirin_status* mirin_server_add(mirin_server* server, const mirin_servable_options* servables,
                               size_t num_servables) {
  MIRIN_C_BEGIN
  MIRIN_C_REQUIRE(server);
  if (num_servables > 0) MIRIN_C_REQUIRE(servables);
  std::vector<ServableOptions> options;
  for (size_t i = 0; i < num_servables; ++i) {
    auto one = FromC(servables[i]);
    MIRIN_C_RETURN_IF_ERROR(one.status());
    options.push_back(*std::move(one));
  }
  return mirin::c_api::ToC(server->server.Add(std::move(options)));
  MIRIN_C_END
}

mirin_status* mirin_server_remove(mirin_server* server, const char* name, uint64_t version) {
  MIRIN_C_BEGIN
  MIRIN_C_REQUIRE(server);
  MIRIN_C_REQUIRE(name);
  return mirin::c_api::ToC(server->server.Remove(name, version));
  MIRIN_C_END
}

mirin_status* mirin_server_listen_grpc(mirin_server* server, const mirin_listen_options* options,
                                       int32_t* out_port) {
  return Listen(server, true, options, out_port);
}

mirin_status* mirin_server_listen_http(mirin_server* server, const mirin_listen_options* options,
                                       int32_t* out_port) {
  return Listen(server, false, options, out_port);
}

void mirin_server_wait(mirin_server* server) {
  if (server != nullptr) server->server.Wait();
}

void mirin_server_stop(mirin_server* server, int64_t drain_us) {
  if (server != nullptr) server->server.Stop(absl::Microseconds(drain_us < 0 ? 0 : drain_us));
}

void mirin_server_destroy(mirin_server* server) { delete server; }

const char* mirin_server_status(mirin_server* server) {
  thread_local std::string text;
  return Lend(server, text, [](mirin::serving::Server& s) { return s.StatusJson(); });
}

const char* mirin_server_metrics(mirin_server* server) {
  thread_local std::string text;
  return Lend(server, text, [](mirin::serving::Server& s) { return s.MetricsText(); });
}
