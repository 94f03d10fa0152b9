#!/bin/bash
# maven_install.sh FILE... [--repository DIR]: puts the artifact into a Maven repository, by default the local one
# (~/.m2/repository), as mvn install:install-file would; needs neither mvn nor the network.
set -eu
repository=${HOME:-}/.m2/repository
files=()
while (($#)); do
  case $1 in
    --repository) repository=${2:?--repository needs a folder}; shift 2 ;;
    --*) echo "maven_install: unknown option $1" >&2; exit 2 ;;
    *) files+=("$1"); shift ;;
  esac
done
[[ $repository == /* ]] || repository=${BUILD_WORKING_DIRECTORY:-$PWD}/$repository

name=mindspore-lite-java
for file in "${files[@]}"; do
  [[ $file == *.pom || $file == */pom.xml ]] && pom=$file
done
version=$(sed -n '0,/<version>/s/.*<version>\(.*\)<.*/\1/p' "$pom")
target=$repository/com/mindspore/lite/$name
mkdir -p "$target/$version"
put() { # whole or not at all
  local temporary
  temporary=$(mktemp "$2.XXXXXX")
  cp -L "$1" "$temporary"
  chmod 644 "$temporary"
  mv -f "$temporary" "$2"
}
for file in "${files[@]}"; do
  base=${file##*/}
  [[ $base == pom.xml ]] && base=$name-$version.pom
  put "$file" "$target/$version/$base"
  echo "$target/$version/$base"
done
metadata=$(mktemp)
trap 'rm -f "$metadata"' EXIT
{
  printf '<?xml version="1.0" encoding="UTF-8"?>\n<metadata>\n  <groupId>com.mindspore.lite</groupId>\n  <artifactId>%s</artifactId>\n' "$name"
  printf '  <versioning>\n    <release>%s</release>\n    <versions>\n' "$version"
  for folder in "$target"/*/; do printf '      <version>%s</version>\n' "$(basename "$folder")"; done
  printf '    </versions>\n    <lastUpdated>%s</lastUpdated>\n  </versioning>\n</metadata>\n' "$(date -u +%Y%m%d%H%M%S)"
} > "$metadata"
put "$metadata" "$target/maven-metadata-local.xml"
