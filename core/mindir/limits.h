// What an untrusted model may ask for at most. The defaults admit any real model.
#ifndef CORE_MINDIR_LIMITS_H_
#define CORE_MINDIR_LIMITS_H_

#include <cstddef>
#include <cstdint>

namespace mirin::mindir {

struct Limits {
  int64_t max_nodes = 1'000'000;  // in the file, and again after calls were expanded
  int64_t max_graphs = 100'000;
  int64_t max_attributes_per_node = 4096;
  int max_nesting = 64;                  // of tuples, lists and types
  int max_call_depth = 512;              // of calls expanded into each other
  int64_t max_tuple_elements = 100'000;  // of one tuple, members of members included
  int64_t max_tuple_copies = 4'000'000;  // members of all tuples that nodes take as operands
  size_t max_file_bytes = size_t{1} << 40;
};

}  // namespace mirin::mindir

#endif  // CORE_MINDIR_LIMITS_H_
