import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { temporaryDirectory } from './fixtures.ts';

/** Contents by their paths below a directory. */
export type Tree = Readonly<Record<string, string | Uint8Array>>;

/** A directory with these files; a new one by default. */
export function makeTree(files: Tree, directory = temporaryDirectory('tree')): string {
  for (const [key, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, key)), { recursive: true });
    writeFileSync(join(directory, key), content);
  }
  return directory;
}

/** The files of a directory by key, without the store's own. */
export function treeOf(directory: string): Record<string, string> {
  const tree: Record<string, string> = {};
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const key = path.slice(directory.length + 1);
    if (entry.isFile() && !key.startsWith('.slipway/')) tree[key] = readFileSync(path, 'utf8');
  }
  return tree;
}
