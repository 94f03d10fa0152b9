"""Jars from Maven Central, pinned by version and sha256, fetched by mvn."""

def _maven_jars_impl(rctx):
    build = 'package(default_visibility = ["//visibility:public"])\n'
    for artifact, sha256 in rctx.attr.artifacts.items():
        parts = artifact.split(":")
        name = parts[1]
        jar = "-".join(parts[1:3] + parts[4:]) + ".jar"
        for _ in range(3):  # the network
            res = rctx.execute([
                "mvn",
                "-B",
                "-q",
                "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy",
                "-Dartifact=" + artifact,
                "-DoutputDirectory=.",
                "-Dmdep.stripVersion=false",
            ], timeout = 600)
            if not res.return_code:
                break
        if res.return_code:
            fail("%s: mvn failed for %s\n%s%s" % (rctx.name, artifact, res.stdout, res.stderr))
        res = rctx.execute(["bash", "-c", 'echo "$1  $2" | sha256sum -c -', "-", sha256, jar])
        if res.return_code:
            fail("%s: %s has another checksum than pinned" % (rctx.name, jar))
        build += 'exports_files(["%s"])\n' % jar
        build += 'java_import(name = "%s", jars = ["%s"])\n' % (name, jar)
    rctx.file("WORKSPACE", "")
    rctx.file("BUILD.bazel", build)

maven_jars = repository_rule(
    implementation = _maven_jars_impl,
    attrs = {"artifacts": attr.string_dict(doc = "group:name:version[:jar:classifier] to sha256")},
)
