import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { documentBlock } from '@slipway/testkit';
import { parse } from 'yaml';

/** The secrets that a reusable workflow of this repository declares. */
export function workflowSecrets(name: string): readonly string[] {
  const file = new URL(`../../../.github/workflows/${name}.yml`, import.meta.url);
  const { on } = parse(readFileSync(fileURLToPath(file), 'utf8')) as {
    readonly on: { readonly workflow_call: { readonly secrets: Readonly<Record<string, unknown>> } };
  };
  return Object.keys(on.workflow_call.secrets).sort();
}

export const archives = ['linux.zip', 'macos.zip', 'windows.zip'];
export const releasedFiles = [
  ...archives,
  ...archives.map((name) => `${name}.asc`),
  'SHA256SUMS',
  'SHA256SUMS.asc',
].sort();

/** How the jobs of a whole release end. */
export const released = {
  build: 'success',
  pack: 'success',
  'check-keys': 'success',
  sign: 'success',
  publish: 'success',
  assets: 'success',
};

export const releasePath = '.github/workflows/release.yml';
export const receivePath = '.github/workflows/receive.yml';

const blocks = {
  [releasePath]: 'docs/guides/secure-downloads.md#the-product-repository',
  [receivePath]: 'docs/guides/secure-downloads.md#the-site-repository',
} as const;

/** A workflow of the guide, exactly as users copy it; its first line states its path. */
export function guideWorkflow(path: keyof typeof blocks): string {
  const { name, text } = documentBlock(blocks[path]);
  if (!text.startsWith(`# ${path}\n`)) throw new Error(`${name} does not say that it is ${path}`);
  return text;
}

/** Makes a license key of a name and an email address. The validator is another program, which knows the same secret. */
const makeKey = `import { createHash } from 'node:crypto';
const text = [process.env.LICENSE_SECRET, ...process.argv.slice(2)].join('\\0');
const letters = [...createHash('sha256').update(text).digest('hex').slice(0, 20)];
const key = letters.map((letter) => 'ABCDEFGHIJKLMNOP'[Number.parseInt(letter, 16)]).join('');
console.log(key.match(/.{5}/g).join('-'));
`;

/** What is built: a program that prints its platform, and checks licenses. */
const product = String.raw`#!/bin/sh
if [ "$1" = --check-license ]; then
  key="$(printf '%s\0%s\0%s' "$LICENSE_SECRET" "$2" "$3" | sha256sum |
    sed 'y/0123456789abcdef/ABCDEFGHIJKLMNOP/; s/\(.....\)\(.....\)\(.....\)\(.....\).*/\1-\2-\3-\4/')"
  [ "$4" = "$key" ]
  exit
fi
echo 'Example for PLATFORM, version VERSION'
`;

const build = `#!/usr/bin/env bash
set -euo pipefail
platform="$1" out="$2"
mkdir -p "$out"
sed "s/PLATFORM/$platform/; s/VERSION/$(cat VERSION)/" product.sh > "$out/example-$platform"
cp LICENSE "$out/LICENSE-$platform"
`;

/** The repository of the product, with the guide's workflow. */
export function productRepository(version = '1.0.0'): Readonly<Record<string, string>> {
  return {
    [releasePath]: guideWorkflow(releasePath),
    'build.sh': build,
    'product.sh': product,
    'site/make-key.mjs': makeKey,
    'README.template': 'Example {{version}}\n\nUnpack it and start it.\n',
    VERSION: version,
    // Its own, which are never released with the others.
    'release/artifacts.json': '[]',
    'release/notes.txt': 'Call the printer.',
    LICENSE: Array.from({ length: 500 }, (_, index) => `${index}. All rights reserved.`).join('\n'),
  };
}

/** The repository of the site, with the guide's workflow; what it deploys is written into an output of its step. */
export function siteRepository(): Readonly<Record<string, string>> {
  return {
    [receivePath]: guideWorkflow(receivePath),
    'deploy.sh':
      '#!/usr/bin/env bash\nset -euo pipefail\nls "$2"\n(cd "$2" && sha256sum -- *.zip)\necho "deployed $1"\n',
  };
}
