// A run's figures, for people and for programs.
#ifndef CORE_TOOLS_LOAD_REPORT_H_
#define CORE_TOOLS_LOAD_REPORT_H_

#include <string>

#include "core/tools/load/run.h"

namespace mirin::load {

std::string TextReport(const LoadResult& result);
// One object; times in microseconds.
std::string JsonReport(const LoadOptions& options, const Target& target, const LoadResult& result);

}  // namespace mirin::load

#endif  // CORE_TOOLS_LOAD_REPORT_H_
