import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import javax.tools.ToolProvider;

/**
 * Stands in for Bazel's JavaBuilder, which comes from GitHub and is in no Debian package: runs
 * javac on the sources that Bazel's parameter file names and packs the classes.
 */
public class MiniJavaBuilder {
  public static void main(String[] args) throws Exception {
    List<String> flags = new ArrayList<>();
    for (String a : args) {
      if (a.startsWith("@")) {
        flags.addAll(Files.readAllLines(Paths.get(a.substring(1))));
      } else {
        flags.add(a);
      }
    }
    TreeMap<String, List<String>> options = new TreeMap<>();
    String option = null;
    for (int i = 0; i < flags.size(); i++) {
      String f = flags.get(i);
      if (f.equals("--javacopts")) { // runs until "--"
        List<String> opts = options.computeIfAbsent(f, k -> new ArrayList<>());
        for (i++; i < flags.size() && !flags.get(i).equals("--"); i++) {
          opts.add(flags.get(i));
        }
        option = null;
      } else if (f.startsWith("--")) {
        option = f;
        options.computeIfAbsent(f, k -> new ArrayList<>());
      } else if (option != null) {
        options.get(option).add(f);
      }
    }

    Path output = Paths.get(one(options, "--output"));
    Path classes = Files.createDirectory(Paths.get(output + "_classes"));
    Path headers = Files.createDirectory(Paths.get(output + "_headers"));
    List<String> javac = new ArrayList<>(options.getOrDefault("--javacopts", List.of()));
    javac.addAll(
        Arrays.asList("-encoding", "UTF-8", "-d", classes.toString(), "-h", headers.toString()));
    javac.addAll(
        Arrays.asList("-cp", String.join(":", options.getOrDefault("--classpath", List.of()))));
    List<String> processors = options.getOrDefault("--processorpath", List.of());
    if (processors.isEmpty()) {
      javac.add("-proc:none");
    } else {
      javac.addAll(Arrays.asList("-processorpath", String.join(":", processors)));
    }
    javac.addAll(options.getOrDefault("--sources", List.of()));
    if (!options.getOrDefault("--sources", List.of()).isEmpty()
        && ToolProvider.getSystemJavaCompiler().run(null, null, null, javac.toArray(new String[0]))
            != 0) {
      System.exit(1);
    }
    pack(classes, output);
    if (options.containsKey("--native_header_output")) {
      pack(headers, Paths.get(one(options, "--native_header_output")));
    }
    for (String empty :
        new String[] {
          "--output_deps_proto", "--output_manifest_proto", "--generated_sources_output"
        }) {
      if (options.containsKey(empty)) {
        Files.write(Paths.get(one(options, empty)), new byte[0]);
      }
    }
  }

  private static String one(TreeMap<String, List<String>> options, String name) {
    return options.get(name).get(0);
  }

  /** A jar with the same bytes for the same classes. */
  private static void pack(Path dir, Path jar) throws IOException {
    TreeMap<String, byte[]> entries = new TreeMap<>();
    try (Stream<Path> files = Files.walk(dir)) {
      for (Path p : (Iterable<Path>) files.filter(p -> !p.equals(dir))::iterator) {
        boolean d = Files.isDirectory(p); // with entries for directories: package scans go by them
        entries.put(dir.relativize(p) + (d ? "/" : ""), d ? new byte[0] : Files.readAllBytes(p));
      }
    }
    try (OutputStream out = Files.newOutputStream(jar);
        ZipOutputStream zip = new ZipOutputStream(out)) {
      put(zip, "META-INF/MANIFEST.MF", "Manifest-Version: 1.0\r\n\r\n".getBytes());
      for (var e : entries.entrySet()) {
        put(zip, e.getKey(), e.getValue());
      }
    }
  }

  private static void put(ZipOutputStream zip, String name, byte[] data) throws IOException {
    ZipEntry entry = new ZipEntry(name);
    entry.setTimeLocal(java.time.LocalDateTime.of(2010, 1, 1, 0, 0));
    entry.setMethod(ZipEntry.STORED);
    entry.setSize(data.length);
    CRC32 crc = new CRC32();
    crc.update(data);
    entry.setCrc(crc.getValue());
    zip.putNextEntry(entry);
    zip.write(data);
    zip.closeEntry();
  }
}
