// Runs something that may crash, hang or eat memory in a child process, and says what became of it.
#ifndef TESTS_BAD_INPUT_GUARDED_H_
#define TESTS_BAD_INPUT_GUARDED_H_

#include <functional>
#include <string>

namespace mirin::testing {

struct Outcome {
  bool survived = false;  // the body returned
  std::string text;  // what the body returned, or how the child ended and its last progress note
  double cpu_seconds = 0;      // of the whole child
  double extra_megabytes = 0;  // peak of the child above what the parent has
};

// body gets a function that notes progress ("flip 17"), which survives a crash. Call it before this process starts threads.
using Progress = std::function<void(const std::string&)>;
Outcome RunGuarded(const std::function<std::string(const Progress&)>& body, int wall_seconds);

// The CPU time of this process so far.
double CpuSeconds();

// Loads the bytes through the C API; if that succeeds makes a session and runs it once with zeros (no longer than a
// moment). Returns "OK" or the status text; sets *load_seconds to the CPU time of the loading.
std::string LoadAndRun(const std::string& bytes, const std::string& key, double* load_seconds);

#ifdef __SANITIZE_ADDRESS__
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

}  // namespace mirin::testing

#endif  // TESTS_BAD_INPUT_GUARDED_H_
