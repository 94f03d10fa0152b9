// Keys leave no trace in memory that was freed.
#ifndef CORE_CONVERTER_SECRET_H_
#define CORE_CONVERTER_SECRET_H_

#include <string>

namespace mirin::converter {

// Overwrites the text; a compiler may not leave it out, unlike a last assignment.
inline void Wipe(std::string* secret) {
  volatile char* bytes = secret->data();
  for (size_t i = 0; i < secret->size(); ++i) bytes[i] = '\0';
  secret->clear();
}

}  // namespace mirin::converter

#endif  // CORE_CONVERTER_SECRET_H_
