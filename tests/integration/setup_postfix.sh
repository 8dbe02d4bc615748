#!/bin/sh
# Gets Debian's Postfix for the tests without installing it: downloads the package, unpacks it into
# FOLDER/postfix-root, and adds only the shared libraries that it lacks. Makes the system users that
# Postfix insists on (gatepost-postfix, and the group gatepost-postdrop) when they are missing.
#
#   setup_postfix.sh FOLDER
#
# Prints the folder of the unpacked package. Repeatable: what is there already is kept. The MTA of
# this machine, if there is one, is not touched. Exit codes: 64 usage, 69 the package or a library
# cannot be had (offline, not Debian), 77 not root.
set -eu

if [ $# -ne 1 ]; then
  echo "usage: $0 FOLDER" >&2
  exit 64
fi
if [ "$(id -u)" != 0 ]; then
  echo "setup_postfix.sh: Postfix's master must be started by root" >&2
  exit 77
fi
mkdir -p "$1"
folder=$(cd "$1" && pwd)
root=$folder/postfix-root
exec 9>"$folder/.lock"
flock -w 300 9

unavailable() {
  echo "setup_postfix.sh: $1" >&2
  exit 69
}

programs() {
  find "$root/usr/sbin" "$root/usr/lib/postfix" -type f
}

missing_libraries() {
  programs | while read -r program; do
    LD_LIBRARY_PATH=$root/usr/lib/postfix ldd "$program" 2>/dev/null || true  # scripts are no programs
  done | sed -n 's/^[[:space:]]*\([^ ]*\) => not found$/\1/p' | sort -u
}

download() {
  command -v apt-get >/dev/null && command -v dpkg >/dev/null || unavailable "needs apt-get and dpkg"
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  chmod 755 "$work"
  # The package lists may be missing or old: ask once more after an update.
  (cd "$work" && apt-get -q download postfix) >"$work/log" 2>&1 ||
    { apt-get -q update >>"$work/log" 2>&1 && (cd "$work" && apt-get -q download postfix) >>"$work/log" 2>&1; } ||
    { cat "$work/log" >&2; unavailable "apt-get cannot download postfix"; }
  rm -rf "$root.new" "$root"
  mkdir "$root.new"
  dpkg -x "$work"/postfix_*.deb "$root.new"
  mv "$root.new" "$root"
}

# The libraries among the package's dependencies are enough: nothing else is installed.
install_libraries() {
  wanted=$(apt-cache depends postfix | sed -n 's/^ *Depends: \(lib[^<>]*\)$/\1/p')
  for package in $wanted; do
    dpkg -s "$package" >/dev/null 2>&1 && continue
    apt-get -q install -y --no-remove --no-install-recommends "$package" >&2 ||
      unavailable "cannot install the library $package"
  done
}

make_users() {
  getent group gatepost-postdrop >/dev/null || groupadd --system gatepost-postdrop
  getent passwd gatepost-postfix >/dev/null ||
    useradd --system --user-group --no-create-home --home-dir /nonexistent \
      --shell /usr/sbin/nologin gatepost-postfix
}

make_users
if [ ! -e "$root/.complete" ]; then
  [ -x "$root/usr/lib/postfix/sbin/master" ] || download
  if [ -n "$(missing_libraries)" ]; then
    install_libraries
    left=$(missing_libraries)
    [ -z "$left" ] || unavailable "libraries are missing: $left"
  fi
  : >"$root/.complete"
fi
echo "$root"
