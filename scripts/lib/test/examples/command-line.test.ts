import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  commandLinePrograms,
  documentBlock,
  gpgMissing,
  haveGh,
  makeKey,
  publishByHand,
  runShellBlock,
  type ShellBlockRun,
  serveDirectory,
  serverProgram,
  stageHonestMirror,
  type TestKey,
  temporaryDirectory,
} from '@slipway/testkit';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';

describe('lines of the command line', () => {
  let key: TestKey;
  /** A published mirror, to be served. */
  let published: string;
  let directory: string;

  beforeAll(async () => {
    key = await makeKey({ type: 'ed25519' });
    published = (await stageHonestMirror(key)).directory;
    await publishByHand(published, { signer: key });
    directory = temporaryDirectory('terminal');
    writeFileSync(join(directory, 'signing-key.asc'), key.privateArmored);
    writeFileSync(join(directory, 'trusted-keys.asc'), key.publicArmored);
  });

  test('of the document show help, sign, rehearse a publish, and verify what is served', async () => {
    const { directory: staged } = await stageHonestMirror();
    const server = await serveDirectory(published);
    execFileSync('cp', ['-r', staged, join(directory, 'staged')]);
    const mirror = join(temporaryDirectory('srv'), 'binaries/spack');
    mkdirSync(join(mirror, '..'), { recursive: true });
    const run = await runShellBlock(documentBlock('docs/command-line.md#command-line'), {
      directory,
      programs: commandLinePrograms(),
      replacements: {
        'file:///srv/binaries/spack': pathToFileURL(mirror).href,
        'https://binaries.example.org/spack': server.url,
      },
    });
    server.close();
    expect(run.exitCode, run.error).toBe(0);
    expect(run.output).toContain('Usage: slipway ACTION');
    expect(run.output).toContain('Usage: slipway buildcache-verify');
    const report: unknown = JSON.parse(run.output.slice(run.output.lastIndexOf('\n{') + 1));
    expect(report).toMatchObject({ statistics: { entries: 7 } });
    // The publish was a dry run.
    expect(existsSync(mirror)).toBe(false);
  });

  test('of the guide for when something is wrong look at a mirror and change nothing', async () => {
    const before = readdirSync(published, { recursive: true }).sort();
    const run = await runShellBlock(
      documentBlock('docs/guides/when-something-is-wrong.md#when-something-is-wrong'),
      {
        directory,
        programs: commandLinePrograms(),
        replacements: { 'file:///srv/binaries/spack': pathToFileURL(published).href },
      },
    );
    expect(run.exitCode, run.error).toBe(0);
    expect(readdirSync(published, { recursive: true }).sort()).toEqual(before);
  });
});

/** Where the workflow of the guide takes secrets and mirrors from. */
interface Workflow {
  readonly jobs: Readonly<
    Record<string, { readonly environment?: string; readonly steps: readonly { with?: object }[] }>
  >;
}

