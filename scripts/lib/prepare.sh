# Sourced by the scripts: goes to the root of the repository, installs what the lockfile says unless that is what is
# installed, and puts the repository's own Node 24 first on PATH. Needs bash, and some Node 20 or newer with npm.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

say() { printf '%s\n' "$*" >&2; }

# What pnpm reads to decide what to install, as one text.
install_inputs() { cat package.json pnpm-workspace.yaml pnpm-lock.yaml; }

# Installs with the pnpm that package.json names; arguments go to it.
install_packages() {
  local manager
  manager=$(sed -n 's/.*"packageManager": *"\(pnpm@[0-9.]*\)".*/\1/p' package.json)
  say "Installing with $manager …"
  if ! CI=true npx --yes "$manager" install --prefer-offline --reporter=silent "$@" </dev/null >&2; then
    say "It failed: run \"npx $manager install $*\" to see why."
    exit 1
  fi
  install_inputs >node_modules/.installed-from
}

install_dependencies() {
  if [[ -x node_modules/node/bin/node ]] && install_inputs | cmp -s - node_modules/.installed-from; then return; fi
  if ! command -v npx >/dev/null; then
    say 'Slipway needs Node 20 or newer with npm: https://nodejs.org'
    exit 1
  fi
  install_packages --frozen-lockfile
}

install_dependencies
export PATH="$PWD/node_modules/node/bin:$PWD/node_modules/.bin:$PATH"
