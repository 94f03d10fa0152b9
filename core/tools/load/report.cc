#include "core/tools/load/report.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/base/json.h"

namespace mirin::load {
namespace {

constexpr struct {
  const char* name;
  double quantile;
} kQuantiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p95", 0.95}, {"p99", 0.99}, {"p99.9", 0.999}};

constexpr const char* kProtocols[] = {"oip-grpc", "oip-http", "ms-grpc", "ms-http"};

double Micros(double ns) { return ns / 1000; }

double PerSecond(double amount, const LoadResult& result) {
  return result.seconds > 0 ? amount / result.seconds : 0;
}

}  // namespace

std::string TextReport(const LoadResult& result) {
  const LatencyHistogram& latency = result.latency;
  const double good = static_cast<double>(latency.count());
  std::string out = absl::StrFormat(
      "%d good answers in %.2f s: %.1f a second; %.2f MB/s out, %.2f MB/s in; this program used "
      "%.0f "
      "%% of a CPU\n",
      latency.count(), result.seconds, PerSecond(good, result),
      PerSecond(static_cast<double>(result.sent) / 1e6, result),
      PerSecond(static_cast<double>(result.received) / 1e6, result),
      PerSecond(result.cpu_seconds * 100, result));
  if (latency.count() > 0) {
    absl::StrAppendFormat(&out, "latency us: min %.0f  mean %.0f", Micros(latency.min()),
                          Micros(latency.mean()));
    for (const auto& q : kQuantiles) {
      absl::StrAppendFormat(&out, "  %s %.0f", q.name, Micros(latency.Quantile(q.quantile)));
    }
    absl::StrAppendFormat(&out, "  max %.0f\n", Micros(latency.max()));
  }
  for (const auto& [code, count] : result.errors) {
    absl::StrAppendFormat(&out, "%d failed with %s: %s\n", count, code,
                          JsonString(result.error_text.at(code)));
  }
  return out;
}

std::string JsonReport(const LoadOptions& options, const Target& target, const LoadResult& result) {
  const LatencyHistogram& latency = result.latency;
  std::string out = absl::StrFormat(
      "{\"protocol\":\"%s\",\"model\":%s,\"method\":%s,\"concurrency\":%d,\"rate\":%g,"
      "\"requests\":%d,\"failed\":%d,\"seconds\":%.6f,\"throughput\":%.3f,\"bytes_sent\":%d,"
      "\"bytes_received\":%d,\"client_cpu_seconds\":%.3f,\"latency_us\":{\"min\":%.3f,\"mean\":%."
      "3f",
      kProtocols[static_cast<int>(options.protocol)], JsonString(target.model),
      JsonString(target.method), options.concurrency, options.rate,
      latency.count() + result.failed(), result.failed(), result.seconds,
      PerSecond(static_cast<double>(latency.count()), result), result.sent, result.received,
      result.cpu_seconds, Micros(static_cast<double>(latency.min())), Micros(latency.mean()));
  for (const auto& q : kQuantiles) {
    absl::StrAppendFormat(&out, ",\"%s\":%.3f", q.name,
                          Micros(static_cast<double>(latency.Quantile(q.quantile))));
  }
  absl::StrAppendFormat(&out, ",\"max\":%.3f},\"errors\":{",
                        Micros(static_cast<double>(latency.max())));
  bool first = true;
  for (const auto& [code, count] : result.errors) {
    absl::StrAppend(&out, first ? "" : ",", JsonString(code), ":{\"count\":", count,
                    ",\"text\":", JsonString(result.error_text.at(code)), "}");
    first = false;
  }
  return out + "}}";
}

}  // namespace mirin::load
