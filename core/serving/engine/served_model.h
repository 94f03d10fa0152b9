// One declared model, loaded: its subgraphs, what a batch of instances is for it, and what runs it.
#ifndef CORE_SERVING_ENGINE_SERVED_MODEL_H_
#define CORE_SERVING_ENGINE_SERVED_MODEL_H_

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "core/serving/engine/description.h"
#include "core/serving/message.h"
#include "core/tools/handles.h"

namespace mirin::serving {

struct LoadModelOptions {
  std::string directory;          // of the servable: configuration files
  std::string version_directory;  // of the model files
  absl::string_view key;          // empty: plain models
  mirin_cipher cipher = MIRIN_CIPHER_AUTO;
  int32_t replicas = 1;
  uint64_t max_batch = 32;  // of models whose batch axis is open
  size_t max_sessions =
      64;  // of models with states: beyond it the one that was not used for longest goes
};

class ServedModel {
 public:
  struct Port {
    std::string name;
    mirin_dtype dtype = MIRIN_DTYPE_UNKNOWN;
    bool has_rank = false;
    Dims dims;                 // of one instance; -1: open
    bool has_batch = false;    // the tensor has the batch axis in front
    int64_t fixed_bytes = -1;  // of one instance; -1: open
  };
  struct Subgraph {
    std::vector<Port> inputs, outputs;
  };

  static absl::StatusOr<std::unique_ptr<ServedModel>> Load(const ModelSpec& spec,
                                                           const LoadModelOptions& options);

  const std::string& key() const { return spec_.key; }
  size_t subgraphs() const { return graphs_.size(); }
  const Subgraph& subgraph(size_t i) const { return graphs_[i]; }
  // Instances that one run takes at most; 1 without a batch axis.
  uint64_t batch_size() const { return batch_; }
  bool with_batch_dim() const { return spec_.with_batch_dim; }
  bool stateful() const { return stateful_; }
  int32_t replicas() const { return replicas_; }

  // Whether `inputs` can be an instance of the subgraph; gives them the model's dims where only the bytes were compared (MindSpore
  // Serving's rule; `strict` compares the dims too).
  Failure Check(size_t subgraph, std::vector<Tensor>& inputs, bool strict) const;
  // Whether both may be in one batch: equal dims, and equal values of inputs without the batch axis.
  bool Mergeable(size_t subgraph, const std::vector<Tensor>& a, const std::vector<Tensor>& b) const;

  // Runs at most batch_size() mergeable instances and returns the outputs of each. At most replicas() runs at once (they wait beyond
  // that); runs of one session follow each other.
  absl::StatusOr<std::vector<std::vector<Tensor>>> Run(
      size_t subgraph, absl::Span<const std::vector<Tensor>* const> instances,
      const std::string& session, absl::Time deadline, mirin_cancellation* cancellation);
  void EndSession(const std::string& session);
  // One run on zeros of every subgraph whose inputs are numbers of known shapes.
  absl::Status WarmUp();

 private:
  // The states of one client's session: a mirin_session per subgraph, and which of them holds the newest values.
  struct Session {
    absl::Mutex mutex;
    std::vector<tools::SessionPtr> graphs;
    size_t newest = 0;
    bool used = false;
  };

  // Of every session; borrows from this.
  mirin_session_options SessionOptions() const;
  absl::Status LoadGraph(const std::string& path, const LoadModelOptions& options);
  absl::StatusOr<std::vector<tools::TensorPtr>> Combine(
      size_t subgraph, absl::Span<const std::vector<Tensor>* const> instances,
      uint64_t batch) const;
  absl::StatusOr<std::vector<std::vector<Tensor>>> Split(
      size_t subgraph, const std::vector<std::shared_ptr<mirin_tensor>>& outputs, size_t instances,
      uint64_t batch) const;
  absl::StatusOr<std::vector<std::shared_ptr<mirin_tensor>>> RunStateful(
      size_t subgraph, const std::vector<const mirin_tensor*>& inputs, const std::string& session,
      const mirin_run_options& options);
  absl::StatusOr<std::shared_ptr<Session>> FindSession(const std::string& name);
  absl::Status MoveStates(Session& session, size_t to);

  ModelSpec spec_;
  int32_t replicas_ = 1;
  uint64_t batch_ = 1;
  bool fixed_batch_ = true;  // the model takes exactly batch_ instances: missing ones are padded
  bool stateful_ = false;
  size_t max_sessions_ = 0;
  std::vector<tools::ModelPtr> models_;
  std::vector<Subgraph> graphs_;
  std::vector<tools::PoolPtr> pools_;  // of models without states
  absl::Mutex sessions_mutex_;
  std::list<std::pair<std::string, std::shared_ptr<Session>>> sessions_
      ABSL_GUARDED_BY(sessions_mutex_);  // latest first
};

}  // namespace mirin::serving

#endif  // CORE_SERVING_ENGINE_SERVED_MODEL_H_
