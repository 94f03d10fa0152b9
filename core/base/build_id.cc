#include "core/base/build_id.h"

#include <elf.h>
#include <link.h>

#include <cstdint>

#include "absl/strings/escaping.h"
#include "absl/strings/string_view.h"

namespace mirin {
namespace {

// The id in a segment of notes, empty when it has none.
absl::string_view IdIn(const char* notes, size_t size) {
  const auto padded = [](size_t n) { return (n + 3) / 4 * 4; };
  for (size_t at = 0; at + sizeof(ElfW(Nhdr)) <= size;) {
    const auto* note = reinterpret_cast<const ElfW(Nhdr)*>(notes + at);
    const size_t name = at + sizeof *note, text = name + padded(note->n_namesz);
    if (note->n_type == NT_GNU_BUILD_ID && text + note->n_descsz <= size &&
        absl::string_view(notes + name, note->n_namesz) == absl::string_view("GNU", 4))
      return {notes + text, note->n_descsz};
    at = text + padded(note->n_descsz);
  }
  return {};
}

struct Search {
  uintptr_t inside;
  std::string id;
};

int Look(dl_phdr_info* object, size_t /*size*/, void* data) {
  auto* search = static_cast<Search*>(data);
  absl::string_view id;
  bool ours = false;
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = object->dlpi_phdr[i];
    const uintptr_t begin = object->dlpi_addr + segment.p_vaddr;
    ours |= segment.p_type == PT_LOAD && search->inside >= begin &&
            search->inside < begin + segment.p_memsz;
    if (segment.p_type == PT_NOTE && id.empty())
      id = IdIn(reinterpret_cast<const char*>(begin), segment.p_memsz);
  }
  if (ours) search->id = absl::BytesToHexString(id);
  return ours ? 1 : 0;
}

}  // namespace

std::string BuildId() {
  Search search = {reinterpret_cast<uintptr_t>(&Look), {}};
  dl_iterate_phdr(Look, &search);
  return search.id;
}

}  // namespace mirin
