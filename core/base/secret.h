// Keys leave no trace in memory that was freed.
#ifndef CORE_BASE_SECRET_H_
#define CORE_BASE_SECRET_H_

#include <string.h>

#include <string>
#include <utility>

namespace mirin {

// Overwrites and empties the text; a compiler may not leave it out, unlike a last assignment.
inline void Wipe(std::string* secret) {
  // a moved-from short text still holds its bytes
  secret->resize(secret->capacity());
  explicit_bzero(secret->data(), secret->size());
  secret->clear();
}

// A text that is overwritten when it goes.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) { Wipe(&text); }
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept : text_(std::move(other.text_)) { other.Clear(); }
  Secret& operator=(const Secret& other) {
    if (this != &other) {
      Clear();
      text_ = other.text_;
    }
    return *this;
  }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      Clear();
      text_ = std::move(other.text_);
      other.Clear();
    }
    return *this;
  }
  ~Secret() { Clear(); }

  const std::string& text() const { return text_; }
  void Clear() { Wipe(&text_); }

 private:
  std::string text_;
};

}  // namespace mirin

#endif  // CORE_BASE_SECRET_H_
