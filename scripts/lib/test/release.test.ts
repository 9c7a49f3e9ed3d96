// Slow: about 30 s.
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  globSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import {
  documentBlock,
  gpgMissing,
  makeKey,
  runShellBlock,
  type TestKey,
  temporaryDirectory,
} from '@slipway/testkit';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { beforeAll, describe, expect, test } from 'vitest';
import { runCommand } from '../command.ts';
import type { Result } from '../release/execute.ts';
import { bundleHashes } from '../release/files.ts';
import { root } from '../workspace.ts';
import { changeset, ReleaseRepository, takeBundles } from './release-repository.ts';

const news = { '.changeset/news.md': changeset('minor', 'Something new.') };

describe('a release', () => {
  let repository: ReleaseRepository;
  let key: TestKey;
  let result: Result;
  let before: Readonly<Record<string, string>>;
  const signing = (): { key: string; passphrase: string | undefined } => ({
    key: key.privateArmored,
    passphrase: key.passphrase,
  });

  beforeAll(async () => {
    key = await makeKey({ type: 'ed25519', passphrase: 'correct horse battery staple' });
    repository = new ReleaseRepository(news);
    before = repository.refs(repository.remote);
    result = await repository.release({}, { signing: signing() });
  }, 300_000);

  test('has the bundles in one commit that is on no branch, and its tags lead there', () => {
    const git = (...args: readonly string[]) => repository.git(...args);
    expect(git('rev-parse', 'v0.1.0^{commit}', 'v0')).toBe(`${result.released}\n${result.released}`);
    expect(git('cat-file', '-t', 'v0.1.0')).toBe('tag');
    expect(git('branch', '--contains', result.released)).toBe('');
    expect(git('rev-parse', `${result.released}^`, 'main')).toBe(`${result.source}\n${result.source}`);
    const changed = git('diff', '--name-only', result.source, result.released).split('\n');
    expect(changed.filter((path) => !/^actions\/[\w-]+\/dist\//.test(path))).toEqual([]);
    expect(changed).toContain('actions/s3-publish/dist/index.js');
    expect(git('ls-files', 'actions/*/dist')).toBe('');
    expect(git('status', '--porcelain')).toBe('');
  });

  test('has every byte of the bundles as it was built', async () => {
    const tagged = repository.checkout('v0.1.0');
    const built = temporaryDirectory('built');
    await takeBundles(built);
    expect(bundleHashes(tagged)).toEqual(bundleHashes(built));
    expect(bundleHashes(built).size).toBeGreaterThan(100);
    // Git changes no line ends in them, on any system.
    expect(repository.git('check-attr', 'text', 'actions/s3-publish/dist/licenses.txt')).toContain(': unset');
  });

  test('moves the changesets into the changelog, and writes the version where it stands', () => {
    const changelog = repository.git('show', 'main:CHANGELOG.md');
    expect(changelog).toContain('## 0.1.0 (2026-11-28)\n\n### New\n\n- Something new.');
    expect(existsSync(join(repository.directory, '.changeset/news.md'))).toBe(false);
    expect(repository.git('show', 'main:packages/core/src/version.ts')).toContain("version = '0.1.0'");
    expect(repository.git('tag', '--list', '--format=%(contents:body)', 'v0.1.0')).toContain(
      '### New\n\n- Something new.',
    );
  });

  test('pushes nothing unless asked', () => {
    expect(repository.refs(repository.remote)).toEqual(before);
  });

  test.skipIf(gpgMissing)('is checked by the lines of the guide (needs gpg)', async () => {
    const home = temporaryDirectory('gnupg');
    chmodSync(home, 0o700);
    execFileSync('gpg', ['--batch', '--no-autostart', '--homedir', home, '--import'], {
      input: key.publicArmored,
      stdio: 'pipe',
    });
    const tagged = repository.checkout('v0.1.0');
    const check = () =>
      runShellBlock(documentBlock('docs/guides/releasing.md#check-a-release'), {
        directory: tagged,
        environment: { FILES: result.files, GNUPGHOME: home },
      });
    const good = await check();
    expect(good.exitCode, good.error).toBe(0);
    expect(good.output).toContain('slipway-0.1.0.tar.gz: OK');
    expect(good.output).toContain('actions/s3-publish/dist/index.js: OK');
    appendFileSync(join(tagged, 'actions/s3-publish/dist/index.js'), '\n');
    expect((await check()).exitCode).not.toBe(0);
  });

  test('has a bill of materials that is valid CycloneDX 1.6, and the notices of the same packages', () => {
    const bom = JSON.parse(readFileSync(join(result.files, 'slipway-0.1.0.cdx.json'), 'utf8')) as {
      components: { name: string; group?: string; version: string }[];
    };
    expect(schemaProblems(bom)).toEqual([]);
    expect(schemaProblems({ ...bom, components: [{ name: 'x' }] })).not.toEqual([]);
    const notices = readFileSync(join(result.files, 'THIRD-PARTY-NOTICES.txt'), 'utf8');
    const foreign = bom.components.filter(({ group }) => group !== '@slipway');
    expect(foreign.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['openpgp', 'yauzl', 'client-s3']),
    );
    for (const { name, group, version } of foreign)
      expect(notices).toContain(`\n${group === undefined ? '' : `${group}/`}${name}@${version}\nLicense: `);
    expect(notices).toMatch(/saxes@[\d.]+\nLicense: ISC\n\nBy Louis-Dominique Dubeau/);
    expect(notices).toContain('GNU LESSER GENERAL PUBLIC LICENSE');
    // What is installed for tests and tools is not in the bundles.
    expect(notices).not.toContain('vitest@');
  });

  test('holds the tag as an archive', () => {
    const listed = execFileSync('tar', ['-tzf', join(result.files, 'slipway-0.1.0.tar.gz')], {
      encoding: 'utf8',
    });
    expect(listed.split('\n')).toEqual(
      expect.arrayContaining(['slipway-0.1.0/LICENSE', 'slipway-0.1.0/actions/s3-publish/dist/index.js']),
    );
  });

  test('comes out the same when it is made again, and is then pushed whole', async () => {
    const files = contentsOf(result.files);
    const refs = repository.refs();
    const again = await repository.release({ push: true }, { signing: signing() });
    expect(again).toEqual({ ...result, pushed: true });
    expect(contentsOf(result.files)).toEqual(files);
    const { 'refs/remotes/origin/main': _, ...own } = refs;
    expect(repository.refs()).toMatchObject(own);
    const { 'refs/heads/main': main, 'refs/tags/v0': moving, 'refs/tags/v0.1.0': tag } = refs;
    expect(repository.refs(repository.remote)).toEqual({
      'refs/heads/main': main,
      'refs/tags/v0': moving,
      'refs/tags/v0.1.0': tag,
    });
    // And once more, where everything is there already.
    await repository.release({ push: true }, { signing: signing() });
  }, 300_000);

  test('of a tag that has other bundles is refused, and changes nothing', async () => {
    const refs = repository.refs();
    const other = async (directory: string): Promise<void> => {
      await takeBundles(directory);
      appendFileSync(join(directory, 'actions/archive-pack/dist/index.js'), ';');
    };
    await expect(repository.release({}, { build: other })).rejects.toThrow(
      `the tag v0.1.0 points to ${result.released}, but this build made`,
    );
    expect(repository.refs()).toEqual(refs);
  });
});

describe('a release that cannot be made', () => {
  const repository = new ReleaseRepository(news);

  test('because two builds differ in a byte leaves everything as it was, and names the file', async () => {
    const refs = repository.refs();
    let builds = 0;
    const build = async (directory: string): Promise<void> => {
      builds += 1;
      await takeBundles(directory);
      if (builds === 2) appendFileSync(join(directory, 'actions/s3-publish/dist/index.js'), ' ');
    };
    await expect(repository.release({}, { build })).rejects.toThrow(
      'two builds of the same commit differ, so nothing is released: actions/s3-publish/dist/index.js',
    );
    expect(repository.refs()).toEqual(refs);
    expect(repository.git('status', '--porcelain', '--ignored')).toBe('');
  });

  test('because it was interrupted after the branch moved is finished by the same command', async () => {
    // A tag that cannot be written is met after the files and the branch.
    const blocker = join(repository.directory, '.git/refs/tags/v0.1.0.lock');
    writeFileSync(blocker, '');
    await expect(repository.release({})).rejects.toThrow('git tag failed');
    expect(repository.git('log', '-1', '--format=%s')).toBe('Slipway 0.1.0');
    expect(repository.git('tag')).toBe('');
    rmSync(blocker);
    const { released } = await repository.release({ push: true });
    expect(repository.refs(repository.remote)['refs/tags/v0']).toBe(released);
    expect(repository.git('log', '--oneline', 'main').split('\n')).toHaveLength(2);
  }, 300_000);

  test('because the moving tag was moved by somebody else meanwhile pushes nothing', async () => {
    repository.commit({ '.changeset/more.md': changeset('patch', 'Mended.') }, 'Something else');
    const remote = repository.refs(repository.remote);
    const planned = repository.release(
      { version: '0.1.1', push: true },
      {
        build: async (directory) => {
          await takeBundles(directory);
          execFileSync('git', ['update-ref', 'refs/tags/v0', remote['refs/heads/main'] ?? ''], {
            cwd: repository.remote,
          });
        },
      },
    );
    await expect(planned).rejects.toThrow('git push failed');
    expect(repository.refs(repository.remote)).toEqual({
      ...remote,
      'refs/tags/v0': remote['refs/heads/main'],
    });
  }, 300_000);
});

describe('the command', () => {
  const repository = new ReleaseRepository(news);
  // Its packages are those of this repository; a link is not the directory that .gitignore knows.
  appendFileSync(join(repository.directory, '.git/info/exclude'), 'node_modules\n');
  symlinkSync(join(root, 'node_modules'), join(repository.directory, 'node_modules'));
  const run = (...args: readonly string[]) =>
    runCommand('bash', ['scripts/release', ...args], {
      cwd: repository.directory,
      env: { ...process.env, RELEASE_SIGNING_KEY: '', RELEASE_SIGNING_PASSPHRASE: '' },
    });

  test('prints the plan in a dry run, and changes nothing', async () => {
    const refs = repository.refs();
    const { exitCode, output } = await run('0.1.0', '--dry-run', '--push', '--unsigned');
    expect(exitCode, output).toBe(0);
    expect(JSON.parse(output)).toMatchObject({ tag: 'v0.1.0', notes: '### New\n\n- Something new.' });
    expect(repository.refs()).toEqual(refs);
    expect(existsSync(join(repository.directory, '.cache'))).toBe(false);
  });

  test('tells everything that stands against a release, and what it takes', async () => {
    writeFileSync(join(repository.directory, 'scratch.txt'), '');
    const { exitCode, output } = await run('01.0');
    expect(exitCode).toBe(1);
    expect(output).toContain('"01.0" is not a version');
    expect(output).toContain('uncommitted changes: scratch.txt');
    expect(output).toContain('there is no signing key');
    rmSync(join(repository.directory, 'scratch.txt'));
    const unknown = await run('0.1.0', '--pusch');
    expect(unknown.exitCode).toBe(2);
    expect(unknown.output).toContain('Usage: scripts/release VERSION');
  });

  test('has the flags that the guide gives it', () => {
    const { text } = documentBlock('docs/guides/releasing.md#make-a-release');
    const lines = text.split('\n').filter((line) => line !== '');
    const flags = lines.flatMap((line) => line.replace(/#.*/, '').match(/--[\w-]+/g) ?? []);
    const usage = readFileSync(join(root, 'scripts/release.ts'), 'utf8');
    for (const flag of flags) expect(usage).toContain(`[${flag}]`);
    expect(lines.every((line) => line.startsWith('scripts/release 0.1.0'))).toBe(true);
  });
});

function contentsOf(directory: string): Readonly<Record<string, string>> {
  const names = globSync('*', { cwd: directory });
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(directory, name), 'base64')]));
}

function schemaProblems(document: unknown): readonly string[] {
  const ajv = new Ajv({
    strict: false,
    allErrors: true,
    formats: { 'iri-reference': true, 'idn-email': true },
  });
  addFormats.default(ajv);
  const directory = join(root, 'node_modules/@cyclonedx/cyclonedx-library/res/schema');
  const read = (name: string): Record<string, unknown> =>
    JSON.parse(readFileSync(join(directory, name), 'utf8')) as Record<string, unknown>;
  for (const name of ['spdx', 'jsf-0.82', 'cryptography-defs'])
    ajv.addSchema(
      read(`${name}.SNAPSHOT.schema.json`),
      `http://cyclonedx.org/schema/${name}.SNAPSHOT.schema.json`,
    );
  const validate = ajv.compile(read('bom-1.6.SNAPSHOT.schema.json'));
  validate(document);
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}
