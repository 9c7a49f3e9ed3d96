import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ActionRunResult, runAction, temporaryDirectory } from '@slipway/testkit';
import { action } from '../src/action.ts';

/** Built by `scripts/bundle archive-pack`. */
export const bundle = fileURLToPath(new URL('../dist/index.js', import.meta.url));

/** A new workspace with these files; those whose name ends in `*` are executable. */
export function workspaceOf(files: Readonly<Record<string, string | Uint8Array>>): string {
  const directory = temporaryDirectory('workspace');
  for (const [name, content] of Object.entries(files)) {
    const path = join(directory, name.replace(/\*$/, ''));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    chmodSync(path, name.endsWith('*') ? 0o755 : 0o644);
  }
  return directory;
}

export function pack(
  workDirectory: string,
  inputs: Readonly<Record<string, string>>,
  environment: Readonly<Record<string, string>> = {},
): Promise<ActionRunResult> {
  return runAction(action, inputs, { workDirectory, environment });
}

/** The entries that Info-ZIP sees, with their modes. */
export function listing(path: string): readonly string[] {
  return unzip('-Z', path)
    .split('\n')
    .flatMap((line) => {
      const match = /^([drwxl-]{10}) .* \d\d-\w{3}-\d\d \d\d:\d\d (.*)$/.exec(line);
      return match === null ? [] : [`${match[1]} ${match[2]}`];
    });
}

export function textOf(path: string, entry: string): string {
  return unzip('-p', path, entry);
}

function unzip(...args: readonly string[]): string {
  const env = { PATH: process.env['PATH'], TZ: 'UTC', LC_ALL: 'C.UTF-8' };
  return execFileSync('unzip', args, { encoding: 'utf8', env, maxBuffer: 2 ** 28 });
}

/** The names in a directory, including hidden files. */
export function namesIn(directory: string): readonly string[] {
  return readdirSync(directory).sort();
}

export function bytesOf(directory: string, name: string): Buffer {
  return readFileSync(join(directory, name));
}
