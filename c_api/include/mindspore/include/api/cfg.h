// Source compatibility with MindSpore Lite's C++ API: settings for training, which this runtime
// does not do. A model that is given one is not built.
#ifndef MINDSPORE_INCLUDE_API_CFG_H
#define MINDSPORE_INCLUDE_API_CFG_H

#include <string>
#include <vector>

#include "include/api/types.h"

namespace mindspore {

class TrainCfg {
 public:
  TrainCfg() = default;
  explicit TrainCfg(const std::string& loss_name) : loss_name_{loss_name} {}
  std::vector<std::string> GetLossName() const { return loss_name_; }
  void SetLossName(const std::vector<std::string>& names) { loss_name_ = names; }

  OptimizationLevel optimization_level_ = kO0;
  bool accumulate_gradients_ = false;

 private:
  std::vector<std::string> loss_name_ = {"loss_fct", "_loss_fn", "SigmoidCrossEntropy"};
};

}  // namespace mindspore

#endif  // MINDSPORE_INCLUDE_API_CFG_H
