// Source compatibility with MindSpore Lite's C++ API: frameworks that models come from.
#ifndef MINDSPORE_INCLUDE_REGISTRY_CONVERTER_CONTEXT_H
#define MINDSPORE_INCLUDE_REGISTRY_CONVERTER_CONTEXT_H

namespace mindspore {
namespace converter {

enum FmkType : int {
  kFmkTypeTf = 0,
  kFmkTypeCaffe = 1,
  kFmkTypeOnnx = 2,
  kFmkTypeMs = 3,
  kFmkTypeTflite = 4,
  kFmkTypePytorch = 5,
  kFmkTypeEnd = 6,
};

}  // namespace converter
}  // namespace mindspore

#endif  // MINDSPORE_INCLUDE_REGISTRY_CONVERTER_CONTEXT_H
