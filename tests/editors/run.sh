#!/usr/bin/env bash
# Runs the tests with real editors, after installing what they need: from PyPI into the virtual environment, and from
# Debian if this user may install packages. An editor that cannot be installed is skipped, with the reason in one sentence.
# Arguments name the editors to run: nvim, emacs, jupyter, browser, helix, vim, kate, vscode; none: all. The browser shows
# the page of `infill-ls stats`.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"
python="${VENV:-$root/.venv}/bin/python"
[ $# -gt 0 ] || set -- nvim emacs jupyter browser helix vim kate vscode

"$here/debian.sh" "$@"
get() { "$python" -m pip install --quiet --disable-pip-version-check "$@"; }
# A package that cannot be installed for one editor must not affect the others.
get --requirement "$here/requirements.txt" 2>/dev/null || while read -r line; do
  [[ -z "$line" || "$line" = \#* ]] || get "$line" ||
    echo "PyPI's $line could not be installed; the tests that need it are skipped." >&2
done <"$here/requirements.txt"

failed=0
# 5: nothing was left to run, because the whole file was skipped.
stories() { (cd "$root" && "$python" -m pytest -q -ra -m editor "$@") || [ $? = 5 ] || failed=1; }
for editor in "$@"; do
  began=$SECONDS
  case "$editor" in
    vscode) "$here/vscode/run.sh" || failed=1 ;;
    nvim) # the oldest supported version, then one with its own inline completion
      stories "$here/nvim"
      "$root/scripts/newer.sh" neovim
      newer="$root/.cache/newer/root/usr/bin/nvim"
      [ -n "${NVIM_BIN:-}" ] || ! [ -x "$newer" ] || NVIM_BIN="$newer" stories "$here/nvim"
      ;;
    helix)
      [ -n "${HX_BIN:-}" ] || "$root/scripts/newer.sh" hx
      stories "$here/helix"
      ;;
    kate)
      "$root/scripts/newer.sh" kate
      stories "$here/kate"
      ;;
    *) stories "$here/$editor" ;;
  esac
  echo "$editor: $((SECONDS - began)) s"
done
exit "$failed"
