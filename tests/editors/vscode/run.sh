#!/usr/bin/env bash
# Runs the VS Code tests: installs what they need (once, into .cache/vscode), builds and packages the extension, then runs
# the stories in real VS Code in Chromium. Arguments are names of stories/*.test.ts without the ending; none: all.
# INFILL_PICTURE=FILE saves a screenshot of ghost text, INFILL_EDITS_PICTURE=FILE one of next edits;
# INFILL_PICTURE_MODELS=FOLDER has the first one taken with the models that infill-ls keeps there, in infill-ls/models;
# INFILL_LATENCY=FILE saves the measured times;
# INFILL_STORIES_S limits the time of all stories together.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../../.." && pwd)"
cache="$root/.cache/vscode"
"$here/install.sh" || {
  code=$?
  [ "$code" = 3 ] && exit 0
  exit "$code"
}
export PATH="$cache/bin:$PATH"

(cd "$root/editors/vscode" && npm run --silent package >"$cache/package.log" 2>&1) || {
  cat "$cache/package.log" >&2
  exit 1
}
vsix="$root/editors/vscode/dist/infill.vsix"
bytes="$(stat -c %s "$vsix")"
echo "The extension's package has $((bytes / 1000)) kB."
[ "$bytes" -lt 1000000 ] || {
  echo "$vsix is larger than 1 MB" >&2
  exit 1
}

(cd "$root/editors/vscode" && npx tsc --noEmit -p "$here")
(cd "$root/editors/vscode" && npx esbuild "$here/host/index.ts" --bundle --platform=node --format=cjs \
  --external:vscode --log-level=warning --outfile="$cache/host/index.js")

# VS Code takes seconds to install an extension, so the stories copy an installed one.
export INFILL_TEST_EXTENSIONS="$cache/extensions"
rm -rf "$cache/extensions" "$cache/failed"
"$cache/bin/node" "$cache/code-server/node_modules/code-server/lib/vscode/out/server-main.js" --install-extension "$vsix" \
  --extensions-dir "$cache/extensions" --server-data-dir "$cache/server-data" --accept-server-license-terms >/dev/null

# The stories of the real engine measure times and run alone. The others mostly wait for a window to open, two at a time.
alone=() together=()
[ $# -gt 0 ] || for file in "$here"/stories/*.test.ts; do set -- "$@" "$(basename "$file" .test.ts)"; done
for name in "$@"; do
  file="$here/stories/$name.test.ts"
  [ -e "$file" ] || {
    echo "There is no $file." >&2
    exit 2
  }
  if [ "$name" = embedded ] || [ "$name" = latency ]; then alone+=("$file"); else together+=("$file"); fi
done

# A hanging window costs each of its stories a deadline, so there is a limit for all together.
until=$((SECONDS + ${INFILL_STORIES_S:-1200}))
failed=0
run_stories() {
  local most="$1"
  shift
  [ $# -gt 0 ] || return 0
  timeout --kill-after=20 "$((until > SECONDS ? until - SECONDS : 1))" "$cache/bin/node" \
    --disable-warning=MODULE_TYPELESS_PACKAGE_JSON --test --test-concurrency="$most" --test-reporter=spec "$@" || failed=1
}
run_stories 1 "${alone[@]}"
run_stories 2 "${together[@]}"
exit "$failed"
