#include "core/tools/load/load.h"

#include <algorithm>
#include <cstdio>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "core/base/status.h"
#include "core/tools/flags.h"
#include "core/tools/load/report.h"
#include "core/tools/load/run.h"

namespace mirin::tools {
namespace {

using load::Protocol;

enum { kGood = 0, kSomeFailed = 1, kUsage = 2 };

constexpr Flag kFlags[] = {
    {"model", "NAME", "", "the servable"},
    {"method", "NAME", "", "its method; with Open Inference, its first one when left out"},
    {"version", "N", "0", "0: the newest"},
    {"protocol", "oip-grpc|oip-http|ms-grpc|ms-http", "",
     "Open Inference or MindSpore Serving; when left out oip-http for http://.., else oip-grpc"},
    {"concurrency", "N", "1", "requests under way, each on a connection of its own"},
    {"rate", "PER_SECOND", "0",
     "begins requests at this rate, at most --concurrency at once; latencies count from when a "
     "request was to begin. 0: as fast as answers come"},
    {"duration", "SECONDS", "10", "of the measurement"},
    {"requests", "N", "0", "ends after so many; 0: only by the duration"},
    {"warmup", "SECONDS", "1", "in front of it, not measured"},
    {"threads", "N", "1", "of this program"},
    {"timeout", "SECONDS", "60", "of one request"},
    {"input", "FILE.npz", "", "the inputs by name; random values when left out"},
    {"shape", "NAME:DATATYPE:D,D;..", "",
     "random inputs (FP32, INT64, BYTES ..); by the model's metadata when left out, which only "
     "Open "
     "Inference has"},
    {"batch", "N", "1",
     "instances in a request: what an open first axis becomes (Open Inference), or copies of the "
     "inputs (MindSpore Serving)"},
    {"binary", "true|false", "false", "oip-http: tensors as bytes instead of JSON"},
    {"json", "true|false", "false", "prints one JSON object"},
    {"help", "true|false", "false", "this text"},
};

std::string Usage() {
  return absl::StrCat(
      "usage: mirin load URL|HOST:PORT|unix:PATH --model NAME [flags]\n"
      "Sends one request over and over and reports throughput, latencies and errors.\n"
      "Exit status: 0 every answer was good, 1 some were not, 2 wrong usage or no server.\n\n",
      HelpText(kFlags));
}

int Wrong(absl::string_view what) {
  std::fprintf(stderr, "mirin load: %s\n", std::string(what).c_str());
  return kUsage;
}

struct Job {
  load::LoadOptions options;
  load::Target target;
  std::string input, shape;
};

absl::StatusOr<absl::Duration> Seconds(const Flags& flags, absl::string_view name, double least) {
  MIRIN_ASSIGN_OR_RETURN(const double seconds, flags.Number(name));
  if (!(seconds >= least && seconds <= 1e6)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--", name, " must be from ", least, " to 1000000, got ", seconds));
  }
  return absl::Seconds(seconds);
}

absl::StatusOr<Job> ReadJob(const Flags& flags) {
  Job job;
  load::LoadOptions& options = job.options;
  absl::string_view url = flags.operands()[0];
  if (absl::StartsWith(url, "https://") || absl::StartsWith(url, "grpcs://")) {
    return absl::UnimplementedError("TLS is not supported");
  }
  const bool http = absl::ConsumePrefix(&url, "http://");
  if (!http) absl::ConsumePrefix(&url, "grpc://");
  absl::ConsumeSuffix(&url, "/");
  MIRIN_ASSIGN_OR_RETURN(options.address, serving::ParseAddress("server", url, false));
  const std::string protocol = flags.Get("protocol");
  options.protocol = protocol == "ms-grpc"    ? Protocol::kMsGrpc
                     : protocol == "ms-http"  ? Protocol::kMsHttp
                     : protocol == "oip-grpc" ? Protocol::kOipGrpc
                     : protocol == "oip-http" ? Protocol::kOipHttp
                     : http                   ? Protocol::kOipHttp
                                              : Protocol::kOipGrpc;
  if (http && load::IsGrpc(options.protocol)) {
    return absl::InvalidArgumentError(absl::StrCat("--protocol=", protocol, " is not http://"));
  }
  MIRIN_ASSIGN_OR_RETURN(const int64_t concurrency, flags.Int("concurrency", 1, 100000));
  MIRIN_ASSIGN_OR_RETURN(const int64_t threads, flags.Int("threads", 1, 256));
  MIRIN_ASSIGN_OR_RETURN(const int64_t requests, flags.Int("requests", 0, INT64_MAX));
  options.concurrency = static_cast<size_t>(concurrency);
  options.threads = static_cast<size_t>(threads);
  options.requests = static_cast<uint64_t>(requests);
  MIRIN_ASSIGN_OR_RETURN(options.rate, flags.Number("rate"));
  if (!(options.rate >= 0 && options.rate <= 1e8)) {
    return absl::InvalidArgumentError("--rate must be from 0 to 100000000");
  }
  MIRIN_ASSIGN_OR_RETURN(options.duration, Seconds(flags, "duration", 0.001));
  MIRIN_ASSIGN_OR_RETURN(options.warmup, Seconds(flags, "warmup", 0));
  MIRIN_ASSIGN_OR_RETURN(options.timeout, Seconds(flags, "timeout", 0.001));
  job.target.model = flags.Get("model");
  job.target.method = flags.Get("method");
  MIRIN_ASSIGN_OR_RETURN(const int64_t version, flags.Int("version", 0, INT64_MAX));
  job.target.version = static_cast<uint64_t>(version);
  MIRIN_ASSIGN_OR_RETURN(job.target.instances, flags.Int("batch", 1, 1000000));
  job.target.binary = flags.Bool("binary");
  job.input = flags.Get("input");
  job.shape = flags.Get("shape");
  if (job.target.model.empty()) return absl::InvalidArgumentError("--model is missing");
  if (!load::IsOip(options.protocol) && job.target.method.empty()) {
    return absl::InvalidArgumentError("MindSpore Serving's protocols need --method");
  }
  if (!job.input.empty() && !job.shape.empty()) {
    return absl::InvalidArgumentError("--input and --shape exclude each other");
  }
  return job;
}

absl::StatusOr<std::vector<load::Input>> Inputs(const Job& job) {
  const load::LoadOptions& options = job.options;
  if (!job.input.empty()) return load::ReadInputs(job.input);
  if (!job.shape.empty()) return load::InputsFromText(job.shape);
  if (!load::IsOip(options.protocol)) {
    return absl::InvalidArgumentError("MindSpore Serving has no metadata: give --input or --shape");
  }
  const auto reply = load::CallOnce(options.protocol, options.address,
                                    MetadataCall(options.protocol, job.target), options.timeout);
  if (!reply.ok()) return Annotate(reply.status(), "the model's metadata");
  return load::InputsFromMetadata(load::IsGrpc(options.protocol), *reply, job.target.instances);
}

}  // namespace

int Load(const std::vector<std::string>& args) {
  const absl::StatusOr<Flags> flags = Flags::Parse(kFlags, args);
  if (!flags.ok()) return Wrong(flags.status().message());
  if (flags->Bool("help")) {
    std::fputs(Usage().c_str(), stdout);
    return kGood;
  }
  if (flags->operands().size() != 1) {
    std::fputs(Usage().c_str(), stderr);
    return kUsage;
  }
  const absl::StatusOr<Job> job = ReadJob(*flags);
  if (!job.ok()) return Wrong(job.status().message());
  const absl::StatusOr<std::vector<load::Input>> inputs = Inputs(*job);
  if (!inputs.ok()) return Wrong(inputs.status().message());
  const absl::StatusOr<load::Call> call =
      load::InferCall(job->options.protocol, job->target, *inputs);
  if (!call.ok()) return Wrong(call.status().message());
  const absl::StatusOr<load::LoadResult> result = load::RunLoad(job->options, *call);
  if (!result.ok()) return Wrong(result.status().message());
  const std::string report = flags->Bool("json")
                                 ? JsonReport(job->options, job->target, *result) + "\n"
                                 : TextReport(*result);
  std::fputs(report.c_str(), stdout);
  if (result->latency.count() + result->failed() == 0) return Wrong("no request was measured");
  return result->failed() == 0 ? kGood : kSomeFailed;
}

}  // namespace mirin::tools
