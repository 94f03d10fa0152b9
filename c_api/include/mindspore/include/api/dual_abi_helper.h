// Source compatibility with MindSpore Lite's C++ API: texts as vectors of characters and back.
#ifndef MINDSPORE_INCLUDE_API_DUAL_ABI_HELPER_H
#define MINDSPORE_INCLUDE_API_DUAL_ABI_HELPER_H

#include <string>
#include <vector>

namespace mindspore {

inline std::vector<char> StringToChar(const std::string& text) {
  return std::vector<char>(text.begin(), text.end());
}
inline std::string CharToString(const std::vector<char>& text) {
  return std::string(text.begin(), text.end());
}
inline std::vector<std::vector<char>> VectorStringToChar(const std::vector<std::string>& texts) {
  std::vector<std::vector<char>> out;
  for (const std::string& text : texts) out.push_back(StringToChar(text));
  return out;
}
inline std::vector<std::string> VectorCharToString(const std::vector<std::vector<char>>& texts) {
  std::vector<std::string> out;
  for (const std::vector<char>& text : texts) out.push_back(CharToString(text));
  return out;
}

}  // namespace mindspore

#endif  // MINDSPORE_INCLUDE_API_DUAL_ABI_HELPER_H
