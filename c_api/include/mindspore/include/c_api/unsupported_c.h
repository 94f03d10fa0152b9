/* Source compatibility with MindSpore Lite's C API: training and micro-controller calls, which
   answer "not supported". Included by model_c.h. */
#ifndef MINDSPORE_INCLUDE_C_API_UNSUPPORTED_C_H
#define MINDSPORE_INCLUDE_C_API_UNSUPPORTED_C_H

#include "include/c_api/status_c.h"
#include "include/c_api/types_c.h"

MS_API MSStatus mirin_ms_unsupported(const char* function) {
  return mirin_ms_fail(function, kMSStatusLiteNotSupport,
                       "Unsupported Feature: this is an inference runtime.");
}

MS_API void MSModelSetWorkspace(MSModelHandle model, void* workspace, size_t workspace_size) {
  (void)model, (void)workspace, (void)workspace_size;
  mirin_ms_unsupported("MSModelSetWorkspace");
}
MS_API size_t MSModelCalcWorkspaceSize(MSModelHandle model) {
  (void)model;
  mirin_ms_unsupported("MSModelCalcWorkspaceSize");
  return 0;
}
MS_API MSStatus MSModelRunStep(MSModelHandle model, const MSKernelCallBackC before,
                               const MSKernelCallBackC after) {
  (void)model, (void)before, (void)after;
  return mirin_ms_unsupported("MSModelRunStep");
}
MS_API MSStatus MSModelExportWeight(const MSModelHandle model, const char* export_path) {
  (void)model, (void)export_path;
  return mirin_ms_unsupported("MSModelExportWeight");
}

MS_API MSTrainCfgHandle MSTrainCfgCreate(void) {
  mirin_ms_unsupported("MSTrainCfgCreate");
  return NULL;
}
MS_API void MSTrainCfgDestroy(MSTrainCfgHandle* cfg) { (void)cfg; }
MS_API char** MSTrainCfgGetLossName(MSTrainCfgHandle cfg, size_t* num) {
  (void)cfg;
  if (num != NULL) *num = 0;
  return NULL;
}
MS_API void MSTrainCfgSetLossName(MSTrainCfgHandle cfg, const char** loss_name, size_t num) {
  (void)cfg, (void)loss_name, (void)num;
}
MS_API MSOptimizationLevel MSTrainCfgGetOptimizationLevel(MSTrainCfgHandle cfg) {
  (void)cfg;
  return kMSKO0;
}
MS_API void MSTrainCfgSetOptimizationLevel(MSTrainCfgHandle cfg, MSOptimizationLevel level) {
  (void)cfg, (void)level;
}
MS_API MSStatus MSTrainModelBuild(MSModelHandle model, const void* model_data, size_t data_size,
                                  MSModelType model_type, const MSContextHandle model_context,
                                  const MSTrainCfgHandle train_cfg) {
  (void)model, (void)model_data, (void)data_size, (void)model_type, (void)model_context,
      (void)train_cfg;
  return mirin_ms_unsupported("MSTrainModelBuild");
}
MS_API MSStatus MSTrainModelBuildFromFile(MSModelHandle model, const char* model_path,
                                          MSModelType model_type,
                                          const MSContextHandle model_context,
                                          const MSTrainCfgHandle train_cfg) {
  (void)model, (void)model_path, (void)model_type, (void)model_context, (void)train_cfg;
  return mirin_ms_unsupported("MSTrainModelBuildFromFile");
}
MS_API MSStatus MSRunStep(MSModelHandle model, const MSKernelCallBackC before,
                          const MSKernelCallBackC after) {
  (void)model, (void)before, (void)after;
  return mirin_ms_unsupported("MSRunStep");
}
MS_API MSStatus MSModelSetLearningRate(MSModelHandle model, float learning_rate) {
  (void)model, (void)learning_rate;
  return mirin_ms_unsupported("MSModelSetLearningRate");
}
MS_API float MSModelGetLearningRate(MSModelHandle model) {
  (void)model;
  mirin_ms_unsupported("MSModelGetLearningRate");
  return 0;
}
MS_API MSTensorHandleArray MSModelGetWeights(MSModelHandle model) {
  const MSTensorHandleArray none = {0, NULL};
  (void)model;
  mirin_ms_unsupported("MSModelGetWeights");
  return none;
}
MS_API MSStatus MSModelUpdateWeights(MSModelHandle model, const MSTensorHandleArray new_weights) {
  (void)model, (void)new_weights;
  return mirin_ms_unsupported("MSModelUpdateWeights");
}
MS_API bool MSModelGetTrainMode(MSModelHandle model) {
  (void)model;
  return false;
}
MS_API MSStatus MSModelSetTrainMode(MSModelHandle model, bool train) {
  (void)model;
  return train ? mirin_ms_unsupported("MSModelSetTrainMode") : kMSStatusSuccess;
}
MS_API MSStatus MSModelSetupVirtualBatch(MSModelHandle model, int virtual_batch_multiplier,
                                         float lr, float momentum) {
  (void)model, (void)virtual_batch_multiplier, (void)lr, (void)momentum;
  return mirin_ms_unsupported("MSModelSetupVirtualBatch");
}
MS_API MSStatus MSExportModel(MSModelHandle model, MSModelType model_type, const char* model_file,
                              MSQuantizationType quantization_type, bool export_inference_only,
                              char** output_tensor_name, size_t num) {
  (void)model, (void)model_type, (void)model_file, (void)quantization_type,
      (void)export_inference_only, (void)output_tensor_name, (void)num;
  return mirin_ms_unsupported("MSExportModel");
}
MS_API MSStatus MSExportModelBuffer(MSModelHandle model, MSModelType model_type, char** model_data,
                                    size_t* data_size, MSQuantizationType quantization_type,
                                    bool export_inference_only, char** output_tensor_name,
                                    size_t num) {
  (void)model, (void)model_type, (void)model_data, (void)data_size, (void)quantization_type,
      (void)export_inference_only;
  (void)output_tensor_name, (void)num;
  return mirin_ms_unsupported("MSExportModelBuffer");
}
MS_API MSStatus MSExportWeightsCollaborateWithMicro(MSModelHandle model, MSModelType model_type,
                                                    const char* weight_file, bool is_inference,
                                                    bool enable_fp16,
                                                    char** changeable_weights_name, size_t num) {
  (void)model, (void)model_type, (void)weight_file, (void)is_inference, (void)enable_fp16,
      (void)changeable_weights_name, (void)num;
  return mirin_ms_unsupported("MSExportWeightsCollaborateWithMicro");
}

#endif /* MINDSPORE_INCLUDE_C_API_UNSUPPORTED_C_H */
