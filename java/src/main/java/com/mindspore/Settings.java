package com.mindspore;

import com.mindspore.config.RunnerConfig;
import com.mindspore.internal.Handle;
import com.mindspore.internal.Mirin;
import java.util.Map;
import java.util.function.LongConsumer;

/** Settings by section and key, as configuration files have them. */
final class Settings implements AutoCloseable {
  final Handle handle;

  Settings() {
    long[] pointer = new long[1];
    Mirin.mirin_config_create(pointer);
    handle = new Handle(pointer[0], Mirin::mirin_config_destroy);
  }

  /** Uses the native object, which cannot go away meanwhile. */
  void with(LongConsumer use) {
    long pointer = handle.acquire();
    try {
      use.accept(pointer);
    } finally {
      handle.release();
    }
  }

  void loadFile(String path) {
    if (path == null) {
      throw MirinException.invalid("the path is null");
    }
    with(pointer -> Mirin.mirin_config_load_file(pointer, path));
  }

  void set(String section, Map<String, String> config) {
    if (section == null || config == null) {
      throw MirinException.invalid("the section or its settings are null");
    }
    with(
        pointer ->
            config.forEach((key, value) -> Mirin.mirin_config_set(pointer, section, key, value)));
  }

  /** The file first, then what was set by hand. */
  Settings take(RunnerConfig config) {
    if (!config.getConfigPath().isEmpty()) {
      loadFile(config.getConfigPath());
    }
    config.getConfigInfo().forEach(this::set);
    return this;
  }

  @Override
  public void close() {
    handle.close();
  }
}
