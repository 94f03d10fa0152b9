#!/bin/bash
# maven_test.sh INSTALL FILE...: installs the artifact into a scratch repository and uses it from there as a stranger
# does, from the class path and from the module path, with the libraries out of the jar.
set -eu
install=$1
shift
repository=$TEST_TMPDIR/repository
export XDG_CACHE_HOME=$TEST_TMPDIR/cache
"$install" "$@" --repository "$repository"

folder=$(echo "$repository"/com/mindspore/lite/mindspore-lite-java/*/)
version=$(basename "$folder")
jar=$folder/mindspore-lite-java-$version.jar
for suffix in .jar .pom -sources.jar -javadoc.jar; do
  [[ -s $folder/mindspore-lite-java-$version$suffix ]] || { echo "no $suffix" >&2; exit 1; }
done
grep -q "<version>$version</version>" "$folder/mindspore-lite-java-$version.pom"
grep -q "<version>$version</version>" samples/maven_consumer/pom.xml || { echo "the sample wants another version" >&2; exit 1; }

java=/usr/lib/jvm/java-17-openjdk-amd64/bin
$java/jar --list --file "$folder/mindspore-lite-java-$version-sources.jar" > "$TEST_TMPDIR/sources"
grep -qx com/mindspore/Model.java "$TEST_TMPDIR/sources"
grep -qx com/mindspore/internal/MirinJNI.java "$TEST_TMPDIR/sources"
$java/jar --list --file "$folder/mindspore-lite-java-$version-javadoc.jar" | grep -q com/mindspore/Model.html

sources=samples/maven_consumer/src/main/java
model=tests/models/mindir/tensor_add.mindir
expected="Mirin $version
[MSTensor("
$java/javac -Xlint:all -Werror --release 11 -cp "$jar" -d "$TEST_TMPDIR/classes" "$sources/example/Consumer.java"
output=$($java/java -cp "$jar:$TEST_TMPDIR/classes" example.Consumer "$model")
echo "$output"
[[ $output == "$expected"*"= [0.0, 0.0, 0.0, 0.0]" ]]

$java/javac -Xlint:all -Werror --release 11 -p "$jar" -d "$TEST_TMPDIR/modules" "$sources/module-info.java" "$sources/example/Consumer.java"
[[ $($java/java -p "$jar:$TEST_TMPDIR/modules" -m example.consumer/example.Consumer "$model") == "$output" ]]

# What the module does not export cannot be used.
mkdir "$TEST_TMPDIR/bad"
cat > "$TEST_TMPDIR/bad/Bad.java" <<'EOF'
package example;
class Bad { long version = com.mindspore.internal.Mirin.mirin_api_version(); }
EOF
if $java/javac --release 11 -p "$jar" -d "$TEST_TMPDIR/bad" "$sources/module-info.java" "$TEST_TMPDIR/bad/Bad.java" 2> "$TEST_TMPDIR/bad/log"; then
  echo "the internal package is exported" >&2
  exit 1
fi
grep -q "not export" "$TEST_TMPDIR/bad/log"

# The property goes before everything, java.library.path before the jar, which then is not copied.
extracted=$(echo "$XDG_CACHE_HOME"/mirin/java-*)
if [[ -e $extracted/libmirin_serving.so.1 || -e $extracted/libmirin_converter.so.1 ]]; then
  echo "more was copied than models need" >&2
  exit 1
fi
consume() { $java/java -cp "$jar:$TEST_TMPDIR/classes" "$@" example.Consumer "$model"; }
mkdir "$TEST_TMPDIR/empty"
if consume "-Dcom.mindspore.library.path=$TEST_TMPDIR/empty" > "$TEST_TMPDIR/refused" 2>&1; then
  echo "a folder without libraries was accepted" >&2
  exit 1
fi
grep -q "has no libmirin_jni.so" "$TEST_TMPDIR/refused"
for property in com.mindspore.library.path java.library.path; do
  [[ $(XDG_CACHE_HOME=/nowhere consume "-D$property=$extracted") == "$output" ]]
done

# A damaged copy is replaced.
: > "$extracted/libmirin_jni.so"
[[ $(consume) == "$output" ]]

# A folder that others can write is refused, with the way out.
chmod 777 "$XDG_CACHE_HOME/mirin"
if consume > "$TEST_TMPDIR/refused" 2>&1; then
  echo "an open cache folder was accepted" >&2
  exit 1
fi
grep -q "can change; set -Dcom.mindspore.library.path" "$TEST_TMPDIR/refused"
