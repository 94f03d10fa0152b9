/** Mirin's Java SDK: models, tensors and parallel runners over libmirin. */
module com.mindspore.lite {
  exports com.mindspore;
  exports com.mindspore.config;
}
