import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { actionProcess, makeKey, spackFixture, type TestKey, temporaryDirectory } from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const spackRoot = process.env['SPACK_ROOT'];
const packages = { greet: 'Greet', greet_data: 'GreetData', libgreet: 'Libgreet' };

const bundle = (action: string): string =>
  fileURLToPath(new URL(`../../${action}/dist/index.js`, import.meta.url));

/** A Spack with nothing but the package names: install tree, configuration, caches and keyring of its own. */
class SpackClient {
  // Paths in ELF files cannot grow, so the install tree has a shorter path than the one they were built in.
  readonly directory = mkdtempSync('/tmp/s');

  constructor() {
    const repository = join(this.directory, 'repo/spack_repo/demo');
    for (const [name, className] of Object.entries(packages)) {
      const recipe = `from spack.package import *\n\n\nclass ${className}(PackageBase):\n    has_code = False\n    build_system("generic")\n`;
      this.#write(`repo/spack_repo/demo/packages/${name}/package.py`, recipe);
    }
    this.#write('repo/spack_repo/demo/repo.yaml', 'repo:\n  namespace: demo\n  api: v2.0\n');
    this.#write('config/repos.yaml', `repos::\n  demo: ${repository}\n`);
    this.#write('config/mirrors.yaml', 'mirrors:: {}\n');
    this.#write(
      'config/bootstrap.yaml',
      `bootstrap:\n  enable: true\n  root: ${this.directory}/b\n  sources: []\n`,
    );
    this.#write(
      'config/config.yaml',
      `config:\n  install_tree:\n    root: ${this.directory}/t\n  build_stage: [${this.directory}/stage]\n  source_cache: ${this.directory}/sources\n`,
    );
    mkdirSync(join(this.directory, 'gnupg'), { mode: 0o700 });
    for (const name of ['cache', 'home', 'system']) mkdirSync(join(this.directory, name));
  }

  #write(path: string, text: string): void {
    mkdirSync(join(this.directory, path, '..'), { recursive: true });
    writeFileSync(join(this.directory, path), text);
  }

  /** What a command of Spack prints, on both streams. Throws when it fails. */
  run(...args: readonly string[]): string {
    const inside = (name: string): string => join(this.directory, name);
    const environment = {
      ...process.env,
      HOME: inside('home'),
      SPACK_ROOT: spackRoot,
      SPACK_USER_CONFIG_PATH: inside('config'),
      SPACK_SYSTEM_CONFIG_PATH: inside('system'),
      SPACK_USER_CACHE_PATH: inside('cache'),
      SPACK_GNUPGHOME: inside('gnupg'),
    };
    const spack = join(spackRoot ?? '', 'bin/spack');
    return execFileSync('bash', ['-c', '"$0" "$@" 2>&1', spack, ...args], {
      encoding: 'utf8',
      env: environment,
    });
  }

  remove(): void {
    execFileSync('gpgconf', ['--homedir', join(this.directory, 'gnupg'), '--kill', 'all']);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

describe.skipIf(spackRoot === undefined)('real Spack (needs SPACK_ROOT)', () => {
  const directory = temporaryDirectory('spack-client');
  const mirror = pathToFileURL(join(directory, 'mirror')).href;
  let client: SpackClient;
  let key: TestKey;

  beforeAll(async () => {
    client = new SpackClient();
    key = await makeKey({ type: 'rsa3072', subkey: true, nowMs: Date.now() });
    const staged = join(directory, 'staged');
    cpSync(spackFixture('v3-unsigned'), staged, { recursive: true });
    rmSync(join(staged, 'v3/manifests/index'), { recursive: true });
    const secrets = { 'signing-key': key.privateArmored, passphrase: key.passphrase ?? '' };
    const signed = await actionProcess(bundle('buildcache-sign'), {
      inputs: { buildcache: staged, ...secrets },
    });
    expect(signed.exitCode, signed.log).toBe(0);
    const published = await actionProcess(bundle('buildcache-publish'), {
      inputs: { buildcache: staged, mirror, 'trusted-keys': key.fingerprint, ...secrets },
    });
    expect(published.exitCode, published.log).toBe(0);
  });

  afterAll(() => client?.remove());

  it('takes the mirror, its key and its signed index', () => {
    client.run('mirror', 'add', '--signed', '--type', 'binary', 'published', mirror);
    client.run('buildcache', 'keys', '--install', '--trust');
    expect(client.run('gpg', 'list', '--trusted').replace(/\s/g, '')).toContain(key.fingerprint);
    const listed = client.run('buildcache', 'list', '--allarch', '--long');
    for (const entry of [
      'greet@2.0',
      'greet@3.0-rc1',
      'greet-data@0.9',
      'libgreet@1.0.0',
      'libgreet@1.1.0',
    ]) {
      expect(listed).toContain(entry);
    }
  });

  it('installs from it with signature checking on, without a warning about a signature', () => {
    const log = client.run('install', '--cache-only', '/dhoyfew7acbbjzzbqka3wknqpckquxwo');
    expect(log.match(/Good signature from/g)).toHaveLength(3);
    expect(log).not.toMatch(/bad signature|not certified|could not be verified|WARNING: .*(key|signature)/i);
    expect(log.match(/Extracting .* from binary cache/g)).toHaveLength(3);
    const prefix = client.run('location', '--install-dir', '/dhoyfew').trim();
    expect(readdirSync(join(prefix, 'bin'))).toContain('greet');
    expect(execFileSync(join(prefix, 'bin/greet'), { encoding: 'utf8' })).toContain('hello');
  });

  it('refuses an entry whose manifest was changed after it was published', () => {
    execFileSync('sed', [
      '-i',
      's/"contentLength":/"contentLength": /',
      join(directory, 'mirror', manifestOfOther),
    ]);
    expect(() => client.run('install', '--cache-only', '/pxktqpm3dgovcabvsd3qitexrako5hvn')).toThrow();
  });
});

const manifestOfOther =
  'v3/manifests/spec/greet/greet-3.0-rc1-pxktqpm3dgovcabvsd3qitexrako5hvn.spec.manifest.json';
