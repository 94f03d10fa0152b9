#include "core/runtime/packed_file.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"

namespace mirin::runtime {
namespace {

// Header, table, runs. The table: purpose, number of runs, and of each its name, offset, size and checksum; texts after their lengths.
struct Header {
  char magic[8];
  uint64_t file_bytes;
  uint64_t table_bytes;
  uint64_t table_checksum;
  uint64_t checksum;  // of what is before it
};
constexpr char kMagic[8] = {'M', 'I', 'R', 'I', 'N', 'P', 'K', '1'};
constexpr size_t kAlign = 64;
// Where runs begin in a large file: the system may then map them by pages of this size.
constexpr size_t kLargePage = size_t{2} << 20;

uint64_t ChecksumOf(const Header& h) {
  return Checksum({reinterpret_cast<const char*>(&h), offsetof(Header, checksum)});
}

size_t RoundUp(size_t n, size_t to) { return (n + to - 1) / to * to; }

void Append(std::string* to, uint64_t number) {
  to->append(reinterpret_cast<const char*>(&number), sizeof number);
}
void AppendText(std::string* to, absl::string_view text) {
  Append(to, text.size());
  to->append(text.data(), text.size());
}

// Reads the table; false behind its end.
class TableReader {
 public:
  explicit TableReader(absl::string_view rest) : rest_(rest) {}
  bool Number(uint64_t* number) {
    if (rest_.size() < sizeof *number) return false;
    std::memcpy(number, rest_.data(), sizeof *number);
    rest_.remove_prefix(sizeof *number);
    return true;
  }
  bool Text(absl::string_view* text) {
    uint64_t size = 0;
    if (!Number(&size) || size > rest_.size()) return false;
    *text = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }
  bool done() const { return rest_.empty(); }

 private:
  absl::string_view rest_;
};

uint64_t Mix(uint64_t a, uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

}  // namespace

uint64_t Checksum(absl::string_view bytes) {
  // Sums side by side: one alone would wait for its multiplications.
  constexpr size_t kSums = 8, kBlock = 16 * kSums;
  constexpr uint64_t kOdd = 0x9e3779b97f4a7c15;
  uint64_t sums[kSums];
  for (size_t i = 0; i < kSums; ++i) sums[i] = kOdd * (2 * i + 1);
  const auto add = [&](const char* block) {
    uint64_t words[2 * kSums];
    std::memcpy(words, block, kBlock);
    for (size_t i = 0; i < kSums; ++i)
      sums[i] = Mix(words[2 * i] ^ kOdd, words[2 * i + 1] ^ sums[i]) + words[2 * i];
  };
  size_t at = 0;
  for (; at + kBlock <= bytes.size(); at += kBlock) add(bytes.data() + at);
  if (at < bytes.size()) {
    char last[kBlock] = {};
    std::memcpy(last, bytes.data() + at, bytes.size() - at);
    add(last);
  }
  uint64_t all = bytes.size();
  for (const uint64_t sum : sums) all = Mix(all ^ kOdd, sum ^ kOdd) + sum;
  return all;
}

absl::StatusOr<PackedRuns> ReadPackedFile(const CacheDirectory& directory, const std::string& name,
                                          absl::string_view purpose, FileStamp* stamp) {
  MIRIN_ASSIGN_OR_RETURN(const FileBytes file, directory.Map(name));
  if (stamp != nullptr) *stamp = file.stamp;
  const auto damaged = [&](absl::string_view what) {
    return absl::DataLossError(absl::StrCat("'", directory.path(), "/", name, "' has ", what));
  };
  Header header;
  if (file.bytes.size() < sizeof header) return damaged("no header");
  std::memcpy(&header, file.bytes.data(), sizeof header);
  if (std::memcmp(header.magic, kMagic, sizeof kMagic) != 0 ||
      header.checksum != ChecksumOf(header))
    return damaged("a damaged header");
  if (header.file_bytes != file.bytes.size() ||
      header.table_bytes > file.bytes.size() - sizeof header)
    return damaged("another size than it says");
  const absl::string_view table = file.bytes.substr(sizeof header, header.table_bytes);
  if (header.table_checksum != Checksum(table)) return damaged("a damaged table");
  TableReader reader(table);
  absl::string_view text;
  uint64_t count = 0;
  if (!reader.Text(&text) || !reader.Number(&count)) return damaged("a damaged table");
  if (text != purpose)
    return absl::FailedPreconditionError(absl::StrCat("'", name, "' is for something else"));
  PackedRuns runs;
  for (uint64_t i = 0; i < count; ++i) {
    uint64_t offset = 0, bytes = 0, checksum = 0;
    if (!reader.Text(&text) || !reader.Number(&offset) || !reader.Number(&bytes) ||
        !reader.Number(&checksum))
      return damaged("a damaged table");
    if (offset % kAlign != 0 || offset > file.bytes.size() || bytes > file.bytes.size() - offset)
      return damaged("a run outside of it");
    const auto data = std::shared_ptr<const void>(file.owner, file.bytes.data() + offset);
    runs[std::string(text)] = {data, static_cast<size_t>(bytes), checksum};
  }
  if (!reader.done()) return damaged("a damaged table");
  return runs;
}

absl::Status WritePackedFile(const CacheDirectory& directory, const std::string& name,
                             absl::string_view purpose, const PackedRuns& runs) {
  // By name: the same runs give the same file.
  std::vector<const PackedRuns::value_type*> sorted;
  size_t data_bytes = 0, table_bytes = 2 * sizeof(uint64_t) + purpose.size();
  for (const auto& run : runs) {
    sorted.push_back(&run);
    data_bytes += RoundUp(run.second.bytes, kAlign);
    table_bytes += 4 * sizeof(uint64_t) + run.first.size();
  }
  std::sort(sorted.begin(), sorted.end(),
            [](const auto* a, const auto* b) { return a->first < b->first; });
  const size_t begin =
      RoundUp(sizeof(Header) + table_bytes, data_bytes >= 2 * kLargePage ? kLargePage : kAlign);
  std::string table;
  AppendText(&table, purpose);
  Append(&table, sorted.size());
  const std::string zeros(std::max(begin, kAlign), '\0');
  Header header;
  std::vector<absl::string_view> pieces(3);
  size_t offset = begin;
  for (const auto* run : sorted) {
    AppendText(&table, run->first);
    Append(&table, offset);
    Append(&table, run->second.bytes);
    Append(&table, run->second.checksum);
    pieces.emplace_back(static_cast<const char*>(run->second.data.get()), run->second.bytes);
    const size_t padded = RoundUp(run->second.bytes, kAlign);
    pieces.push_back(absl::string_view(zeros).substr(0, padded - run->second.bytes));
    offset += padded;
  }
  std::memcpy(header.magic, kMagic, sizeof kMagic);
  header.file_bytes = offset;
  header.table_bytes = table.size();
  header.table_checksum = Checksum(table);
  header.checksum = ChecksumOf(header);
  pieces[0] = {reinterpret_cast<const char*>(&header), sizeof header};
  pieces[1] = table;
  pieces[2] = absl::string_view(zeros).substr(0, begin - sizeof header - table.size());
  return directory.Write(name, pieces);
}

}  // namespace mirin::runtime
