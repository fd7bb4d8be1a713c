# shellcheck shell=bash
# What the other parts share: messages, logs, locks, packages.
assets=$TESTBED_CACHE/assets
mkdir -p "$assets" "$TESTBED_CACHE/logs" "$TESTBED_CACHE/locks"

say() { printf '%s test bed: %s\n' "$(date +%H:%M:%S)" "$*"; }
die() { printf 'test bed: %s\n' "$*" >&2; exit 1; }

# run NAME COMMAND...: quiet unless it fails.
run() {
  local log=$TESTBED_CACHE/logs/$1.log start=$SECONDS
  say "$1 ..."
  "${@:2}" >"$log" 2>&1 || { tail -n 30 "$log" >&2; die "$1 failed; the whole output is in $log"; }
  say "$1: $((SECONDS - start)) s"
}

# once NAME CHECK COMMAND...: runs the command where `CHECK NAME` fails. One process at a time makes what has this name;
# whoever comes second finds it there.
once() {
  "$2" "$1" && return
  (
    flock 9
    "$2" "$1" || "${@:3}"
  ) 9>"$TESTBED_CACHE/locks/${1//[^A-Za-z0-9_.-]/-}"
}

installed() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'install ok installed'; }

packages() {
  local missing=() package
  for package in "$@"; do installed "$package" || missing+=("$package"); done
  [ ${#missing[@]} -eq 0 ] && return
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null ||
    die "these packages are missing and can only be installed by root with apt-get: ${missing[*]}"
  apt_install() { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"; }
  (
    flock 9
    run "packages-$(IFS=-; echo "${missing[*]}")" apt_install "${missing[@]}"
  ) 9>"$TESTBED_CACHE/locks/packages"
}
