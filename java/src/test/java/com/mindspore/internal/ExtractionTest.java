package com.mindspore.internal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ExtractionTest {
  private static final String LIBRARY = "libintlc.so.5";

  private static void permissions(Path path, String permissions) throws IOException {
    Files.setPosixFilePermissions(path, PosixFilePermissions.fromString(permissions));
  }

  @Test
  void copiesOnceIntoAClosedFolder(@TempDir Path cache) throws IOException {
    Extraction extraction = new Extraction(cache);
    assertEquals(
        "rwx------",
        PosixFilePermissions.toString(Files.getPosixFilePermissions(extraction.folder())));
    extraction.extract(LIBRARY);
    Object first = Files.getAttribute(extraction.folder().resolve(LIBRARY), "unix:ino");
    new Extraction(cache).extract(LIBRARY);
    Path library = extraction.folder().resolve(LIBRARY);
    assertEquals(first, Files.getAttribute(library, "unix:ino"));
    try (Stream<Path> files = Files.list(extraction.folder())) {
      assertEquals(List.of(library), files.collect(Collectors.toList()));
    }
  }

  @Test
  void replacesWhatIsNotTheLibrary(@TempDir Path cache) throws IOException {
    Extraction extraction = new Extraction(cache);
    Path library = extraction.folder().resolve(LIBRARY);
    extraction.extract(LIBRARY);
    byte[] good = Files.readAllBytes(library);
    Files.write(library, new byte[] {1, 2, 3});
    extraction.extract(LIBRARY);
    assertArrayEquals(good, Files.readAllBytes(library));
    Files.delete(library);
    Path elsewhere = Files.write(cache.resolve("elsewhere"), good);
    Files.createSymbolicLink(library, elsewhere);
    extraction.extract(LIBRARY);
    assertTrue(Files.isRegularFile(library, LinkOption.NOFOLLOW_LINKS));
  }

  @Test
  void refusesFoldersThatOthersCanChange(@TempDir Path cache) throws IOException {
    Path folder = new Extraction(cache).folder();
    for (Path open : new Path[] {folder, folder.getParent()}) {
      permissions(open, "rwxrwxrwx");
      UnsatisfiedLinkError e =
          assertThrows(UnsatisfiedLinkError.class, () -> new Extraction(cache));
      assertTrue(e.getMessage().contains(NativeLibrary.PATH_PROPERTY), e.getMessage());
      permissions(open, "rwx------");
    }
    permissions(cache, "rwxrwxrwx");
    assertThrows(UnsatisfiedLinkError.class, () -> new Extraction(cache));
    permissions(cache, "rwx------");
    new Extraction(cache);
    Path linked = Files.createDirectory(cache.resolve("linked"));
    Files.createSymbolicLink(linked.resolve("mirin"), folder.getParent());
    assertThrows(UnsatisfiedLinkError.class, () -> new Extraction(linked));
  }

  @Test
  void manyMayStartAtOnce(@TempDir Path cache) throws InterruptedException {
    List<Throwable> failures = Collections.synchronizedList(new ArrayList<>());
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      Thread thread =
          new Thread(
              () -> {
                try {
                  new Extraction(cache).extract(LIBRARY);
                } catch (Throwable e) {
                  failures.add(e);
                }
              });
      threads.add(thread);
      thread.start();
    }
    for (Thread thread : threads) {
      thread.join();
    }
    assertEquals(List.of(), failures);
  }

  @Test
  void unknownLibrariesAreRefused(@TempDir Path cache) {
    assertThrows(UnsatisfiedLinkError.class, () -> new Extraction(cache).extract("libother.so"));
  }
}
