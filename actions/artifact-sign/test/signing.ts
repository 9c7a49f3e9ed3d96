import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ActionRunResult, runAction, type TestKey, temporaryDirectory } from '@slipway/testkit';
import { action } from '../src/action.ts';

/** Built by `scripts/bundle artifact-sign`. */
export const bundle = fileURLToPath(new URL('../dist/index.js', import.meta.url));

export function workspaceOf(files: Readonly<Record<string, string | Uint8Array>>): string {
  const directory = temporaryDirectory('workspace');
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), content);
  }
  return directory;
}

export function sign(
  workDirectory: string,
  key: TestKey,
  inputs: Readonly<Record<string, string>>,
): Promise<ActionRunResult> {
  const given = { 'signing-key': key.privateArmored, passphrase: key.passphrase, ...inputs };
  return runAction(action, given, { workDirectory });
}

/** Every file below a directory, with its contents. */
export function pictureOf(directory: string): Readonly<Record<string, string>> {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  const paths = files.map(({ parentPath, name }) => join(parentPath, name)).sort();
  return Object.fromEntries(
    paths.map((path) => [path.slice(directory.length + 1), readFileSync(path, 'latin1')]),
  );
}

/** The output of `sha256sum --check --strict` in a directory. Throws if the check fails. */
export function sha256sumCheck(directory: string, list = 'SHA256SUMS'): string {
  return execFileSync('sha256sum', ['--check', '--strict', list], { cwd: directory, encoding: 'utf8' });
}

/** The real gpg's verdict on a detached signature or signed document. */
export function gpgVerify(
  publicKey: string,
  ...files: readonly string[]
): { readonly exitCode: number | null; readonly status: string } {
  const home = temporaryDirectory('gpg');
  const gpg = ['--batch', '--no-tty', '--no-autostart', '--homedir', home];
  writeFileSync(join(home, 'key.asc'), publicKey);
  execFileSync('gpg', [...gpg, '--import', join(home, 'key.asc')], { stdio: 'pipe' });
  const { status, stderr } = spawnSync('gpg', [...gpg, '--status-fd', '2', '--verify', ...files], {
    encoding: 'utf8',
  });
  return { exitCode: status, status: stderr };
}
