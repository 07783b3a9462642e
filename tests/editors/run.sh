#!/usr/bin/env bash
# Runs the tests with real editors, after installing what they need: from PyPI into the virtual environment, from Debian
# where this user may install packages (elsewhere the editors that are missing are skipped, with the reason).
# Arguments name the editors to run: nvim, emacs, jupyter, vscode; none: all.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"
python="${VENV:-$root/.venv}/bin/python"
editors=("$@")
[ $# -gt 0 ] || editors=(nvim emacs jupyter vscode)

packages=(emacs-nox elpa-eglot elpa-company chromium fonts-dejavu-core)
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ] && ! dpkg --status "${packages[@]}" >/dev/null 2>&1; then
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
fi
"$python" -m pip install --quiet --requirement "$here/requirements.txt"

failed=0
for editor in "${editors[@]}"; do
  if [ "$editor" = vscode ]; then
    "$here/vscode/run.sh" || failed=1
  else
    (cd "$root" && "$python" -m pytest -q -m editor "tests/editors/$editor") || failed=1
  fi
done
exit "$failed"
