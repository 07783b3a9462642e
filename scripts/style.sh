#!/usr/bin/env bash
# Formats and lints what is not Python: shell and C with tools from PyPI in the virtual environment, TypeScript and Lua
# with tools from npm, Lua also with Debian's luacheck. `scripts/style.sh check` only reports; `scripts/style.sh fix`
# rewrites the files. What needs a tool that is missing is left out, with one sentence.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bin="${VENV:-.venv}/bin"
mode="${1:-check}"
case "$mode" in
  check) shfmt=(--diff) clang_format=(--dry-run --Werror) biome=(check) stylua=(--check editors/nvim) ;;
  fix) shfmt=(--write) clang_format=(-i) biome=(check --write) stylua=(editors/nvim) ;;
  *)
    echo "usage: scripts/style.sh check|fix" >&2
    exit 2
    ;;
esac

failed=0
git ls-files -z '*.sh' .ci/run | xargs -0 "$bin/shfmt" "${shfmt[@]}" || failed=1
git ls-files -z '*.sh' .ci/run | xargs -0 "$bin/shellcheck" || failed=1
git ls-files -z '*.c' '*.h' '*.cu' '*.cuh' | xargs -0 "$bin/clang-format" "${clang_format[@]}" || failed=1

# The packages of the lock file, installed again whenever it changes.
npm_tools() (
  cd editors
  [ node_modules/.package-lock.json -nt package-lock.json ] || timeout --kill-after=20 300 npm ci --silent
)
if ! command -v npm >/dev/null; then
  echo "TypeScript and Lua are not checked: npm is not installed." >&2
elif ! npm_tools; then
  echo "TypeScript and Lua are not checked: npm could not install the packages of editors/package-lock.json." >&2
  [ -z "${CI:-}" ] || failed=1
else
  tools=editors/node_modules/.bin
  "$tools/biome" "${biome[@]}" || failed=1
  "$tools/stylua" "${stylua[@]}" || failed=1
fi
if command -v luacheck >/dev/null; then
  luacheck --quiet --no-color editors/nvim || failed=1
else
  echo "Lua is not linted: there is no luacheck (Debian: lua-check)." >&2
fi
exit "$failed"
