import { execFileSync, spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from '../src/index.ts';

/** Programs of the system, which judge what the testkit makes. */

export interface GpgHome extends Disposable {
  /** What gpg says of a clear-signed file: its status lines, and the text it verified. */
  verify(path: string): { readonly status: string; readonly text: string };
}

/** The real gpg with these public keys and no others. */
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
      const { stdout, stderr } = spawnSync(
        'gpg',
        [...gpg, '--status-fd', '2', '--output', '-', '--decrypt', path],
        {
          encoding: 'utf8',
        },
      );
      return { status: stderr, text: stdout };
    },
    [Symbol.dispose]: () => rmSync(home, { recursive: true }),
  };
}

export function tarListing(path: string): string[] {
  return execFileSync('tar', ['-tzf', path], { encoding: 'utf8' }).split('\n');
}

export function tarText(path: string, member: string): string {
  return execFileSync('tar', ['-xzOf', path, member], { encoding: 'utf8' });
}
