#!/bin/sh
# Gets Debian's Sendmail for the tests without installing it: downloads its packages, m4 and the shared
# libraries that this machine lacks, and unpacks them into FOLDER/sendmail-root.
#
#   setup_sendmail.sh FOLDER
#
# Prints the folder of the unpacked packages. Repeatable: what is there already is kept. The MTA of this
# machine, if there is one, is not touched. Exit codes: 64 usage, 69 a package or a library cannot be had
# (offline, not Debian), 77 not root.
set -eu

if [ $# -ne 1 ]; then
  echo "usage: $0 FOLDER" >&2
  exit 64
fi
if [ "$(id -u)" != 0 ]; then
  echo "setup_sendmail.sh: Sendmail must be started by root" >&2
  exit 77
fi
mkdir -p "$1"
folder=$(cd "$1" && pwd)
root=$folder/sendmail-root
exec 9>"$folder/.sendmail-lock"
flock -w 300 9

unavailable() {
  echo "setup_sendmail.sh: $1" >&2
  exit 69
}

# Downloads into $work; asks once more after an update, because package lists may be missing or old.
download() {
  (cd "$work" && apt-get -q download "$@") >"$work/log" 2>&1 ||
    { apt-get -q update >>"$work/log" 2>&1 && (cd "$work" && apt-get -q download "$@") >>"$work/log" 2>&1; } ||
    { cat "$work/log" >&2; unavailable "apt-get cannot download $*"; }
}

missing_libraries() {
  LD_LIBRARY_PATH=$root/lib ldd "$root/usr/libexec/sendmail/sendmail" "$root/usr/bin/m4" |
    sed -n 's/^[[:space:]]*\([^ ]*\) => not found$/\1/p' | sort -u
}

libraries_of() {
  apt-cache depends "$@" | sed -n 's/^ *\(Pre\)\{0,1\}Depends: \(lib[^<>]*\)$/\2/p' | sort -u
}

# The packages' own libraries, then those of the libraries, until nothing is missing.
add_libraries() {
  wanted=$(libraries_of sendmail-bin m4)
  for round in 1 2 3; do
    [ -n "$(missing_libraries)" ] || return 0
    lacking=
    for package in $wanted; do
      dpkg -s "$package" >/dev/null 2>&1 || lacking="$lacking $package"
    done
    [ -n "$lacking" ] || break
    download $lacking
    for package in $lacking; do
      dpkg -x "$work/$package"_*.deb "$work/libraries"
    done
    find "$work/libraries" -name 'lib*.so.*' -exec cp -P {} "$root/lib/" \;
    wanted=$(libraries_of $lacking)
  done
  left=$(missing_libraries)
  [ -z "$left" ] || unavailable "libraries are missing: $left"
}

if [ ! -e "$root/.complete" ]; then
  command -v apt-get >/dev/null && command -v dpkg >/dev/null || unavailable "needs apt-get and dpkg"
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  chmod 755 "$work"
  rm -rf "$root"
  mkdir -p "$root/lib" "$work/libraries"
  download sendmail-bin sendmail-base sendmail-cf m4
  for package in "$work"/*.deb; do
    dpkg -x "$package" "$root"
  done
  # The loader ignores LD_LIBRARY_PATH for a program that changes its group.
  chmod g-s "$root"/usr/libexec/sendmail/*
  add_libraries
  : >"$root/.complete"
fi
echo "$root"
