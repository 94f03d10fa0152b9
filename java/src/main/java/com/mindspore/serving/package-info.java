/**
 * The model server, inside a Java program. It answers MindSpore Serving's REST and gRPC calls and
 * the Open Inference Protocol, from servable directories and plain folders of models. Its library
 * is loaded by the first {@link com.mindspore.serving.Server}.
 */
package com.mindspore.serving;
