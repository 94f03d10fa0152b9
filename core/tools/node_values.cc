#include "core/tools/node_values.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "core/base/status.h"
#include "core/tools/conversion.h"
#include "core/tools/progress_line.h"

namespace mirin::tools {
namespace {

std::string BytesOf(const mirin_tensor* tensor) {
  if (mirin_tensor_dtype(tensor) != MIRIN_DTYPE_STRING) {
    return mirin_tensor_size(tensor) == 0
               ? ""
               : std::string(static_cast<const char*>(mirin_tensor_data(tensor)),
                             mirin_tensor_size(tensor));
  }
  std::string bytes;
  for (int64_t i = 0; i < mirin_tensor_elements(tensor); ++i) {
    size_t size = 0;
    const char* text = mirin_tensor_string(tensor, i, &size);
    absl::StrAppend(&bytes, size, ":", absl::string_view(text, size));
  }
  return bytes;
}

// The converter's result in memory, loaded; without any pass when it is to be looked into.
absl::StatusOr<ModelPtr> LoadConverted(const ModelSource& source, bool every_value) {
  std::map<std::string, std::string> options = source.options;
  options["fmk"] = FrameworkOf(source.path);
  options["modelFile"] = source.path;
  if (every_value) {
    options["optimize"] = "none";
    options["intermediateOutputs"] = "true";
  }
  MIRIN_ASSIGN_OR_RETURN(const ConverterPtr converter, NewConverter(options));
  MIRIN_RETURN_IF_ERROR(Watched(converter.get(), source.path, mirin_converter_run));
  size_t size = 0;
  const void* bytes = mirin_converter_model(converter.get(), &size);
  mirin_model_options load = MIRIN_MODEL_OPTIONS_INIT;
  load.optimization_level = every_value ? 0 : 1;
  mirin_model* model = nullptr;
  MIRIN_RETURN_IF_ERROR(Take(mirin_model_load_memory(bytes, size, &load, &model)));
  return ModelPtr(model);
}

}  // namespace

absl::StatusOr<ModelPtr> LoadPlain(const ModelSource& source) {
  if (FrameworkOf(source.path) != "MINDIR") return LoadConverted(source, false);
  const auto key = source.options.find("decryptKey");
  return LoadFile(source.path, key == source.options.end() ? "" : key->second);
}

absl::StatusOr<NamedValues> RunOutputs(const mirin_model* model, const std::string& device,
                                       const std::vector<TensorPtr>& inputs) {
  mirin_session_options options = MIRIN_SESSION_OPTIONS_INIT;
  const char* devices[] = {device.c_str()};
  options.devices = devices;
  options.num_devices = 1;
  mirin_session* raw = nullptr;
  MIRIN_RETURN_IF_ERROR(Take(mirin_session_create(model, &options, &raw)));
  const SessionPtr session(raw);
  const auto pointers = Pointers(inputs);
  std::vector<const mirin_tensor*> outputs(mirin_model_output_count(model));
  {
    const ProgressLine line([&] { return absl::StrCat("running on ", device); });
    MIRIN_RETURN_IF_ERROR(Take(
        mirin_session_run(raw, pointers.data(), pointers.size(), outputs.data(), outputs.size())));
  }
  NamedValues values;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const int64_t* dims = mirin_tensor_dims(outputs[i]);
    values.push_back({mirin_model_output_name(model, i), mirin_tensor_dtype(outputs[i]),
                      Dims(dims, dims + mirin_tensor_rank(outputs[i])), BytesOf(outputs[i])});
  }
  return values;
}

absl::StatusOr<NamedValues> RunMirin(const ModelSource& source, const std::string& device,
                                     const std::vector<TensorPtr>& inputs) {
  MIRIN_ASSIGN_OR_RETURN(const ModelPtr plain, LoadPlain(source));
  MIRIN_ASSIGN_OR_RETURN(const ModelPtr model, LoadConverted(source, true));
  MIRIN_ASSIGN_OR_RETURN(NamedValues values, RunOutputs(model.get(), device, inputs));
  // The model's own outputs stand first there.
  std::rotate(values.begin(),
              values.begin() + static_cast<std::ptrdiff_t>(mirin_model_output_count(plain.get())),
              values.end());
  return values;
}

}  // namespace mirin::tools
