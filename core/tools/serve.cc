#include "core/tools/serve.h"

#include <signal.h>

#include <climits>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "core/base/file.h"
#include "core/base/status.h"
#include "core/tools/flags.h"
#include "core/tools/handles.h"
#include "core/tools/secret_file.h"
#include "core/tools/servables.h"
#include "core/tools/serve_signals.h"
#include "mirin/server.h"

namespace mirin::tools {
namespace {

enum { kStopped = 0, kFailed = 1, kUsage = 2 };

constexpr Flag kFlags[] = {
    {"name", "NAME,..", "",
     "the servables of DIR to serve; when left out, DIR is a servable itself"},
    {"all", "true|false", "false", "serves all servables of DIR"},
    {"version", "N", "0", "of a single servable; 0: the newest"},
    {"grpc", "ADDRESS,..", "127.0.0.1:8001",
     "where gRPC is answered: HOST:PORT, [V6]:PORT or unix:PATH; port 0 takes a free one"},
    {"http", "ADDRESS,..", "127.0.0.1:8000",
     "where HTTP is answered. With only one of the two given, there is only that one"},
    {"model-control", "none|explicit|poll", "none",
     "explicit: clients may load and unload; poll: changes on disk are taken up"},
    {"workers", "N", "0", "Python processes of each servable; 0: one for each device"},
    {"device-ids", "N,..", "", "a replica on each"},
    {"device-type", "CPU|GPU|Ascend", "", "whatever there is when left out"},
    {"key-file", "FILE", "", "decryption key of the models, 16, 24 or 32 bytes; mode 0600"},
    {"cipher", "AES-GCM|AES-CBC|SM4-CBC", "", "of the models; by their files when left out"},
    {"tls-cert", "FILE", "", "PEM chain of the server: both faces speak TLS"},
    {"tls-key", "FILE", "", "its private key; mode 0600"},
    {"tls-client-ca", "FILE", "", "clients need a certificate of this authority"},
    {"max-message-mb", "N", "100", "the largest message, in MiB"},
    {"drain-seconds", "SECONDS", "30", "for requests in progress after SIGTERM or SIGINT"},
    {"max-queue", "N", "", "requests in progress at once; more are refused"},
    {"python", "PROGRAM", "", "runs stages in Python (python3)"},
    {"log-level", "off|error|warning|info|debug", "", "of the server's log (info)"},
    {"log-format", "text|json", "", "of its lines (text)"},
    {"log-file", "FILE", "", "stderr when left out"},
    {"access-log", "true|false", "", "a line for each request"},
    {"trace-endpoint", "URL", "", "exports spans to this OTLP/HTTP collector: http://HOST:PORT"},
    {"trace-rate", "0..1", "", "of requests without a traceparent that are exported (0)"},
    {"trace-file", "FILE", "", "Triton's trace file"},
    {"set", "NAME=VALUE,..", "", "further options of the server"},
    {"help", "true|false", "false", "this text"},
};

// Flags that are options of the server under a name of its own.
constexpr struct {
  const char* flag;
  const char* option;
} kOptions[] = {
    {"model-control", "model_control"},
    {"max-queue", "max_queue"},
    {"python", "python"},
    {"log-level", "log_level"},
    {"log-format", "log_format"},
    {"log-file", "log_file"},
    {"access-log", "access_log"},
    {"trace-endpoint", "trace_endpoint"},
    {"trace-rate", "trace_rate"},
    {"trace-file", "trace_file"},
};

std::string Usage() {
  return absl::StrCat(
      "usage: mirin serve DIR [flags]\n"
      "Serves the servables of a directory until SIGTERM or SIGINT; the second one ends it at "
      "once.\n"
      "Exit status: 0 stopped after a drain, 1 it could not start, 2 wrong usage, 128 + N ended at "
      "once by signal N.\n\n",
      HelpText(kFlags));
}

struct DestroyServer {
  void operator()(mirin_server* server) const { mirin_server_destroy(server); }
};
using ServerPtr = std::unique_ptr<mirin_server, DestroyServer>;

std::vector<std::string> List(const std::string& text) {
  return absl::StrSplit(text, ',', absl::SkipEmpty());
}

struct Plan {
  std::string directory;
  std::vector<std::string> names;
  uint64_t version = 0;
  std::vector<int32_t> devices;
  std::string device_type;
  int32_t workers = 0;
  mirin_cipher cipher = MIRIN_CIPHER_AUTO;
  std::vector<std::pair<std::string, std::string>> options;
  std::vector<std::string> grpc, http;
  uint64_t max_message_bytes = 0;
  double drain_seconds = 0;
};

absl::Status ChooseServables(const Flags& flags, Plan* plan) {
  std::string directory = flags.operands()[0];
  while (directory.size() > 1 && directory.back() == '/') directory.pop_back();
  if (flags.Has("name") && flags.Bool("all")) {
    return absl::InvalidArgumentError("--name and --all exclude each other");
  }
  const std::unique_ptr<char, decltype(&std::free)> real(realpath(directory.c_str(), nullptr),
                                                         &std::free);
  if (real == nullptr)
    return absl::NotFoundError(absl::StrCat("there is no directory '", directory, "'"));
  directory = real.get();
  plan->directory = directory;
  const bool later = flags.Get("model-control") != "none";  // servables may come while it runs
  if (flags.Has("name")) {
    plan->names = List(flags.Get("name"));
  } else if (flags.Bool("all")) {
    plan->names = ServablesIn(directory);
    if (plan->names.empty() && !later) {
      return absl::NotFoundError(absl::StrCat("'", directory, "' holds no servable"));
    }
  } else if (IsServable(directory)) {
    const size_t slash = directory.rfind('/');
    plan->directory = directory.substr(0, slash == 0 ? 1 : slash);
    plan->names = {directory.substr(slash + 1)};
  } else if (!later) {
    return absl::InvalidArgumentError(absl::StrCat(
        "'", directory, "' is no servable: give --name or --all for the servables in it"));
  }
  if (std::set<std::string>(plan->names.begin(), plan->names.end()).size() != plan->names.size()) {
    return absl::InvalidArgumentError("--name names a servable twice");
  }
  MIRIN_ASSIGN_OR_RETURN(const int64_t version, flags.Int("version", 0, INT64_MAX));
  if (version != 0 && plan->names.size() != 1) {
    return absl::InvalidArgumentError("--version is for a single servable");
  }
  plan->version = static_cast<uint64_t>(version);
  return absl::OkStatus();
}

absl::StatusOr<Plan> ReadPlan(const Flags& flags) {
  Plan plan;
  MIRIN_RETURN_IF_ERROR(ChooseServables(flags, &plan));
  for (const std::string& id : List(flags.Get("device-ids"))) {
    int32_t device = 0;
    if (!absl::SimpleAtoi(id, &device) || device < 0) {
      return absl::InvalidArgumentError(absl::StrCat("--device-ids: '", id, "' is no device"));
    }
    plan.devices.push_back(device);
  }
  MIRIN_ASSIGN_OR_RETURN(const int64_t workers, flags.Int("workers", 0, 64));
  plan.workers = static_cast<int32_t>(workers);
  plan.device_type = flags.Get("device-type");
  const std::string cipher = flags.Get("cipher");
  if (cipher == "AES-GCM") plan.cipher = MIRIN_CIPHER_AES_GCM;
  if (cipher == "AES-CBC") plan.cipher = MIRIN_CIPHER_AES_CBC;
  if (cipher == "SM4-CBC") plan.cipher = MIRIN_CIPHER_SM4_CBC;
  for (const auto& [flag, option] : kOptions) {
    if (flags.Has(flag)) plan.options.emplace_back(option, flags.Get(flag));
  }
  for (const std::string& pair : List(flags.Get("set"))) {
    const size_t equals = pair.find('=');
    if (equals == std::string::npos) {
      return absl::InvalidArgumentError(absl::StrCat("--set: '", pair, "' has no '='"));
    }
    plan.options.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
  }
  if (flags.Has("grpc") || !flags.Has("http")) plan.grpc = List(flags.Get("grpc"));
  if (flags.Has("http") || !flags.Has("grpc")) plan.http = List(flags.Get("http"));
  if (plan.grpc.empty() && plan.http.empty()) {
    return absl::InvalidArgumentError("there is no address to listen at");
  }
  MIRIN_ASSIGN_OR_RETURN(const int64_t megabytes, flags.Int("max-message-mb", 1, 1 << 20));
  plan.max_message_bytes = static_cast<uint64_t>(megabytes) << 20;
  MIRIN_ASSIGN_OR_RETURN(plan.drain_seconds, flags.Number("drain-seconds"));
  if (!(plan.drain_seconds >= 0 && plan.drain_seconds <= 1e6)) {
    return absl::InvalidArgumentError("--drain-seconds must be from 0 to 1000000");
  }
  if (flags.Has("tls-cert") != flags.Has("tls-key")) {
    return absl::InvalidArgumentError("--tls-cert and --tls-key belong together");
  }
  if (flags.Has("tls-client-ca") && !flags.Has("tls-cert")) {
    return absl::InvalidArgumentError("--tls-client-ca needs --tls-cert and --tls-key");
  }
  return plan;
}

absl::Status AddServables(mirin_server* server, const Flags& flags, const Plan& plan) {
  Secret key;
  if (flags.Has("key-file")) {
    MIRIN_ASSIGN_OR_RETURN(key, ReadKeyFile(flags.Get("key-file")));
  }
  std::vector<mirin_servable_options> servables;
  for (const std::string& name : plan.names) {
    mirin_servable_options one = MIRIN_SERVABLE_OPTIONS_INIT;
    one.directory = plan.directory.c_str();
    one.name = name.c_str();
    one.version = plan.version;
    one.device_ids = plan.devices.empty() ? nullptr : plan.devices.data();
    one.num_device_ids = plan.devices.size();
    one.device_type = plan.device_type.empty() ? nullptr : plan.device_type.c_str();
    one.workers = plan.workers;
    if (!key.text().empty()) {
      one.key = key.text().data();
      one.key_size = key.text().size();
    }
    one.cipher = plan.cipher;
    servables.push_back(one);
  }
  return Take(mirin_server_add(server, servables.data(), servables.size()));
}

absl::StatusOr<std::string> ReadPem(const std::string& path) {
  MIRIN_ASSIGN_OR_RETURN(const FileBytes file, MapFile(path, 1 << 20));
  return std::string(file.bytes);
}

// The address with the port that was bound.
std::string Bound(const std::string& address, int32_t port) {
  if (absl::StartsWith(address, "unix:")) return address;
  return absl::StrCat(address.substr(0, address.rfind(':')), ":", port);
}

absl::Status ListenAll(mirin_server* server, const Flags& flags, const Plan& plan) {
  mirin_listen_options options = MIRIN_LISTEN_OPTIONS_INIT;
  options.max_message_bytes = plan.max_message_bytes;
  std::string certificate, client_ca;
  Secret private_key;
  if (flags.Has("tls-cert")) {
    MIRIN_ASSIGN_OR_RETURN(certificate, ReadPem(flags.Get("tls-cert")));
    MIRIN_ASSIGN_OR_RETURN(private_key, ReadSecretFile(flags.Get("tls-key"), 1 << 20));
    options.certificate = certificate.c_str();
    options.private_key = private_key.text().c_str();
  }
  if (flags.Has("tls-client-ca")) {
    MIRIN_ASSIGN_OR_RETURN(client_ca, ReadPem(flags.Get("tls-client-ca")));
    options.client_ca = client_ca.c_str();
  }
  const auto listen = [&](const char* face, auto* function,
                          const std::vector<std::string>& addresses) {
    for (const std::string& address : addresses) {
      int32_t port = 0;
      options.address = address.c_str();
      MIRIN_RETURN_IF_ERROR(Annotate(Take(function(server, &options, &port)),
                                     absl::StrCat(face, " at '", address, "'")));
      std::printf("%s %s\n", face, Bound(address, port).c_str());
    }
    return absl::OkStatus();
  };
  MIRIN_RETURN_IF_ERROR(listen("grpc", mirin_server_listen_grpc, plan.grpc));
  return listen("http", mirin_server_listen_http, plan.http);
}

absl::Status Start(mirin_server* server, const Flags& flags, const Plan& plan) {
  MIRIN_RETURN_IF_ERROR(Take(mirin_server_set(server, "repository", plan.directory.c_str())));
  for (const auto& [name, value] : plan.options) {
    MIRIN_RETURN_IF_ERROR(Take(mirin_server_set(server, name.c_str(), value.c_str())));
  }
  MIRIN_RETURN_IF_ERROR(AddServables(server, flags, plan));
  MIRIN_RETURN_IF_ERROR(ListenAll(server, flags, plan));
  std::printf("serving %s\n", absl::StrJoin(plan.names, " ").c_str());
  std::fflush(stdout);
  return absl::OkStatus();
}

int Fail(int status, const absl::Status& why) {
  std::fprintf(stderr, "mirin serve: %s\n", std::string(why.message()).c_str());
  return status;
}

}  // namespace

int Serve(const std::vector<std::string>& args) {
  const absl::StatusOr<Flags> flags = Flags::Parse(kFlags, args);
  if (!flags.ok()) return Fail(kUsage, flags.status());
  if (flags->Bool("help")) {
    std::fputs(Usage().c_str(), stdout);
    return kStopped;
  }
  if (flags->operands().size() != 1) {
    std::fputs(Usage().c_str(), stderr);
    return kUsage;
  }
  const absl::StatusOr<Plan> plan = ReadPlan(*flags);
  if (!plan.ok()) return Fail(kUsage, plan.status());

  mirin_server* made = nullptr;
  const absl::Status created = Take(mirin_server_create(&made));
  if (!created.ok()) return Fail(kFailed, created);
  const ServerPtr server(made);
  const StopSignals signals(
      [&] { mirin_server_stop(made, static_cast<int64_t>(plan->drain_seconds * 1e6)); });
  const absl::Status started = Start(made, *flags, *plan);
  if (!started.ok()) {
    if (signals.received()) return kStopped;  // that is why
    return Fail(kFailed, started);
  }
  mirin_server_wait(made);
  return kStopped;
}

}  // namespace mirin::tools
