#include "c_api/src/boundary.h"
#include "core/backends/all.h"

namespace {

using mirin::runtime::Model;
using mirin::runtime::TensorSpec;

void Publish(std::shared_ptr<const Model> model, mirin_model** out_model) {
  auto handle = std::make_unique<mirin_model>();
  handle->model = std::move(model);
  *out_model = handle.release();
}

template <typename Load>
mirin_status* LoadModel(const mirin_model_options* options, mirin_model** out_model, Load load) {
  MIRIN_C_REQUIRE(out_model);
  mirin::InstallAllBackends();
  const auto converted = mirin::c_api::FromC(options);
  MIRIN_C_RETURN_IF_ERROR(converted.status());
  absl::StatusOr<std::shared_ptr<const Model>> model = load(*converted);
  MIRIN_C_RETURN_IF_ERROR(model.status());
  Publish(*std::move(model), out_model);
  return nullptr;
}

const std::vector<TensorSpec>* Inputs(const mirin_model* m) {
  return m == nullptr ? nullptr : &m->model->inputs();
}
const std::vector<TensorSpec>* Outputs(const mirin_model* m) {
  return m == nullptr ? nullptr : &m->model->outputs();
}
const std::vector<TensorSpec>* States(const mirin_model* m) {
  return m == nullptr ? nullptr : &m->model->states();
}

const TensorSpec* At(const std::vector<TensorSpec>* specs, size_t i) {
  return specs == nullptr || i >= specs->size() ? nullptr : &(*specs)[i];
}
const char* NameOf(const TensorSpec* spec) {
  return spec == nullptr ? nullptr : spec->name.c_str();
}
mirin_dtype TypeOf(const TensorSpec* spec) {
  return spec == nullptr ? MIRIN_DTYPE_UNKNOWN : static_cast<mirin_dtype>(spec->type.dtype);
}
int32_t RankOf(const TensorSpec* spec) {
  return spec == nullptr || !spec->type.shape.rank_known() ? -1 : spec->type.shape.rank();
}
const int64_t* DimsOf(const TensorSpec* spec) {
  return spec == nullptr || !spec->type.shape.rank_known() ? nullptr
                                                           : spec->type.shape.dims().data();
}

}  // namespace

mirin_status* mirin_model_load_file(const char* path, const mirin_model_options* options,
                                    mirin_model** out_model) {
  MIRIN_C_BEGIN
  MIRIN_C_REQUIRE(path);
  return LoadModel(options, out_model, [&](const auto& o) { return Model::LoadFile(path, o); });
  MIRIN_C_END
}

mirin_status* mirin_model_load_memory(const void* data, size_t size,
                                      const mirin_model_options* options, mirin_model** out_model) {
  MIRIN_C_BEGIN
  MIRIN_C_REQUIRE(data);
  const absl::string_view bytes(static_cast<const char*>(data), size);
  return LoadModel(options, out_model,
                   [&](const auto& o) { return Model::LoadBuffer(bytes, nullptr, o); });
  MIRIN_C_END
}

mirin_status* mirin_model_load_memory_adopt(const void* data, size_t size, mirin_deleter deleter,
                                            void* context, const mirin_model_options* options,
                                            mirin_model** out_model) {
  MIRIN_C_BEGIN
  MIRIN_C_REQUIRE(data);
  struct Adopted {
    void* data;
    void* context;
    mirin_deleter deleter = nullptr;
    ~Adopted() {
      if (deleter != nullptr) deleter(data, context);
    }
  };
  auto adopted = std::make_shared<Adopted>();
  adopted->data = const_cast<void*>(data);
  adopted->context = context;
  const absl::string_view bytes(static_cast<const char*>(data), size);
  mirin_status* status = LoadModel(
      options, out_model, [&](const auto& o) { return Model::LoadBuffer(bytes, adopted, o); });
  if (status == nullptr) adopted->deleter = deleter;
  return status;
  MIRIN_C_END
}

mirin_status* mirin_model_reshape(const mirin_model* model, const int64_t* const* dims,
                                  const size_t* ranks, size_t num_inputs, mirin_model** out_model) {
  MIRIN_C_BEGIN
  MIRIN_C_REQUIRE(model);
  MIRIN_C_REQUIRE(out_model);
  std::vector<mirin::Dims> shapes;
  MIRIN_C_RETURN_IF_ERROR(
      mirin::c_api::CollectShapes(*model->model, dims, ranks, num_inputs, &shapes));
  auto reshaped = model->model->Reshaped(shapes);
  MIRIN_C_RETURN_IF_ERROR(reshaped.status());
  Publish(*std::move(reshaped), out_model);
  return nullptr;
  MIRIN_C_END
}

