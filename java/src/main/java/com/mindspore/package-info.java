/**
 * Models, tensors and parallel runners, source-compatible with MindSpore Lite's Java API.
 *
 * <p>The compatible methods answer with {@code false}, {@code null} or an empty list; {@link
 * com.mindspore.MirinException#last()} then says why. Beside them are methods that throw {@link
 * com.mindspore.MirinException}: {@code load}, {@code run}, {@code create}, {@code write}.
 *
 * <p>Objects over native memory are {@link java.lang.AutoCloseable}; {@code free()} is the same as
 * {@code close()} and may be called twice. What is never closed is freed with its garbage. Using a
 * closed object is an {@link java.lang.IllegalStateException}, never undefined.
 */
package com.mindspore;
