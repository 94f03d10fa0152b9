#include "mirin/pool.h"

#include <algorithm>

#include "c_api/src/boundary.h"
#include "core/runtime/session_pool.h"

struct mirin_pool {
  mutable std::unique_ptr<mirin::runtime::SessionPool>
      pool;  // locks inside: const handles are shared by threads
};

namespace {

using mirin::runtime::OutputBuffer;
using mirin::runtime::PoolRunControl;

absl::StatusOr<std::vector<mirin::Tensor>> Run(const mirin_pool* pool,
                                               const mirin_tensor* const* inputs, size_t num_inputs,
                                               const mirin_run_options* options,
                                               absl::Span<const OutputBuffer> buffers) {
  const auto limits = mirin::c_api::FromC(options);
  if (!limits.ok()) return limits.status();
  std::vector<mirin::Tensor> given;
  const absl::Status collected =
      mirin::c_api::CollectInputs(inputs, num_inputs, pool->pool->model().inputs().size(), &given);
  if (!collected.ok()) return collected;
  return pool->pool->Run(given, buffers, PoolRunControl{limits->cancel, limits->deadline});
}

}  // namespace

mirin_status* mirin_pool_create(const mirin_model* model, const mirin_pool_options* options,
                                mirin_pool** out_pool) {
  MIRIN_C_BEGIN
  MIRIN_C_REQUIRE(model);
  MIRIN_C_REQUIRE(out_pool);
  static const mirin_pool_options kDefaults = MIRIN_POOL_OPTIONS_INIT;
  const auto known = mirin::c_api::Known(options, kDefaults);
  MIRIN_C_RETURN_IF_ERROR(known.status());
  mirin::runtime::PoolOptions converted;
  converted.workers = known->workers;
  converted.max_queue = known->max_queue;
  const auto session = mirin::c_api::FromC(known->session);
  MIRIN_C_RETURN_IF_ERROR(session.status());
  converted.session = *session;
  if (known->config != nullptr) {
    mirin::c_api::LogNotes(known->config);
    if (converted.session.threads == 0)
      converted.session.threads = known->config->config.threads_per_worker;
  }
  auto pool = mirin::runtime::SessionPool::Create(model->model, converted);
  MIRIN_C_RETURN_IF_ERROR(pool.status());
  *out_pool = new mirin_pool{*std::move(pool)};
  return nullptr;
  MIRIN_C_END
}

void mirin_pool_destroy(mirin_pool* pool) { delete pool; }

int32_t mirin_pool_workers(const mirin_pool* pool) {
  return pool == nullptr ? 0 : pool->pool->workers();
}

mirin_status* mirin_pool_run(const mirin_pool* pool, const mirin_tensor* const* inputs,
                             size_t num_inputs, const mirin_run_options* options,
                             mirin_tensor** out_outputs, size_t num_outputs) {
  MIRIN_C_BEGIN
  MIRIN_C_REQUIRE(pool);
  if (num_outputs > 0) MIRIN_C_REQUIRE(out_outputs);
  MIRIN_C_RETURN_IF_ERROR(mirin::c_api::CheckOutputCount(pool->pool->model(), num_outputs));
  auto results = Run(pool, inputs, num_inputs, options, {});
  MIRIN_C_RETURN_IF_ERROR(results.status());
  std::vector<std::unique_ptr<mirin_tensor>> handles;
  for (mirin::Tensor& result : *results)
    handles.push_back(std::make_unique<mirin_tensor>(mirin_tensor{std::move(result)}));
  for (size_t i = 0; i < num_outputs; ++i) out_outputs[i] = handles[i].release();
  return nullptr;
  MIRIN_C_END
}

mirin_status* mirin_pool_run_into(const mirin_pool* pool, const mirin_tensor* const* inputs,
                                  size_t num_inputs, const mirin_run_options* options,
                                  mirin_tensor* const* outputs, size_t num_outputs) {
  MIRIN_C_BEGIN
  MIRIN_C_REQUIRE(pool);
  if (num_outputs > 0) MIRIN_C_REQUIRE(outputs);
  MIRIN_C_RETURN_IF_ERROR(mirin::c_api::CheckOutputCount(pool->pool->model(), num_outputs));
  const auto buffers = mirin::c_api::BuffersOf(pool->pool->model(), outputs);
  MIRIN_C_RETURN_IF_ERROR(buffers.status());
  const auto results = Run(pool, inputs, num_inputs, options, *buffers);
  MIRIN_C_RETURN_IF_ERROR(results.status());
  mirin::c_api::TakeShapes(*results, *buffers, outputs);
  return nullptr;
  MIRIN_C_END
}
