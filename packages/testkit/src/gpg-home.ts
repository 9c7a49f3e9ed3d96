import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from './fixtures.ts';

/** Whether gpg is missing on this machine, so that tests that need it are skipped. */
export const gpgMissing = !existsSync('/usr/bin/gpg');

export interface GpgVerdict {
  readonly exitCode: number | null;
  /** The status lines. */
  readonly status: string;
  /** The text that was verified. */
  readonly text: string;
}

export interface GpgHome extends Disposable {
  /** Whether gpg finds a detached signature good. */
  isGoodDetached(signaturePath: string, path: string): boolean;
  /** gpg's verdict about a clear-signed file. */
  verify(path: string): GpgVerdict;
}

/** The real gpg with only these public keys. */
export function openGpgHome(...publicKeys: readonly string[]): GpgHome {
  const home = temporaryDirectory('gpg');
  const gpg = ['--batch', '--no-tty', '--no-autostart', '--homedir', home];
  for (const [index, publicKey] of publicKeys.entries()) {
    const path = join(home, `${index}.asc`);
    writeFileSync(path, publicKey);
    execFileSync('gpg', [...gpg, '--import', path], { stdio: 'pipe' });
  }
  return {
    verify(path) {
      // `--verify` is `--decrypt` without the text; `--output -` gives both in one run.
      const { status, stdout, stderr } = spawnSync(
        'gpg',
        [...gpg, '--status-fd', '2', '--output', '-', '--verify', path],
        { encoding: 'utf8' },
      );
      return { exitCode: status, status: stderr, text: stdout };
    },
    isGoodDetached: (signaturePath, path) =>
      spawnSync('gpg', [...gpg, '--verify', signaturePath, path], { encoding: 'utf8' }).status === 0,
    [Symbol.dispose]: () => rmSync(home, { recursive: true }),
  };
}