void mirin_model_destroy(mirin_model* model) { delete model; }

size_t mirin_model_input_count(const mirin_model* m) {
  return m == nullptr ? 0 : Inputs(m)->size();
}
const char* mirin_model_input_name(const mirin_model* m, size_t i) {
  return NameOf(At(Inputs(m), i));
}
mirin_dtype mirin_model_input_dtype(const mirin_model* m, size_t i) {
  return TypeOf(At(Inputs(m), i));
}
int32_t mirin_model_input_rank(const mirin_model* m, size_t i) { return RankOf(At(Inputs(m), i)); }
const int64_t* mirin_model_input_dims(const mirin_model* m, size_t i) {
  return DimsOf(At(Inputs(m), i));
}

size_t mirin_model_output_count(const mirin_model* m) {
  return m == nullptr ? 0 : Outputs(m)->size();
}
const char* mirin_model_output_name(const mirin_model* m, size_t i) {
  return NameOf(At(Outputs(m), i));
}
mirin_dtype mirin_model_output_dtype(const mirin_model* m, size_t i) {
  return TypeOf(At(Outputs(m), i));
}
int32_t mirin_model_output_rank(const mirin_model* m, size_t i) {
  return RankOf(At(Outputs(m), i));
}
const int64_t* mirin_model_output_dims(const mirin_model* m, size_t i) {
  return DimsOf(At(Outputs(m), i));
}

size_t mirin_model_state_count(const mirin_model* m) {
  return m == nullptr ? 0 : States(m)->size();
}
const char* mirin_model_state_name(const mirin_model* m, size_t i) {
  return NameOf(At(States(m), i));
}

const char* mirin_model_metadata(const mirin_model* model, const char* key) {
  if (model == nullptr || key == nullptr) return nullptr;
  const auto& metadata = model->model->module().metadata();
  for (const auto& [name, value] : metadata) {
    if (name == key) return value.c_str();
  }
  return "";
}

const char* mirin_model_pass_report(const mirin_model* model) {
  return model == nullptr ? nullptr : model->model->pass_report().c_str();
}

mirin_status* mirin_model_run(const mirin_model* model, const mirin_session_options* options,
                              const mirin_tensor* const* inputs, size_t num_inputs,
                              mirin_tensor** out_outputs, size_t num_outputs) {
  MIRIN_C_BEGIN
  MIRIN_C_REQUIRE(model);
  MIRIN_C_REQUIRE(out_outputs);
  if (num_outputs != model->model->outputs().size()) {
    return mirin::c_api::ToC(
        absl::InvalidArgumentError(absl::StrCat("the model has ", model->model->outputs().size(),
                                                " outputs, there is room for ", num_outputs)));
  }
  if (!model->model->states().empty()) {
    return mirin::c_api::ToC(
        absl::FailedPreconditionError("the model keeps state between runs: use a session"));
  }
  const auto converted = mirin::c_api::FromC(options);
  MIRIN_C_RETURN_IF_ERROR(converted.status());
  std::vector<mirin::Tensor> given;
  MIRIN_C_RETURN_IF_ERROR(
      mirin::c_api::CollectInputs(inputs, num_inputs, model->model->inputs().size(), &given));
  auto lease = model->cache.Take(model->model, *converted);
  MIRIN_C_RETURN_IF_ERROR(lease.status());
  const auto outputs = (*lease)->Run(given);
  MIRIN_C_RETURN_IF_ERROR(outputs.status());
  std::vector<std::unique_ptr<mirin_tensor>> copies;
  for (const mirin::Tensor& output : *outputs) {
    const mirin_tensor lent = {output, false};
    mirin_tensor* copy = nullptr;
    mirin_status* status = mirin_tensor_copy(&lent, &copy);
    if (status != nullptr) return status;
    copies.emplace_back(copy);
  }
  for (size_t i = 0; i < num_outputs; ++i) out_outputs[i] = copies[i].release();
  return nullptr;
  MIRIN_C_END
}
