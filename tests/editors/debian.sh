#!/usr/bin/env bash
# Installs the Debian packages that the tests with these editors need, if this user may install packages. If not, prints one
# sentence and succeeds: the tests that miss something are skipped.
# Arguments name the editors: nvim, emacs, jupyter, browser, helix, vim, kate, vscode; or arm, the processor that the tests of the
# compiled step emulate. None: all.
set -euo pipefail
[ $# -gt 0 ] || set -- nvim emacs jupyter browser helix vim kate vscode arm

declare -A debian=(
  [nvim]="lua-check" # Neovim itself comes from PyPI; `make check` lints the plugin
  [emacs]="emacs-nox elpa-eglot elpa-lsp-mode elpa-company"
  [jupyter]="chromium fonts-dejavu-core"
  [browser]="chromium fonts-dejavu-core"
  [helix]="" # not in this Debian: newer.sh
  [vim]="vim vim-ale"
  [kate]="xvfb xdotool fonts-dejavu-core" # Debian's Kate is too old: newer.sh
  # libkrb5-dev and the compiler: code-server's native modules are built here. The font is for the screenshots.
  [vscode]="chromium fonts-dejavu-core libkrb5-dev g++ make"
  [arm]="gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user" # 56 MB, ten seconds
)
declare -A missing=()
for editor in "$@"; do
  [ -n "${debian[$editor]+known}" ] || {
    echo "There is no editor $editor here; name ${!debian[*]}." >&2
    exit 2
  }
  for package in ${debian[$editor]}; do
    dpkg --status "$package" >/dev/null 2>&1 || missing[$package]=1
  done
done
# Debian's own Python cannot create virtual environments without this package.
python3 -c 'import ensurepip' 2>/dev/null || missing["python3-venv"]=1
[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "This is not Debian, so ${!missing[*]} cannot be installed here; the tests that need them are skipped." >&2
elif [ "$(id -u)" != 0 ]; then
  echo "Only root can install Debian's ${!missing[*]}; the tests that need them are skipped." >&2
else
  export DEBIAN_FRONTEND=noninteractive
  # If one package list cannot be fetched, the others may be enough.
  apt-get update -qq >/dev/null || true
  apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 "${!missing[@]}" >/dev/null ||
    echo "Debian's ${!missing[*]} could not be installed; the tests that need them are skipped." >&2
fi