describe.skipIf(gpgMissing)('the guide to signing keys (needs gpg)', () => {
  const directory = temporaryDirectory('keys');
  const passphrase = 'correct horse battery staple';
  let made: ShellBlockRun;

  const slipway = (text: string, environment = {}) =>
    runShellBlock(
      { name: 'here', path: 'here', line: 1, language: 'sh', text },
      { directory, environment, programs: commandLinePrograms() },
    );

  beforeAll(async () => {
    const gpg = execFileSync('sh', ['-c', 'command -v gpg'], { encoding: 'utf8' }).trim();
    const homes = temporaryDirectory('gnupg');
    // What a reader copies from the listing.
    const fingerprint = (user: string): string =>
      `"$(gpg --list-keys --with-colons '${user}' | awk -F: '$1 == "fpr" { print $10; exit }')"`;
    made = await runShellBlock(documentBlock('docs/guides/signing-keys.md#make-them'), {
      directory,
      environment: { TMPDIR: homes },
      // At a terminal the user types the passphrase.
      programs: { gpg: `exec ${gpg} --batch --pinentry-mode loopback --passphrase '${passphrase}' "$@"` },
      replacements: {
        FINGERPRINT_OF_ENTRIES: fingerprint('Example mirror, entries'),
        FINGERPRINT_OF_INDEX: fingerprint('Example mirror, index'),
      },
    });
    for (const home of readdirSync(homes))
      execFileSync('gpgconf', ['--homedir', join(homes, home), '--kill', 'all']);
  }, 120_000);

  test('makes keys that sign entries and an index, and that clients can trust', async () => {
    expect(made.exitCode, made.error).toBe(0);
    execFileSync('cp', ['-r', (await stageHonestMirror()).directory, join(directory, 'staged')]);
    const environment = { SLIPWAY_PASSPHRASE: passphrase };
    const signed = await slipway(
      'slipway buildcache-sign --buildcache staged --signing-key @signing-key.asc --trusted-keys @trusted-keys.asc',
      environment,
    );
    expect(signed.exitCode, signed.error).toBe(0);
    const published = await slipway(
      `slipway buildcache-publish --buildcache staged --mirror file://${directory}/mirror --trusted-keys @trusted-keys.asc --signing-key @index-key.asc`,
      environment,
    );
    expect(published.exitCode, published.error).toBe(0);
    const verified = await slipway(
      `slipway buildcache-verify --mirror file://${directory}/mirror --trusted-keys @trusted-keys.asc --require-signed-index`,
    );
    expect(verified.exitCode, verified.error).toBe(0);
  });

  const workflow = parse(
    documentBlock('docs/guides/publish-a-buildcache.md#publish-a-buildcache').text,
  ) as Workflow;

  test.skipIf(!haveGh())('stores them where the workflow of the guide to publishing reads them', async () => {
    // gh has no server here: a double prints what it was asked, and the help of the real gh shows that it knows the flags.
    const run = await runShellBlock(documentBlock('docs/guides/signing-keys.md#hand-them-over'), {
      directory,
      programs: { gh: 'echo "$*"; case "$*" in *PASSPHRASE*) ;; *) head -n 1 ;; esac' },
    });
    expect(run.exitCode, run.error).toBe(0);
    const lines = run.output.trim().split('\n');
    expect(lines.filter((line) => line.startsWith('-----'))).toEqual([
      '-----BEGIN PGP PRIVATE KEY BLOCK-----',
      '-----BEGIN PGP PRIVATE KEY BLOCK-----',
      '-----BEGIN PGP PUBLIC KEY BLOCK-----',
    ]);
    const calls = lines.filter((line) => !line.startsWith('-----')).map((line) => line.split(' '));
    for (const [what, , name = '', ...flags] of calls) {
      const environment = flags[1];
      if (what === 'variable') {
        expect(documentBlock('docs/guides/publish-a-buildcache.md#publish-a-buildcache').text).toContain(
          `vars.${name} }}`,
        );
        continue;
      }
      const help = execFileSync(serverProgram('gh') ?? '', ['secret', 'set', '--help'], { encoding: 'utf8' });
      expect(help).toContain(flags[0]);
      const jobs = Object.values(workflow.jobs).filter((job) => job.environment === environment);
      expect(jobs.length).toBeGreaterThan(0);
      expect(JSON.stringify(jobs)).toContain(`secrets.${name} }}`);
    }
  });

  test('gives clients the file that was made, and the mirror that the workflow of the guide to publishing verifies', async () => {
    // A double of Spack prints what it was asked.
    const run = await runShellBlock(documentBlock('docs/guides/signing-keys.md#clients'), {
      directory,
      replacements: { 'https://binaries.example.org': 'http://127.0.0.1' },
      programs: { spack: 'echo "$*"' },
    });
    expect(run.exitCode, run.error).toBe(0);
    const [trust = '', add = ''] = run.output
      .replace('http://127.0.0.1', 'https://binaries.example.org')
      .trim()
      .split('\n');
    const file = /^gpg trust (\S+)$/.exec(trust)?.[1] ?? '';
    expect(readFileSync(join(directory, file), 'utf8')).toContain('BEGIN PGP PUBLIC KEY BLOCK');
    const mirror = /^mirror add --signed --type binary \S+ (\S+)$/.exec(add)?.[1];
    expect(workflow.jobs['verify']?.steps[0]?.with).toMatchObject({ mirror });
  });
});
