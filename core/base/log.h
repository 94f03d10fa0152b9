// Messages for people: what was loaded, what passes did, which kernel was refused and why. Errors are statuses, not messages.
//
// MIRIN_LOG=error|warning|info|debug in the environment chooses what is said; off, the default, says nothing. Lines go to
// stderr unless a sink is set.
#ifndef CORE_BASE_LOG_H_
#define CORE_BASE_LOG_H_

#include "absl/strings/string_view.h"

namespace mirin {

enum class LogLevel { kOff = 0, kError = 1, kWarning = 2, kInfo = 3, kDebug = 4 };

// Cheap: guards the building of a message. Thread-safe, as everything here.
bool LogEnabled(LogLevel level);
// One message, without a newline at its end.
void Log(LogLevel level, absl::string_view message);

// From now on, whatever MIRIN_LOG says.
void SetLogLevel(LogLevel level);
// Messages go to sink(level, text, context), on whichever thread makes them, one at a time; null brings stderr back. When the call
// returns the old sink is not running and will not run again.
using LogSink = void (*)(LogLevel level, const char* message, void* context);
void SetLogSink(LogSink sink, void* context);

}  // namespace mirin

#endif  // CORE_BASE_LOG_H_
