/** A program on the module path; without this file it is one on the class path. */
module example.consumer {
  requires com.mindspore.lite;
}
