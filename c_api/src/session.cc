#include "c_api/src/boundary.h"

namespace {

using mirin::runtime::Session;

// What ends the run that is about to begin.
absl::StatusOr<mirin::runtime::RunControl> ControlOf(const mirin_run_options* options) {
  const auto limits = mirin::c_api::FromC(options);
  if (!limits.ok()) return limits.status();
  mirin::runtime::RunControl control;
  control.deadline = limits->deadline;
  if (limits->cancel != nullptr) control.cancellation = &limits->cancel->cancellation();
  return control;
}

// Keeps what a failed call may have lent from being read through stale handles: inputs are let go of.
struct InputScope {
  mirin_session* session;
  ~InputScope() {
    for (mirin::Tensor& t : session->inputs) t = mirin::Tensor();
  }
};

}  // namespace

mirin_status* mirin_session_create(const mirin_model* model, const mirin_session_options* options,
                                   mirin_session** out_session) {
  MIRIN_C_BEGIN
  MIRIN_C_REQUIRE(model);
  MIRIN_C_REQUIRE(out_session);
  const auto converted = mirin::c_api::FromC(options);
  MIRIN_C_RETURN_IF_ERROR(converted.status());
  auto session = Session::Create(model->model, *converted);
  MIRIN_C_RETURN_IF_ERROR(session.status());
  auto handle = std::make_unique<mirin_session>();
  handle->session = *std::move(session);
  *out_session = handle.release();
  return nullptr;
  MIRIN_C_END
}

void mirin_session_destroy(mirin_session* session) { delete session; }

mirin_status* mirin_session_resize(mirin_session* session, const int64_t* const* dims,
                                   const size_t* ranks, size_t num_inputs) {
  MIRIN_C_BEGIN
  MIRIN_C_REQUIRE(session);
  std::vector<mirin::Dims> shapes;
  MIRIN_C_RETURN_IF_ERROR(
      mirin::c_api::CollectShapes(session->session->model(), dims, ranks, num_inputs, &shapes));
  return mirin::c_api::ToC(session->session->Resize(shapes));
  MIRIN_C_END
}

mirin_status* mirin_session_run(mirin_session* session, const mirin_tensor* const* inputs,
                                size_t num_inputs, const mirin_tensor** out_outputs,
                                size_t num_outputs) {
  return mirin_session_run_with(session, inputs, num_inputs, nullptr, out_outputs, num_outputs);
}

mirin_status* mirin_session_run_with(mirin_session* session, const mirin_tensor* const* inputs,
                                     size_t num_inputs, const mirin_run_options* options,
                                     const mirin_tensor** out_outputs, size_t num_outputs) {
  MIRIN_C_BEGIN
  MIRIN_C_REQUIRE(session);
  if (num_outputs > 0) MIRIN_C_REQUIRE(out_outputs);
  MIRIN_C_RETURN_IF_ERROR(mirin::c_api::CheckOutputCount(session->session->model(), num_outputs));
  const auto control = ControlOf(options);
  MIRIN_C_RETURN_IF_ERROR(control.status());
  const auto lock = session->session->TryLock();
  MIRIN_C_RETURN_IF_ERROR(lock.status());
  const InputScope scope{session};
  MIRIN_C_RETURN_IF_ERROR(mirin::c_api::CollectInputs(
      inputs, num_inputs, session->session->model().inputs().size(), &session->inputs));
  const auto outputs = session->session->RunLocked(session->inputs, {}, *control);
  MIRIN_C_RETURN_IF_ERROR(outputs.status());
  session->outputs.resize(outputs->size());
  for (size_t i = 0; i < outputs->size(); ++i) {
    session->outputs[i].tensor = (*outputs)[i];
    session->outputs[i].writable = false;
    out_outputs[i] = &session->outputs[i];
  }
  return nullptr;
  MIRIN_C_END
}

mirin_status* mirin_session_run_into(mirin_session* session, const mirin_tensor* const* inputs,
                                     size_t num_inputs, mirin_tensor* const* outputs,
                                     size_t num_outputs) {
  return mirin_session_run_into_with(session, inputs, num_inputs, nullptr, outputs, num_outputs);
}

mirin_status* mirin_session_run_into_with(mirin_session* session, const mirin_tensor* const* inputs,
                                          size_t num_inputs, const mirin_run_options* options,
                                          mirin_tensor* const* outputs, size_t num_outputs) {
  MIRIN_C_BEGIN
  MIRIN_C_REQUIRE(session);
  if (num_outputs > 0) MIRIN_C_REQUIRE(outputs);
  MIRIN_C_RETURN_IF_ERROR(mirin::c_api::CheckOutputCount(session->session->model(), num_outputs));
  const auto buffers = mirin::c_api::BuffersOf(session->session->model(), outputs);
  MIRIN_C_RETURN_IF_ERROR(buffers.status());
  const auto control = ControlOf(options);
  MIRIN_C_RETURN_IF_ERROR(control.status());
  const auto lock = session->session->TryLock();
  MIRIN_C_RETURN_IF_ERROR(lock.status());
  const InputScope scope{session};
  MIRIN_C_RETURN_IF_ERROR(mirin::c_api::CollectInputs(
      inputs, num_inputs, session->session->model().inputs().size(), &session->inputs));
  const auto results = session->session->RunLocked(session->inputs, *buffers, *control);
  MIRIN_C_RETURN_IF_ERROR(results.status());
  mirin::c_api::TakeShapes(*results, *buffers, outputs);
  return nullptr;
  MIRIN_C_END
}

void mirin_session_cancel(mirin_session* session) {
  if (session != nullptr) session->session->Cancel();
}

mirin_status* mirin_session_get_state(mirin_session* session, size_t i, mirin_tensor** out_tensor) {
  MIRIN_C_BEGIN
  MIRIN_C_REQUIRE(session);
  MIRIN_C_REQUIRE(out_tensor);
  const auto lock = session->session->TryLock();
  MIRIN_C_RETURN_IF_ERROR(lock.status());
  const auto state = session->session->GetState(i > 1000000 ? -1 : static_cast<int>(i));
  MIRIN_C_RETURN_IF_ERROR(state.status());
  const mirin_tensor lent = {*state, false};
  return mirin_tensor_copy(&lent, out_tensor);
  MIRIN_C_END
}

mirin_status* mirin_session_set_state(mirin_session* session, size_t i, const mirin_tensor* value) {
  MIRIN_C_BEGIN
  MIRIN_C_REQUIRE(session);
  MIRIN_C_REQUIRE(value);
  return mirin::c_api::ToC(
      session->session->SetState(i > 1000000 ? -1 : static_cast<int>(i), value->tensor));
  MIRIN_C_END
}

namespace {

template <typename Make>
const char* Text(std::string* to, Make make) {
  try {
    *to = make();
  } catch (...) {
    to->clear();
  }
  return to->c_str();
}

}  // namespace

const char* mirin_session_profile_table(mirin_session* session) {
  return session == nullptr
             ? nullptr
             : Text(&session->table, [&] { return session->session->ProfileTable(); });
}

const char* mirin_session_profile_trace(mirin_session* session) {
  return session == nullptr
             ? nullptr
             : Text(&session->trace, [&] { return session->session->ProfileTrace(); });
}

const char* mirin_session_placement(mirin_session* session) {
  return session == nullptr
             ? nullptr
             : Text(&session->placement, [&] { return session->session->PlacementReport(); });
}

void mirin_session_profile_reset(mirin_session* session) {
  if (session != nullptr) session->session->ResetProfile();
}
