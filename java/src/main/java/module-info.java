/** Mirin's Java SDK: models, tensors, parallel runners and the model server over libmirin. */
module com.mindspore.lite {
  exports com.mindspore;
  exports com.mindspore.config;
  exports com.mindspore.serving;
}
