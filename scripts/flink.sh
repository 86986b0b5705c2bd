#!/usr/bin/env bash
# Installs a whole Flink into .tools/flink, for the tests that run exported SQL
# on it. Its distribution comes from PyPI, where it is a package of jars, and
# the gateway that its SQL client needs from Maven Central. Needs a JVM, pip and
# Maven, and installs those that are missing from apt.
#
#   scripts/flink.sh
set -euo pipefail
cd "$(dirname "$0")/.."

readonly version=2.2.1 dir=.tools/flink

[ "$(cat "$dir/version" 2>/dev/null || true)" != "$version" ] || exit 0

packages=()
command -v java >/dev/null || packages+=(default-jre-headless)
command -v mvn >/dev/null || packages+=(maven)
python3 -m pip --version >/dev/null 2>&1 || packages+=(python3-pip)
if [ "${#packages[@]}" -gt 0 ]; then
	echo "Flink needs ${packages[*]}; installing from apt" >&2
	sudo=
	[ "$(id -u)" = 0 ] || sudo=sudo
	$sudo apt-get update -qq
	$sudo apt-get install -y -qq --no-install-recommends "${packages[@]}" >&2
fi

echo "installing Flink $version into $dir (310 MB from PyPI, 1 MB from Maven Central)" >&2
rm -rf "$dir"
mkdir -p "$dir/lib" "$dir/conf"
python3 -m pip download -q --disable-pip-version-check --no-deps -d "$dir/wheel" "apache-flink-libraries==$version"
python3 -m zipfile -e "$dir"/wheel/*.whl "$dir/wheel/files"
mv "$dir"/wheel/files/pyflink/lib/*.jar "$dir/lib/"
mv "$dir"/wheel/files/pyflink/opt/flink-{sql-client,python}-"$version".jar "$dir/lib/"
rm -rf "$dir/wheel"
mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy \
	-Dartifact="org.apache.flink:flink-sql-gateway:$version" -DoutputDirectory="$PWD/$dir/lib" >&2
cat >"$dir/conf/config.yaml" <<'END'
execution:
  target: local
parallelism:
  default: 1
table:
  dml-sync: true
END
echo "$version" >"$dir/version"
