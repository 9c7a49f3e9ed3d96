# Sourced by the scripts: goes to the root of the repository, installs what the lockfile says unless that is what is
# installed, and puts the repository's own Node 24 first on PATH. Needs bash, and some Node 20 or newer with npm.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

say() { printf '%s\n' "$*" >&2; }

# What pnpm reads to decide what to install, as one text.
install_inputs() { cat package.json pnpm-workspace.yaml pnpm-lock.yaml; }

install_dependencies() {
  local stamp=node_modules/.installed-from
  if [[ -x node_modules/node/bin/node ]] && install_inputs | cmp -s - "$stamp"; then return; fi
  if ! command -v npx >/dev/null; then
    say 'Slipway needs Node 20 or newer with npm: https://nodejs.org'
    exit 1
  fi
  local manager
  manager=$(sed -n 's/.*"packageManager": *"\(pnpm@[0-9.]*\)".*/\1/p' package.json)
  say "Installing with $manager …"
  CI=true npx --yes "$manager" install --frozen-lockfile --reporter=silent </dev/null >&2 || {
    say "\"npx $manager install --frozen-lockfile\" failed: run it by hand to see why."
    exit 1
  }
  install_inputs >"$stamp"
}

install_dependencies
export PATH="$PWD/node_modules/node/bin:$PWD/node_modules/.bin:$PATH"
