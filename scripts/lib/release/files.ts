import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../command.ts';

/** SHA-256 by path of every bundled file, sorted by path. */
export function bundleHashes(directory: string): ReadonlyMap<string, string> {
  const files = globSync('actions/*/dist/**', { cwd: directory, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => path.slice(directory.length + 1).replaceAll('\\', '/'));
  return new Map(files.sort().map((file) => [file, sha256(readFileSync(join(directory, file)))]));
}

/** The files that differ between two builds, or that only one of them has. */
export function differences(
  first: ReadonlyMap<string, string>,
  second: ReadonlyMap<string, string>,
): readonly string[] {
  const paths = new Set([...first.keys(), ...second.keys()]);
  return [...paths].filter((path) => first.get(path) !== second.get(path)).sort();
}

/** Hashes in the format of `sha256sum --check`. */
export function checksumLines(hashes: ReadonlyMap<string, string>): string {
  return [...hashes].map(([path, hash]) => `${hash}  ${path}\n`).join('');
}

/** Writes `SHA256SUMS` for the files in a directory, for an unsigned release. */
export function writeChecksums(directory: string): void {
  const names = globSync('*', { cwd: directory }).sort();
  const hashes = new Map(names.map((name) => [name, sha256(readFileSync(join(directory, name)))]));
  writeFileSync(join(directory, 'SHA256SUMS'), checksumLines(hashes));
}

export interface Signing {
  readonly key: string;
  readonly passphrase: string | undefined;
}

/** Signs the files in `directory` with the bundle of artifact-sign, started as a runner starts it. */
export async function signFiles(
  bundle: string,
  directory: string,
  { key, passphrase }: Signing,
  timeSeconds: number,
): Promise<void> {
  if (!existsSync(bundle)) throw new Error(`${bundle}, which signs the files, is missing`);
  const room = mkdtempSync(join(tmpdir(), 'slipway-sign-'));
  const file = (name: string): string => {
    const path = join(room, name);
    writeFileSync(path, '');
    return path;
  };
  try {
    mkdirSync(join(room, 'temp'));
    const { exitCode, output } = await runCommand(process.execPath, [bundle], {
      cwd: directory,
      env: {
        PATH: process.env['PATH'],
        GITHUB_ACTIONS: 'true',
        GITHUB_WORKSPACE: directory,
        GITHUB_OUTPUT: file('output'),
        GITHUB_STEP_SUMMARY: file('summary'),
        GITHUB_STATE: file('state'),
        GITHUB_ENV: file('env'),
        GITHUB_PATH: file('path'),
        RUNNER_TEMP: join(room, 'temp'),
        SOURCE_DATE_EPOCH: String(timeSeconds),
        INPUT_FILES: '*',
        'INPUT_SIGNING-KEY': key,
        ...(passphrase === undefined ? {} : { INPUT_PASSPHRASE: passphrase }),
      },
    });
    const lines = output.split('\n').filter((line) => !line.startsWith('::add-mask::'));
    if (exitCode !== 0) throw new Error(`artifact-sign failed:\n${lines.join('\n').trimEnd()}`);
  } finally {
    rmSync(room, { recursive: true, force: true });
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
