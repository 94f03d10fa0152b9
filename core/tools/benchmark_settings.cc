#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "core/base/status.h"
#include "core/tools/benchmark.h"

namespace mirin::tools {
namespace {

constexpr Flag kFlags[] = {
    {"modelFile", "PATH", "", "the model, a .mindir; required"},
    {"modelType", "MindIR|MindIR_Lite", "MindIR", "its form"},
    {"inDataFile", "PATH,PATH..", "", "raw bytes of each input; random numbers when left out"},
    {"inputShapes", "D,D..:D,D..", "", "shapes of the inputs, by position"},
    {"inputShape", "NAME:D,D..;NAME:..", "", "the same by name"},
    {"device", "CPU|GPU|NPU|Ascend|Auto", "CPU", "what it runs on"},
    {"loopCount", "N", "10", "timed runs"},
    {"warmUpLoopCount", "N", "3", "runs before them"},
    {"numThreads", "N", "2", "threads of one run"},
    {"cpuBindMode", "0|1|2", "1",
     "0 none, 1 big cores, 2 middle cores: has an effect with cpuCoreList"},
    {"cpuCoreList", "N,N..", "", "CPUs that the process may use"},
    {"enableFp16", "true|false", "false", "16-bit floats where the device gains by it"},
    {"deterministic", "true|false", "false",
     "the same bits for every number of threads and whatever else is in the batch"},
    {"timeProfiling", "true|false", "false", "a table of times per operator"},
    {"benchmarkDataFile", "PATH", "",
     "expected outputs as text: a line 'name rank d0 d1 ..', then a line of values"},
    {"benchmarkDataType", "FLOAT|INT32|INT8|UINT8", "FLOAT", "how its values are meant"},
    {"accuracyThreshold", "PERCENT", "0.5", "largest mean relative bias"},
    {"cosineDistanceThreshold", "NUMBER", "-1.1", "smallest cosine; -1.1 does not look at it"},
    {"decryptKey", "HEX", "", "key of an encrypted model"},
    {"configFile", "PATH", "", "settings in sections, as [model_cache] cache_dir"},
    {"enableParallelPredict", "true|false", "false", "many requests at once"},
    {"parallelNum", "N", "2", "threads that make requests"},
    {"parallelTaskNum", "N", "2", "requests of each; -1: without end"},
    {"workersNum", "N", "2", "requests that run at a time"},
    {"help", "true|false", "false", "this text"},
    // What the original knows besides.
    {"provider", "litert|tensorrt|mindrt", "litert", "has no effect"},
    {"interOpParallelNum", "N", "1",
     "has no effect: independent operators run one after the other"},
    {"enableParallel", "true|false", "false", "has no effect: as interOpParallelNum"},
    {"enableSharedThreadPool", "true|false", "false",
     "has no effect: there is one pool for the process"},
    {"threadNumLimitPerWorker", "N", "", "has no effect"},
    {"threadNumRemainingPerWorker", "N", "", "has no effect"},
    {"cryptoLibPath", "PATH", "", "has no effect: ciphers are built in"},
    {"deviceId", "N", "-1", "has no effect on CPUs"},
    {"rankId", "N", "-1", "has no effect on CPUs"},
    {"GroupInfoFile", "PATH", "", "refused"},
    {"perfProfiling", "true|false", "false", "refused: use timeProfiling"},
    {"perfEvent", "CYCLE|CACHE|STALL", "CYCLE", "refused, as perfProfiling"},
    {"enableGLTexture", "true|false", "false", "refused"},
    {"delegateMode", "NAME", "", "refused"},
};

absl::StatusOr<std::vector<Dims>> ParsePositionalShapes(const std::string& text) {
  std::vector<Dims> shapes;
  if (text.empty()) return shapes;
  for (absl::string_view part : absl::StrSplit(text, ':')) {
    Dims dims;
    for (absl::string_view number : absl::StrSplit(part, ',', absl::SkipEmpty())) {
      int64_t d = 0;
      if (!absl::SimpleAtoi(number, &d) || d < 0)
        return absl::InvalidArgumentError(absl::StrCat("--inputShapes: '", number, "' is no size"));
      dims.push_back(d);
    }
    shapes.push_back(std::move(dims));
  }
  return shapes;
}

absl::StatusOr<std::vector<int>> ParseCores(const std::string& text) {
  std::vector<int> cores;
  for (absl::string_view number : absl::StrSplit(text, ',', absl::SkipEmpty())) {
    int core = 0;
    if (!absl::SimpleAtoi(number, &core) || core < 0 || core > 1023)
      return absl::InvalidArgumentError(absl::StrCat("--cpuCoreList: '", number, "' is no CPU"));
    cores.push_back(core);
  }
  return cores;
}

absl::Status CheckRefused(const Flags& flags) {
  for (const char* name :
       {"GroupInfoFile", "perfProfiling", "perfEvent", "enableGLTexture", "delegateMode"}) {
    if (!flags.Has(name) || flags.Get(name) == "false" || flags.Get(name).empty()) continue;
    return absl::UnimplementedError(
        absl::StrCat("--", name, " is not in this build",
                     absl::string_view(name).substr(0, 4) == "perf"
                         ? "; --timeProfiling=true has times per operator"
                         : ""));
  }
  if (flags.Get("modelType") != "MindIR")
    return absl::UnimplementedError(
        "--modelType=MindIR_Lite: .ms models are not read; convert to MINDIR");
  return absl::OkStatus();
}

}  // namespace

absl::Span<const Flag> BenchmarkFlags() { return kFlags; }

absl::StatusOr<BenchmarkSettings> BenchmarkSettingsOf(const Flags& flags,
                                                      std::vector<std::string>* notes) {
  MIRIN_RETURN_IF_ERROR(CheckRefused(flags));
  for (const char* name : {"provider", "interOpParallelNum", "enableParallel",
                           "enableSharedThreadPool", "threadNumLimitPerWorker",
                           "threadNumRemainingPerWorker", "cryptoLibPath", "deviceId", "rankId"}) {
    if (flags.Has(name)) notes->push_back(absl::StrCat("--", name, " has no effect here"));
  }
  BenchmarkSettings s;
  s.model_file = flags.Get("modelFile");
  if (s.model_file.empty()) return absl::InvalidArgumentError("--modelFile is not set");
  s.device = flags.Get("device") == "Auto" ? "cpu" : absl::AsciiStrToLower(flags.Get("device"));
  s.decrypt_key = flags.Get("decryptKey");
  s.config_file = flags.Get("configFile");
  s.input_files = absl::StrSplit(flags.Get("inDataFile"), ',', absl::SkipEmpty());
  MIRIN_ASSIGN_OR_RETURN(s.shapes, ParsePositionalShapes(flags.Get("inputShapes")));
  MIRIN_ASSIGN_OR_RETURN(s.named_shapes, ParseNamedShapes(flags.Get("inputShape")));
  MIRIN_ASSIGN_OR_RETURN(s.loops, flags.Int("loopCount", 1, INT32_MAX));
  MIRIN_ASSIGN_OR_RETURN(s.warm_up, flags.Int("warmUpLoopCount", 0, INT32_MAX));
  MIRIN_ASSIGN_OR_RETURN(s.threads, flags.Int("numThreads", 1, 4096));
  MIRIN_ASSIGN_OR_RETURN(s.cores, ParseCores(flags.Get("cpuCoreList")));
  s.fp16 = flags.Bool("enableFp16");
  s.deterministic = flags.Bool("deterministic");
  s.profile = flags.Bool("timeProfiling");
  s.expected_file = flags.Get("benchmarkDataFile");
  s.expected_type = flags.Get("benchmarkDataType");
  MIRIN_ASSIGN_OR_RETURN(s.accuracy_threshold, flags.Number("accuracyThreshold"));
  MIRIN_ASSIGN_OR_RETURN(s.cosine_threshold, flags.Number("cosineDistanceThreshold"));
  s.parallel = flags.Bool("enableParallelPredict");
  MIRIN_ASSIGN_OR_RETURN(s.requesters, flags.Int("parallelNum", 1, 4096));
  MIRIN_ASSIGN_OR_RETURN(s.requests, flags.Int("parallelTaskNum", -1, INT32_MAX));
  MIRIN_ASSIGN_OR_RETURN(s.workers, flags.Int("workersNum", 1, 4096));
  return s;
}

}  // namespace mirin::tools
