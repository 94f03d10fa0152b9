#include "core/base/log.h"

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "absl/base/const_init.h"
#include "absl/synchronization/mutex.h"

namespace mirin {
namespace {

constexpr absl::string_view kNames[] = {"off", "error", "warning", "info", "debug"};

int LevelFromEnvironment() {
  const char* text = std::getenv("MIRIN_LOG");
  for (int i = 0; text != nullptr && i < 5; ++i) {
    if (kNames[i] == text) return i;
  }
  return 0;
}

std::atomic<int>& Level() {
  static std::atomic<int> level{LevelFromEnvironment()};
  return level;
}

ABSL_CONST_INIT absl::Mutex g_mutex(absl::kConstInit);
LogSink g_sink ABSL_GUARDED_BY(g_mutex) = nullptr;
void* g_context ABSL_GUARDED_BY(g_mutex) = nullptr;

}  // namespace

bool LogEnabled(LogLevel level) {
  return static_cast<int>(level) <= Level().load(std::memory_order_relaxed);
}

void Log(LogLevel level, absl::string_view message) {
  if (!LogEnabled(level)) return;
  const std::string text(message);
  absl::MutexLock lock(&g_mutex);
  if (g_sink != nullptr) {
    g_sink(level, text.c_str(), g_context);
  } else {
    std::fprintf(stderr, "mirin: %s: %s\n", std::string(kNames[static_cast<int>(level)]).c_str(),
                 text.c_str());
  }
}

void SetLogLevel(LogLevel level) {
  Level().store(static_cast<int>(level), std::memory_order_relaxed);
}

void SetLogSink(LogSink sink, void* context) {
  absl::MutexLock lock(&g_mutex);
  g_sink = sink;
  g_context = context;
}

}  // namespace mirin
