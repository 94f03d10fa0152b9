#include "core/base/log.h"

#include "absl/synchronization/mutex.h"
#include "c_api/src/boundary.h"
#include "mirin/log.h"

namespace {

// The caller's function, with its own type for levels.
struct Sink {
  mirin_log_sink function = nullptr;
  void* context = nullptr;
};

void Forward(mirin::LogLevel level, const char* message, void* context) {
  const Sink& sink = *static_cast<const Sink*>(context);
  sink.function(static_cast<mirin_log_level>(level), message, sink.context);
}

}  // namespace

mirin_status* mirin_log_set_level(mirin_log_level level) {
  MIRIN_C_BEGIN
  if (level < MIRIN_LOG_OFF || level > MIRIN_LOG_DEBUG) {
    return mirin::c_api::ToC(absl::InvalidArgumentError(
        absl::StrCat("there is no log level ", static_cast<int>(level))));
  }
  mirin::SetLogLevel(static_cast<mirin::LogLevel>(level));
  return nullptr;
  MIRIN_C_END
}

void mirin_log_set_sink(mirin_log_sink sink, void* context) {
  static absl::Mutex* const mutex = new absl::Mutex();
  static Sink* const current = new Sink();
  absl::MutexLock lock(mutex);
  mirin::SetLogSink(nullptr, nullptr);  // nobody reads `current` while it changes
  current->function = sink;
  current->context = context;
  if (sink != nullptr) mirin::SetLogSink(&Forward, current);
}
