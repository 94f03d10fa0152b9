#include "core/backend/kernel.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "absl/strings/str_cat.h"

namespace mirin {

namespace {

int64_t BlockOf(Layout layout) {
  return layout == Layout::kBlocked8 ? 8 : layout == Layout::kBlocked16 ? 16 : 1;
}

}  // namespace

bool SameBytes(absl::Span<const int64_t> dims, Layout a, Layout b) {
  if (a == b || dims.size() < 3) return true;
  return NumElements(dims.subspan(2)) == 1 && dims[1] % BlockOf(a) == 0 &&
         dims[1] % BlockOf(b) == 0;
}

size_t LayoutBytes(DType dtype, absl::Span<const int64_t> dims, Layout layout) {
  int64_t elements = NumElements(dims);
  const int64_t block = BlockOf(layout);
  if (block > 1 && dims.size() >= 3 && dims[1] > 0)
    elements = elements / dims[1] * ((dims[1] + block - 1) / block * block);
  return static_cast<size_t>(elements) * SizeOf(dtype);
}

absl::StatusOr<absl::string_view> TextMemory::Keep(absl::string_view text) {
  constexpr size_t kBlockBytes = size_t{64} << 10, kMostBytes = size_t{1} << 30;
  if (text.size() > kMostBytes - total_)
    return absl::ResourceExhaustedError("more than 1 GiB of text");
  if (text.size() > capacity_ - used_) {
    const size_t bytes = std::max(text.size(), kBlockBytes);
    blocks_.emplace_back(new (std::nothrow) char[bytes]);
    if (blocks_.back() == nullptr) {
      blocks_.pop_back();
      return absl::ResourceExhaustedError(absl::StrCat("no memory for ", bytes, " bytes of text"));
    }
    used_ = 0;
    capacity_ = bytes;
  }
  char* to = blocks_.empty() ? nullptr : blocks_.back().get() + used_;
  if (!text.empty()) std::memcpy(to, text.data(), text.size());
  used_ += text.size();
  total_ += text.size();
  return absl::string_view(to, text.size());
}

void TextMemory::NextRun() {
  last_run_ = std::move(blocks_);
  blocks_.clear();
  used_ = capacity_ = total_ = 0;
}

}  // namespace mirin
