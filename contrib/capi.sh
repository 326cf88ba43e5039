#!/usr/bin/env bash
# Puts the C library into a folder: include/, lib/ and lib/pkgconfig/, as a prefix has them. `make capi` calls it.
#
#   contrib/capi.sh [FOLDER]        dist/capi by default
#
# PROFILE is the profile to build with, `dist` by default. In any of them a panic has to unwind: the library ends it at
# its edge. The folder can be moved, since its pkg-config file finds it by its own place.
set -euo pipefail

out="${1:-dist/capi}"
mkdir -p "$out"
out="$(cd "$out" && pwd)"
cd "$(dirname "$0")/.."
cargo="${CARGO:-cargo}"
profile="${PROFILE:-dist}"
target="${CARGO_TARGET_DIR:-target}"

"$cargo" build --locked --package rapsheet-capi --lib --profile "$profile"
case "$profile" in dev | test) folder=debug ;; release | bench) folder=release ;; *) folder="$profile" ;; esac
built="$target/$folder"

version="$(sed -n '/^\[workspace.package\]/,/^$/s/^version = "\(.*\)"$/\1/p' Cargo.toml)"
rm -rf "$out/include" "$out/lib"
mkdir -p "$out/include" "$out/lib/pkgconfig"
cp crates/capi/include/rapsheet.h "$out/include/"
cp "$built/librapsheet.a" "$out/lib/"
# The number is that of the binary interface, as in build.rs.
if [ -f "$built/librapsheet.dylib" ]; then
    cp "$built/librapsheet.dylib" "$out/lib/librapsheet.0.dylib"
    ln -s librapsheet.0.dylib "$out/lib/librapsheet.dylib"
else
    cp "$built/librapsheet.so" "$out/lib/librapsheet.so.0"
    ln -s librapsheet.so.0 "$out/lib/librapsheet.so"
fi
# What is left of debug information in the archive: that of Rust's own library.
if [ "$profile" = dist ]; then strip -S "$out/lib/librapsheet.a"; fi

# What a program needs that takes the archive: what Rust's library needs, since no dependency has C code.
empty="$(mktemp -d)"
trap 'rm -rf "$empty"' EXIT
private="$(echo '' | "${RUSTC:-rustc}" --crate-name empty --crate-type staticlib --print native-static-libs \
    --out-dir "$empty" - 2>&1 | sed -n 's/^note: native-static-libs: //p')"

cat >"$out/lib/pkgconfig/rapsheet.pc" <<END
prefix=\${pcfiledir}/../..
includedir=\${prefix}/include
libdir=\${prefix}/lib

Name: rapsheet
Description: Look-ups in a snapshot of public blocklists and allowlists
Version: $version
Cflags: -I\${includedir}
Libs: -L\${libdir} -lrapsheet
Libs.private: $private
END
