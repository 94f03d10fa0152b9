package com.mindspore.internal;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HashMap;
import java.util.Map;

/**
 * Copies libraries from the jar into {@code $XDG_CACHE_HOME/mirin} (or {@code ~/.cache/mirin}),
 * into a folder named after the checksums of all of them. The folder belongs to the user and is
 * closed to others, and so is the way to it; anything else is refused. A library is compared with
 * its checksum before every use and replaced by an atomic rename, so processes may start at the
 * same time.
 */
final class Extraction {
  private static final String RESOURCES = "/native/linux-x86_64/";
  private static final int OTHERS_WRITE = 0022;
  private static final int OTHERS = 0077;
  private static final int STICKY = 01000;
  private static final int ROOT = 0;
  private static final int UNMAPPED = 65534; // root, as seen from a user namespace

  private final Map<String, String> checksums = new HashMap<>();
  private final Path folder;

  /** Into the user's cache. */
  static Extraction intoCache() {
    String system = System.getProperty("os.name") + " on " + System.getProperty("os.arch");
    if (!system.equals("Linux on amd64")) {
      throw new UnsatisfiedLinkError("the jar has libraries for Linux on amd64, not for " + system);
    }
    try {
      return new Extraction(cache());
    } catch (IOException e) {
      throw failure("cannot use the cache folder", e);
    }
  }

  /** Into a folder of the user's. */
  Extraction(Path cache) {
    try {
      byte[] list = resource("SHA256SUMS").readAllBytes();
      for (String line : new String(list, StandardCharsets.UTF_8).split("\n")) {
        checksums.put(line.substring(66), line.substring(0, 64));
      }
      folder = prepare(cache.resolve("mirin").resolve("java-" + hex(sha256().digest(list), 8)));
    } catch (IOException e) {
      throw failure("cannot use the cache folder", e);
    }
  }

  Path folder() {
    return folder;
  }

  /** The library's file, which has its checksum. */
  Path extract(String name) {
    Path library = folder.resolve(name);
    String expected = checksums.get(name);
    if (expected == null) {
      throw new UnsatisfiedLinkError("the jar has no " + name);
    }
    try {
      if (Files.isRegularFile(library, LinkOption.NOFOLLOW_LINKS)
          && expected.equals(checksum(library))) {
        return library;
      }
      Path copy = Files.createTempFile(folder, name, ".new");
      try {
        String actual;
        try (InputStream in = resource(name);
            OutputStream out = Files.newOutputStream(copy)) {
          actual = transfer(in, out);
        }
        if (!expected.equals(actual)) {
          throw new IOException(name + " in the jar does not have its checksum");
        }
        Files.move(copy, library, StandardCopyOption.ATOMIC_MOVE);
        return library;
      } finally {
        Files.deleteIfExists(copy);
      }
    } catch (IOException e) {
      throw failure("cannot copy " + name + " to " + folder, e);
    }
  }

  private static Path cache() throws IOException {
    String given = System.getenv("XDG_CACHE_HOME");
    if (given != null && given.startsWith("/")) {
      return Path.of(given);
    }
    String home = System.getenv("HOME");
    if (home == null || !home.startsWith("/")) {
      home = System.getProperty("user.home");
    }
    if (home == null || !home.startsWith("/")) {
      throw new IOException("neither XDG_CACHE_HOME nor HOME names a folder");
    }
    return Path.of(home, ".cache");
  }

  private static Path prepare(Path wanted) throws IOException {
    Files.createDirectories(wanted.getParent().getParent());
    Path base = wanted.getParent().getParent().toRealPath();
    Path folder = base.resolve(wanted.getParent().getFileName()).resolve(wanted.getFileName());
    for (Path own : new Path[] {folder.getParent(), folder}) {
      try {
        Files.createDirectory(
            own,
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
      } catch (FileAlreadyExistsException e) {
        // checked below like a new one
      }
    }
    int user = (Integer) Files.getAttribute(Path.of("/proc/self"), "unix:uid");
    for (Path p = folder; p != null; p = p.getParent()) {
      int owner = (Integer) Files.getAttribute(p, "unix:uid", LinkOption.NOFOLLOW_LINKS);
      int mode = (Integer) Files.getAttribute(p, "unix:mode", LinkOption.NOFOLLOW_LINKS);
      boolean own = p.startsWith(folder.getParent());
      if (!Files.isDirectory(p, LinkOption.NOFOLLOW_LINKS)
          || (owner != user && (own || (owner != ROOT && owner != UNMAPPED)))
          || (own && (mode & OTHERS) != 0)
          || ((mode & OTHERS_WRITE) != 0 && (mode & STICKY) == 0)) {
        throw new IOException(
            String.format(
                "%s (mode %o, owner %d) must be a folder that only user %d can change",
                p, mode & 07777, owner, user));
      }
    }
    return folder;
  }

  private static InputStream resource(String name) throws IOException {
    InputStream in = Extraction.class.getResourceAsStream(RESOURCES + name);
    if (in == null) {
      throw new IOException("the jar has no " + RESOURCES + name);
    }
    return in;
  }

  private static String checksum(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      return transfer(in, OutputStream.nullOutputStream());
    }
  }

  /** Copies; the SHA-256 of the bytes. */
  private static String transfer(InputStream in, OutputStream out) throws IOException {
    MessageDigest digest = sha256();
    byte[] bytes = new byte[1 << 16];
    for (int n = in.read(bytes); n >= 0; n = in.read(bytes)) {
      digest.update(bytes, 0, n);
      out.write(bytes, 0, n);
    }
    return hex(digest.digest(), 32);
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e); // every JDK has it
    }
  }

  private static String hex(byte[] bytes, int n) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < n; i++) {
      text.append(String.format("%02x", bytes[i]));
    }
    return text.toString();
  }

  private static UnsatisfiedLinkError failure(String what, IOException e) {
    UnsatisfiedLinkError error =
        new UnsatisfiedLinkError(
            what + ": " + e.getMessage() + "; set -D" + NativeLibrary.PATH_PROPERTY);
    error.initCause(e);
    return error;
  }
}
