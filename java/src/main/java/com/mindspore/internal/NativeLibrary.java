package com.mindspore.internal;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Loads the native libraries once, in the order in which they need each other. They come from
 *
 * <ol>
 *   <li>the folders named by the system property {@value #PATH_PROPERTY}, and from nowhere else
 *       when it is set;
 *   <li>the folders of java.library.path, when one of them holds {@value #JNI};
 *   <li>the jar, by way of the user's cache folder ({@link Extraction}).
 * </ol>
 */
public final class NativeLibrary {
  /** The system property that names the folders of the libraries, as a path. */
  public static final String PATH_PROPERTY = "com.mindspore.library.path";

  private static final String JNI = "libmirin_jni.so";
  private static final List<String> RUNTIME =
      List.of("libtbb.so.12", "libintlc.so.5", "libimf.so", "libdnnl.so.3", "libmirin.so.1", JNI);
  private static final List<String> CONVERTER =
      List.of("libmirin_converter.so.1", "libmirin_converter_jni.so");
  private static final List<String> SERVING =
      List.of("libmirin_serving.so.1", "libmirin_serving_jni.so");

  private static Extraction extraction;
  private static List<Path> folders;
  private static volatile boolean loaded;
  private static volatile boolean converterLoaded;
  private static volatile boolean servingLoaded;

  private NativeLibrary() {}

  /**
   * Loads what models need; does nothing when it is loaded.
   *
   * @throws UnsatisfiedLinkError with the reason
   */
  public static void load() {
    if (!loaded) {
      loadOnce();
    }
  }

  /**
   * Loads what conversion needs besides.
   *
   * @throws UnsatisfiedLinkError with the reason
   */
  public static void loadConverter() {
    if (!converterLoaded) {
      loadConverterOnce();
    }
  }

  /**
   * Loads what the model server needs besides.
   *
   * @throws UnsatisfiedLinkError with the reason
   */
  public static void loadServing() {
    if (!servingLoaded) {
      loadServingOnce();
    }
  }

  private static synchronized void loadOnce() {
    if (loaded) {
      return;
    }
    if (folders == null) {
      folders = find();
    }
    loadAll(RUNTIME);
    loaded = true;
  }

  private static synchronized void loadConverterOnce() {
    load();
    if (!converterLoaded) {
      loadAll(CONVERTER);
      converterLoaded = true;
    }
  }

  private static synchronized void loadServingOnce() {
    load();
    if (!servingLoaded) {
      loadAll(SERVING);
      servingLoaded = true;
    }
  }

  /** The folders to look in; none when the jar's libraries are to be used. */
  private static List<Path> find() {
    String given = System.getProperty(PATH_PROPERTY);
    List<Path> found = folders(given != null ? given : System.getProperty("java.library.path", ""));
    if (found.stream().anyMatch(folder -> Files.isRegularFile(folder.resolve(JNI)))) {
      return found;
    }
    if (given != null) {
      throw new UnsatisfiedLinkError(PATH_PROPERTY + " is " + given + ", which has no " + JNI);
    }
    extraction = Extraction.intoCache();
    return List.of();
  }

  private static List<Path> folders(String path) {
    return Stream.of(path.split(File.pathSeparator))
        .filter(folder -> !folder.isEmpty())
        .map(folder -> Path.of(folder).toAbsolutePath())
        .collect(Collectors.toList());
  }

  private static void loadAll(List<String> libraries) {
    for (String name : libraries) {
      if (extraction != null) {
        System.load(extraction.extract(name).toString());
        continue;
      }
      Optional<Path> library =
          folders.stream()
              .map(folder -> folder.resolve(name))
              .filter(Files::isRegularFile)
              .findFirst();
      if (library.isPresent()) {
        System.load(library.get().toString());
      } else if (name.endsWith("_jni.so")) {
        throw new UnsatisfiedLinkError("no " + name + " in " + folders);
      } // else the dynamic loader may find the system's
    }
  }
}
