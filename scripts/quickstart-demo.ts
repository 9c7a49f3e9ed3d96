/**
 * The main workflow with real input: signs a buildcache that Spack staged with a throwaway key, publishes it to a file:// mirror,
 * verifies it, and says how to use it with Spack. Everything stays under `.cache/quickstart`.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { makeKey, spackFixture } from '@slipway/testkit';
import { say } from './lib/command.ts';
import { root } from './lib/workspace.ts';

const directory = join(root, '.cache/quickstart');
const staged = join(directory, 'staged');
const mirror = pathToFileURL(join(directory, 'mirror')).href;

interface Report {
  readonly [field: string]: unknown;
}

/** Runs an action as a user would, and returns its JSON report. Exits if it fails. */
function slipway(args: readonly string[], secrets: Readonly<Record<string, string>> = {}): Report {
  const shown = args
    .map((argument) => (argument.startsWith(root) ? relative(root, argument) : argument))
    .join(' ');
  const variables = Object.keys(secrets)
    .map((name) => `${name}=… `)
    .join('');
  say(`\n$ ${variables}scripts/slipway ${shown}`);
  const reportPath = join(directory, 'report.json');
  const run = spawnSync(
    process.execPath,
    [join(root, 'packages/cli/dist/index.js'), ...args, '--report', reportPath, '--json'],
    { encoding: 'utf8', env: { PATH: process.env['PATH'] ?? '', ...secrets } },
  );
  if (run.status !== 0) {
    say(run.stderr);
    process.exit(1);
  }
  const report: unknown = JSON.parse(readFileSync(reportPath, 'utf8'));
  if (typeof report !== 'object' || report === null) throw new Error('the report is not an object');
  return { ...report };
}

/** The number or text at a path of fields. */
function field(report: unknown, ...path: readonly string[]): string {
  let value = report;
  for (const name of path)
    value = typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
  return Array.isArray(value) ? String(value.length) : String(value);
}

rmSync(directory, { recursive: true, force: true });
mkdirSync(directory, { recursive: true });
cpSync(spackFixture('v3-unsigned'), staged, { recursive: true });
rmSync(join(staged, 'v3/manifests/index'), { recursive: true });

const key = await makeKey({
  type: 'rsa3072',
  userId: 'Slipway quickstart',
  nowMs: Date.now(),
});
const secrets = { SLIPWAY_SIGNING_KEY: key.privateArmored };
say(`Created a throwaway key: ${key.fingerprint}.`);
say(
  'Signing, publishing and verifying five packages that Spack 1.2 staged with "spack buildcache push --unsigned":',
);

const signing = slipway(['buildcache-sign', '--buildcache', staged], secrets);
say(`  ${field(signing, 'signed')} manifests signed, the public key added`);

const publishing = slipway(
  ['buildcache-publish', '--buildcache', staged, '--mirror', mirror, '--trusted-keys', key.fingerprint],
  secrets,
);
const [index] = (publishing['result'] as { indexes: readonly unknown[] }).indexes;
say(
  `  ${field(publishing, 'result', 'manifestsWritten')} entries and ${field(publishing, 'result', 'blobsUploaded')} blobs published, index generation ${field(index, 'generation')} signed`,
);

const verifying = slipway([
  'buildcache-verify',
  '--mirror',
  mirror,
  '--trusted-keys',
  key.fingerprint,
  '--level',
  'full',
]);
say(
  `  ${field(verifying, 'statistics', 'entries')} entries verified to the last byte, ${field(verifying, 'counts', 'errors')} errors`,
);

say(`
The mirror is ${relative(root, join(directory, 'mirror'))}. Point Spack 1.x at it:

  spack mirror add --signed quickstart ${mirror}
  spack buildcache keys --install --trust
  spack buildcache list --allarch

docs/guides/publish-a-buildcache.md does the same in a workflow.`);
