#!/usr/bin/env bash
# Installs the programs that the tests in this folder give exports to, let ask the service or link with the C library: Debian's packages on the
# system, which needs root or sudo, libraries of Python and JavaScript below the target folder. Starts nothing, and does
# nothing twice. Prints what it could not get, and then exits with 1.
set -uo pipefail
cd "$(dirname "$0")/../.."

target="${CARGO_TARGET_DIR:-target}/consumers"
log="$target/install.log"
mkdir -p "$target"
: >"$log"
lacking=()

# Each program, and its package in Debian.
programs="ipset:ipset nft:nftables named:bind9 unbound:unbound kresd:knot-resolver pdns_recursor:pdns-recursor
    dnsmasq:dnsmasq-base nginx:nginx-light haproxy:haproxy squid:squid suricata:suricata mmdblookup:mmdb-bin
    iprange:iprange grepcidr:grepcidr unshare:util-linux promtool:prometheus
    prometheus:prometheus wrk:wrk chromium:chromium minisign:minisign strace:strace
    musl-gcc:musl-tools aarch64-linux-gnu-gcc:gcc-aarch64-linux-gnu qemu-aarch64:qemu-user
    go:golang-go pkg-config:pkg-config"
targets="x86_64-unknown-linux-musl aarch64-unknown-linux-musl"
# pyoti 0.4.2 does not load with newer versions of what it needs, pycares and aiodns.
python="stix2==3.0.2 stix2-patterns==2.1.2 pymispwarninglists==1.7.0 maxminddb==3.2.0 duckdb==2.0.1
    mcl-platform-sdk==1.0.1 pyoti==0.4.2 pycares==4.11.0 aiodns==3.6.1 grafana-foundation-sdk==1769699379!11.6.0"
# In an environment of its own, since it pins much.
schemathesis="schemathesis==4.32.5 openapi-spec-validator==0.9.0"
javascript="maxmind@5.0.7 @adguard/agtree@4.2.0 puppeteer-core@25.16.0 axe-core@4.14.1"
# Without a font, pictures of pages are empty.
fonts="fonts-liberation"

has() { PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null 2>&1; }

has_fonts() { dpkg -s "$fonts" >/dev/null 2>&1 || [ -n "$(fc-list 2>/dev/null | head -n 1)" ]; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
} >>"$log" 2>&1

# A mirror that hangs must not hold up the tests.
apt() { as_root timeout 400 env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends "$@"; }

# A package may start its server unless this script says no.
forbid_servers() {
    policy=/usr/sbin/policy-rc.d
    [ -e "$policy" ] && return
    as_root sh -c "printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy" &&
        trap 'as_root rm -f "$policy"' EXIT
}

# Debian 12 has Suricata in its backports alone.
add_backports() {
    local codename mirror
    codename="$(. /etc/os-release && [ "${ID:-}" = debian ] && echo "${VERSION_CODENAME:-}")"
    # The mirror that the machine uses already.
    mirror="$(apt-get indextargets --format '$(REPO_URI)' "Codename: $codename" | head -n 1)"
    [ -n "$codename" ] && [ -n "$mirror" ] || return
    echo "deb $mirror $codename-backports main" |
        as_root tee /etc/apt/sources.list.d/rapsheet-consumers.list
    apt update
}

install_packages() {
    local packages=()
    for row in $programs; do has "${row%%:*}" || packages+=("${row##*:}"); done
    python3 -c 'import ensurepip' 2>/dev/null || packages+=(python3-venv)
    has_fonts || packages+=("$fonts")
    [ ${#packages[@]} = 0 ] && return
    if ! has apt-get || ! as_root true; then
        echo "consumers: neither root nor sudo with apt-get: ${packages[*]} cannot be installed"
        return
    fi
    forbid_servers
    apt update
    if [[ " ${packages[*]} " == *" suricata "* ]] && ! apt-cache show suricata >>"$log" 2>&1; then add_backports; fi
    # If one cannot be installed, the others still are.
    apt install "${packages[@]}" || for package in "${packages[@]}"; do apt install "$package"; done
}

# What was installed is noted last, so that an install that was cut off is done again.
install_python() {
    local folder="$target/$1" packages="$2"
    [ "$(cat "$folder/packages" 2>/dev/null)" = "$packages" ] && return
    rm -rf "$folder"
    # shellcheck disable=SC2086
    python3 -m venv "$folder" && timeout 300 "$folder/bin/pip" install --quiet --disable-pip-version-check $packages &&
        echo "$packages" >"$folder/packages"
} >>"$log" 2>&1

install_javascript() {
    [ "$(cat "$target/javascript" 2>/dev/null)" = "$javascript" ] && return
    # shellcheck disable=SC2086
    has node && timeout 300 npm install --silent --no-fund --no-audit --prefix "$target" $javascript &&
        echo "$javascript" >"$target/javascript"
} >>"$log" 2>&1

install_targets() {
    has rustup || return
    # shellcheck disable=SC2086
    timeout 300 rustup target add $targets
} >>"$log" 2>&1

install_packages
install_targets || lacking+=("$targets")
for row in $programs; do has "${row%%:*}" || lacking+=("${row%%:*}"); done
has_fonts || lacking+=("fonts")
install_python venv "$python" || lacking+=("$python")
install_python schemathesis "$schemathesis" || lacking+=("$schemathesis")
install_javascript || lacking+=("$javascript")
as_root unshare --net sh -c 'PATH=$PATH:/usr/sbin:/sbin; ipset create x hash:net && nft add table inet x' ||
    lacking+=("sets of ipset and nft in a network namespace")

[ ${#lacking[@]} = 0 ] && exit 0
printf 'consumers: there is no %s\n' "${lacking[@]}"
echo "consumers: tests that need them are skipped; see $log"
exit 1
