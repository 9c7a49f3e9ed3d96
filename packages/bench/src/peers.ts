import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PublishedPeer } from './measure.ts';
import { type Command, type ProcessRun, runProcess } from './process.ts';

/** The time of Spack 1.2 for `buildcache update-index` on another machine's local disk, by entries. */
const publishedUpdateIndexMs: Readonly<Record<number, number>> = { 1000: 22_000, 10000: 205_000 };
/** The time of gpg there for one manifest with an RSA-4096 key. */
const publishedGpgMs = { sign: 71, verify: 9 } as const;

/** The real Spack in `SPACK_ROOT`. */
export class Spack {
  readonly #program: string;
  readonly version: string;

  private constructor(program: string) {
    this.#program = program;
    // Also makes Python compile its modules, so that the first measurement is not slower than the others.
    this.version = execFileSync(program, ['--version'], { encoding: 'utf8' }).trim().split(' ')[0] ?? '';
  }

  /** Undefined if it is not installed. */
  static find(): Spack | undefined {
    const root = process.env['SPACK_ROOT'];
    const program = root === undefined ? undefined : join(root, 'bin/spack');
    return program !== undefined && existsSync(program) ? new Spack(program) : undefined;
  }

  updateIndex(mirror: string): Command {
    return { program: this.#program, args: ['buildcache', 'update-index', mirror] };
  }

  /** Checks that index, manifests and blobs exist; it hashes nothing and checks no signature. */
  checkIndex(mirror: string): Command {
    return { program: this.#program, args: ['buildcache', 'check-index', mirror, '--verify', 'all'] };
  }

  /** The usual way without Slipway: copy everything, then index everything. */
  copyAndUpdateIndex(staged: string, mirror: string): Command {
    const script =
      'mkdir -p "$2" && cp -R --remove-destination "$1"/. "$2"/ && exec "$3" buildcache update-index "$2"';
    return { program: 'sh', args: ['-c', script, 'sh', staged, mirror, this.#program] };
  }
}

/** Undefined for numbers of entries without published times. */
export function publishedUpdateIndex(entryCount: number): PublishedPeer | undefined {
  const msPerPiece = publishedUpdateIndexMs[entryCount];
  return msPerPiece === undefined ? undefined : { label: 'Spack 1.2 update-index', msPerPiece };
}

export function publishedGpg(what: keyof typeof publishedGpgMs): PublishedPeer {
  return { label: `gpg ${what}, a process a manifest`, msPerPiece: publishedGpgMs[what] };
}

/** gpg with a keyring of its own. */
export class Gpg {
  readonly #home: string;
  readonly version: string;

  private constructor(home: string, version: string) {
    this.#home = home;
    this.version = version;
  }

  /** With this private key in its keyring; undefined if gpg is not installed. `close` ends its agent. */
  static open(privateKeyFile: string): Gpg | undefined {
    let version: string;
    try {
      const words = execFileSync('gpg', ['--version'], { encoding: 'utf8' }).split('\n')[0]?.split(' ');
      version = words?.at(-1) ?? '';
    } catch {
      return undefined;
    }
    // Not in the workspace: the agent's socket needs a path under 108 bytes.
    const home = mkdtempSync(join(tmpdir(), 'slipway-gpg-'));
    execFileSync('gpg', ['--homedir', home, '--batch', '--quiet', '--import', privateKeyFile], {
      stdio: 'pipe',
    });
    return new Gpg(home, version);
  }

  close(): void {
    execFileSync('gpgconf', ['--homedir', this.#home, '--kill', 'all'], { stdio: 'pipe' });
    rmSync(this.#home, { recursive: true, force: true });
  }

  /** Signs each file with a process of its own, as Spack does. */
  signEach(files: readonly string[]): Promise<ProcessRun> {
    const output = join(this.#home, 'signed');
    return this.#each(files, (file) => ['--clearsign', '--output', output, file]);
  }

  /** Verifies each file with a process of its own, as Spack does. */
  verifyEach(files: readonly string[]): Promise<ProcessRun> {
    return this.#each(files, (file) => ['--verify', file]);
  }

  async #each(files: readonly string[], args: (file: string) => string[]): Promise<ProcessRun> {
    let wallMs = 0;
    for (const file of files) {
      const run = await runProcess({
        program: 'gpg',
        args: ['--homedir', this.#home, '--batch', '--yes', '--quiet', ...args(file)],
      });
      wallMs += run.wallMs;
    }
    return { wallMs, peakRssBytes: undefined, firstLineMs: undefined };
  }
}
