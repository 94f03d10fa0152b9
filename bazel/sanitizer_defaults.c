/* Read by ThreadSanitizer's runtime at start; unused otherwise.
   The two vendor libraries come as binaries: their locks and atomics are not visible, so what they do with their own memory
   through intercepted functions (memset, memcpy) looks like races. Abseil's mutex wakes a thread through memory that it got
   from mmap inside the mutex, where it tells ThreadSanitizer not to look. Our own accesses stay checked. */
const char* __tsan_default_suppressions(void);
const char* __tsan_default_suppressions(void) {
  return "called_from_lib:libtbb.so.12\ncalled_from_lib:libdnnl.so.3\nrace:synchronization_"
         "internal::Waiter::Post\n";
}

/* Read by LeakSanitizer's. A TBB thread that still sleeps in an arena when the process ends keeps the 40 bytes by which it knows
   the arena's observer. */
const char* __lsan_default_suppressions(void);
const char* __lsan_default_suppressions(void) { return "leak:tbb::detail::r1::observe\n"; }
