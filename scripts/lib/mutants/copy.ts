import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { workspaceMembers } from '../workspace.ts';

/**
 * Copies the working tree, uncommitted changes included, to a new temporary directory and returns that. Installed packages are
 * linked; the links between workspace members lead to the copy, so that a test sees the change wherever it is imported from.
 */
export function copyOfTree(root: string): string {
  const copy = mkdtempSync(join(tmpdir(), 'slipway-mutants-'));
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  for (const file of listed.split('\0')) {
    if (file === '' || !existsSync(join(root, file))) continue;
    mkdirSync(dirname(join(copy, file)), { recursive: true });
    cpSync(join(root, file), join(copy, file), { verbatimSymlinks: true });
  }
  const installed = join(root, 'node_modules');
  mkdirSync(join(copy, 'node_modules'));
  for (const name of readdirSync(installed)) {
    if (name === '@slipway') copyLinks(join(installed, name), join(copy, 'node_modules', name));
    else if (name !== '.vite') symlinkSync(join(installed, name), join(copy, 'node_modules', name));
  }
  for (const { directory } of workspaceMembers(root)) {
    const links = join(root, directory, 'node_modules');
    if (existsSync(links)) copyLinks(links, join(copy, directory, 'node_modules'));
  }
  return copy;
}

/** pnpm's links are relative, so that they lead to the same place of the copy. */
function copyLinks(from: string, to: string): void {
  cpSync(from, to, { recursive: true, verbatimSymlinks: true });
}
