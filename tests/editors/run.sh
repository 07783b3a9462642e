#!/usr/bin/env bash
# Runs the tests with real editors, after installing what they need: from PyPI into the virtual environment, from Debian
# where this user may install packages. An editor that cannot be had is skipped, with a sentence that says why.
# Arguments name the editors to run: nvim, emacs, jupyter, vscode; none: all.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"
python="${VENV:-$root/.venv}/bin/python"
editors=("$@")
[ $# -gt 0 ] || editors=(nvim emacs jupyter vscode)

declare -A debian=(
  [nvim]=""
  [emacs]="emacs-nox elpa-eglot elpa-company"
  [jupyter]="chromium fonts-dejavu-core"
  # libkrb5-dev and the compiler: code-server's kerberos module is built here. The font is the one of the pictures.
  [vscode]="chromium fonts-dejavu-core libkrb5-dev g++ make"
)
packages=()
for editor in "${editors[@]}"; do
  [ -n "${debian[$editor]+known}" ] || { echo "There is no editor $editor here; name ${!debian[*]}." >&2; exit 2; }
  read -ra wanted <<<"${debian[$editor]}"
  packages+=("${wanted[@]}")
done
missing=()
for package in "${packages[@]}"; do
  dpkg --status "$package" >/dev/null 2>&1 || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    export DEBIAN_FRONTEND=noninteractive
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >/dev/null ||
      echo "Debian's ${missing[*]} could not be installed; the tests that need them are skipped." >&2
  else
    echo "Only root can install Debian's ${missing[*]}; the tests that need them are skipped." >&2
  fi
fi
"$python" -m pip install --quiet --disable-pip-version-check --requirement "$here/requirements.txt" ||
  echo "Not all of tests/editors/requirements.txt could be installed; the tests that need it are skipped." >&2

failed=0
for editor in "${editors[@]}"; do
  began=$SECONDS
  if [ "$editor" = vscode ]; then
    "$here/vscode/run.sh" || failed=1
  else
    (cd "$root" && "$python" -m pytest -q -ra -m editor "tests/editors/$editor") || failed=1
  fi
  echo "$editor: $((SECONDS - began)) s"
done
exit "$failed"
