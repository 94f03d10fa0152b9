#include <algorithm>

#include "core/backends/reference/kernels.h"
#include "core/backends/reference/loops.h"

#define MIRIN_KERNEL(Name) \
  absl::Status Name([[maybe_unused]] const ir::Node& node, const KernelContext& c)

namespace mirin::reference::kernels {

MIRIN_KERNEL(Embedding) {
  const TensorView& weight = c.input(1);
  const int64_t rows = weight.dims[0], width = weight.dims[1];
  const ElementMover mover(weight, c.output(0));
  int64_t to = 0;
  for (const int64_t i : ReadAll<int64_t>(c.input(0))) {
    if (i < 0 || i >= rows) return IndexError(i, rows);
    mover.Move(i * width, to, width);
    to += width;
  }
  return absl::OkStatus();
}

MIRIN_KERNEL(SearchSorted) {
  const TensorView &sequence = c.input(0), &values = c.input(1);
  const int64_t n = sequence.dims[sequence.rank() - 1];
  const int64_t lines =
      sequence.rank() == 1 ? 1 : NumElements(sequence.dims.subspan(0, sequence.dims.size() - 1));
  const int64_t per_line = lines == 0 ? 0 : values.elements() / lines;
  const bool right = node.attrs().Bool("right");
  const std::vector<int64_t> sorter =
      c.has_input(2) ? ReadAll<int64_t>(c.input(2)) : std::vector<int64_t>();
  for (const int64_t i : sorter) {
    if (i < 0 || i >= n) return IndexError(i, n);
  }
  std::vector<int64_t> out;
  WithExact(sequence.dtype, [&](auto zero) {
    using N = decltype(zero);
    const std::vector<N> all = ReadAll<N>(sequence), wanted = ReadAll<N>(values);
    std::vector<N> line(static_cast<size_t>(n));
    for (int64_t l = 0; l < lines; ++l) {
      for (int64_t k = 0; k < n; ++k)
        line[k] = all[l * n + (sorter.empty() ? k : sorter[l * n + k])];
      for (int64_t k = 0; k < per_line; ++k) {
        const N v = wanted[l * per_line + k];
        const auto at = right ? std::upper_bound(line.begin(), line.end(), v)
                              : std::lower_bound(line.begin(), line.end(), v);
        out.push_back(at - line.begin());
      }
    }
  });
  WriteAll(c.output(0), out);
  return absl::OkStatus();
}

}  // namespace mirin::reference::kernels
