import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The path of a real Spack, if there is one. */
export const spackRoot = process.env['SPACK_ROOT'];
const packages = { greet: 'Greet', greet_data: 'GreetData', libgreet: 'Libgreet' };

/** A Spack that shares only the package names: it has its own install tree, configuration, caches and keyring. */
export class SpackClient {
  // Paths in ELF files cannot grow, so the install tree's path is shorter than the one they were built in.
  readonly directory = mkdtempSync('/tmp/s');

  readonly #environment: Readonly<Record<string, string>>;

  /** `environment` adds variables, such as credentials, to those for its own directories. */
  constructor(environment: Readonly<Record<string, string>> = {}) {
    this.#environment = environment;
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

  /** The output of a Spack command, on both streams. Throws if it fails. */
  run(...args: readonly string[]): string {
    const inside = (name: string): string => join(this.directory, name);
    const environment = {
      ...process.env,
      ...this.#environment,
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
