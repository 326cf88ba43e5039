#!/bin/sh
# Builds stripped static binaries: one file that runs on any Linux of its architecture, whatever its C library.
#
#   contrib/static.sh [--edge] [x86_64|aarch64]...     default: both architectures
#
# For each architecture the musl target is used where it and a C compiler for it are there (zstd, xz and bzip2 are C). With
# --edge, a compiler for glibc will do, since that build has no C code which needs more than what both libraries have. Else it
# is the glibc target, linked statically; such a binary resolves names only where the same glibc is installed. What is missing
# is named, with the command that installs it.
# From the environment: CARGO, PROFILE (dist, and with --edge, edge), OUT (dist), CARGO_TARGET_DIR (target).
set -eu
cd "$(dirname "$0")/.."

cargo=${CARGO:-cargo} out=${OUT:-dist} target_dir=${CARGO_TARGET_DIR:-target}
features='' suffix='' architectures='' default_profile=dist flags=''
for argument; do
    case $argument in
    --edge)
        features='--no-default-features --features remote' suffix=-edge default_profile=edge
        # It aborts where others unwind; see Cargo.toml.
        flags=' -C force-unwind-tables=no'
        ;;
    x86_64 | aarch64) architectures="$architectures $argument" ;;
    *) sed -n '2,10s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    esac
done

profile=${PROFILE:-$default_profile}

# The first of these commands that exists.
first_command() {
    for command; do
        if command -v "$command" >/dev/null 2>&1; then echo "$command"; return; fi
    done
    return 1
}

has_target() {
    rustup target list --installed 2>/dev/null | grep -qx "$1"
}

# Sets target and compiler for an architecture, or says what is missing.
choose() {
    native=''
    [ "$(uname -m)" != "$1" ] || native=yes
    gnu=$(first_command "$1-linux-gnu-gcc" ${native:+cc}) || gnu=''
    musl=$(first_command "$1-linux-musl-gcc" ${native:+musl-gcc}) || musl=${suffix:+$gnu}
    if [ "$musl" ] && has_target "$1-unknown-linux-musl"; then
        target=$1-unknown-linux-musl compiler=$musl
    elif [ "$gnu" ] && has_target "$1-unknown-linux-gnu"; then
        target=$1-unknown-linux-gnu compiler=$gnu
    else
        package=$(echo "$1" | tr _ -)
        echo "contrib/static.sh: $1 needs one of:" >&2
        echo "  rustup target add $1-unknown-linux-musl, and $1-linux-musl-gcc${native:+ or musl-gcc (Debian: musl-tools)}" >&2
        echo "  rustup target add $1-unknown-linux-gnu, and $1-linux-gnu-gcc (Debian: gcc-$package-linux-gnu)" >&2
        return 1
    fi
}

# A static binary needs no interpreter and no library.
check() {
    about=$(LC_ALL=C readelf -lW "$1" 2>/dev/null || true)
    case $about in
    '') echo "contrib/static.sh: $1 cannot be checked: readelf (binutils) is not there" >&2 ;;
    *INTERP*) echo "contrib/static.sh: $1 is not static: it asks for a dynamic linker" >&2; return 1 ;;
    esac
}

failed=0
for architecture in ${architectures:-x86_64 aarch64}; do
    choose "$architecture" || { failed=1; continue; }
    name=$(echo "$target" | tr a-z- A-Z_)
    lower=$(echo "$target" | tr - _)
    binary=$out/rapsheet$suffix-linux-$architecture
    echo "contrib/static.sh: $architecture: $target, with $compiler" >&2
    # Debian's musl-gcc compiles, and links what asks for a dynamic linker; Rust brings what linking with cc takes.
    linker=$compiler
    [ "$target" != "$(uname -m)-unknown-linux-musl" ] || linker=cc
    env "CC_$lower=$compiler" "CARGO_TARGET_${name}_LINKER=$linker" \
        "CARGO_TARGET_${name}_RUSTFLAGS=-C target-feature=+crt-static -C strip=symbols$flags" \
        "$cargo" build --locked --profile "$profile" --bin rapsheet $features --target "$target"
    mkdir -p "$out"
    folder=$profile
    [ "$profile" != dev ] || folder=debug
    cp "$target_dir/$target/$folder/rapsheet" "$binary"
    check "$binary" || failed=1
    wc -c "$binary" | awk '{ printf "%-32s %.1f MB\n", $2, $1 / 1e6 }'
done
exit "$failed"
