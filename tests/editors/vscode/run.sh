#!/usr/bin/env bash
# Runs the VS Code tests: installs what they need (once, into .cache/vscode), builds and packages the extension, then tells
# the stories in real VS Code in Chromium. Arguments are names of stories/*.test.ts without the ending; none: all.
# INFILL_PICTURE=FILE takes the picture of ghost text; INFILL_LATENCY=FILE is where the measured times go;
# INFILL_STORIES_S is how long all stories may take together.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../../.." && pwd)"
cache="$root/.cache/vscode"
"$here/install.sh" || { code=$?; [ "$code" = 3 ] && exit 0; exit "$code"; }
export PATH="$cache/bin:$PATH"

(cd "$root/editors/vscode" && npm run --silent package >"$cache/package.log") || { cat "$cache/package.log" >&2; exit 1; }
vsix="$root/editors/vscode/dist/infill.vsix"
bytes="$(stat -c %s "$vsix")"
echo "The extension's package has $((bytes / 1000)) kB."
[ "$bytes" -lt 1000000 ] || { echo "$vsix is larger than 1 MB" >&2; exit 1; }

(cd "$root/editors/vscode" && npx tsc --noEmit -p "$here")
(cd "$root/editors/vscode" && npx esbuild "$here/host/index.ts" --bundle --platform=node --format=cjs \
  --external:vscode --log-level=warning --outfile="$cache/host/index.js")

# VS Code takes seconds to install an extension, so the stories copy one that is.
export INFILL_TEST_EXTENSIONS="$cache/extensions"
rm -rf "$cache/extensions" "$cache/failed"
"$cache/bin/node" "$cache/code-server/node_modules/code-server/lib/vscode/out/server-main.js" --install-extension "$vsix" \
  --extensions-dir "$cache/extensions" --server-data-dir "$cache/server-data" --accept-server-license-terms >/dev/null

stories=("$here"/stories/*.test.ts)
[ $# -eq 0 ] || stories=("${@/%/.test.ts}")
[ $# -eq 0 ] || stories=("${stories[@]/#/$here/stories/}")
# One at a time: each starts a browser, and the times are measured. All of them take minutes; a window that hangs costs each
# of its stories a deadline, and what is that broken need not be told at length.
exec timeout --kill-after=20 "${INFILL_STORIES_S:-1200}" "$cache/bin/node" --disable-warning=MODULE_TYPELESS_PACKAGE_JSON --test --test-concurrency=1 --test-reporter=spec "${stories[@]}"
