import fs from 'node:fs';
import { systemErrorCode } from '@slipway/core';
import type { FileFault } from './file-problems.ts';

/** A directory that a walk enters. */
export interface WalkedDirectory {
  readonly path: string;
  /** What the names of its entries begin with: empty, or ending in `/`. */
  readonly prefix: string;
}

export interface TreeVisitor<Directory extends WalkedDirectory> {
  /** Called for each entry. Gives the directory to enter, if the walk is to go on there. */
  visit(entry: fs.Dirent, path: string, name: string, directory: Directory): Directory | undefined;
  /** Names of entries that are passed over. */
  skips?(name: string): boolean;
  onEmpty?(directory: Directory): void;
  onProblem(code: FileFault, path: string, name: string, what: string): void;
}

/**
 * Walks a directory and those below it that the visitor enters, in no particular order. Gives way after each directory.
 *
 * The calls block: a directory entry costs some microseconds this way, and many times that through the thread pool.
 */
export function* walkTree<Directory extends WalkedDirectory>(
  start: Directory,
  visitor: TreeVisitor<Directory>,
): Generator<void, void> {
  const pending = [start];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const entries = entriesOf(next, visitor);
    if (entries?.length === 0) visitor.onEmpty?.(next);
    for (const entry of entries ?? []) {
      const entered = visitor.visit(entry, `${next.path}/${entry.name}`, next.prefix + entry.name, next);
      if (entered !== undefined) pending.push(entered);
    }
    yield;
  }
}

function entriesOf<Directory extends WalkedDirectory>(
  directory: Directory,
  visitor: TreeVisitor<Directory>,
): readonly fs.Dirent[] | undefined {
  const { path, prefix } = directory;
  try {
    const entries = fs.readdirSync(path, { withFileTypes: true });
    const isSuspect = entries.some(({ name }) => name.includes('\ufffd'));
    const decodable = isSuspect ? decodableEntries(directory, entries, visitor) : entries;
    return visitor.skips === undefined ? decodable : decodable.filter(({ name }) => !visitor.skips?.(name));
  } catch (error) {
    visitor.onProblem('source-unreadable', path, prefix, `cannot be listed (${codeOf(error)})`);
    return undefined;
  }
}

/** Without the entries whose names are not UTF-8: they cannot be opened by the name that Node gives. */
function decodableEntries<Directory extends WalkedDirectory>(
  { path, prefix }: Directory,
  entries: readonly fs.Dirent[],
  visitor: TreeVisitor<Directory>,
): readonly fs.Dirent[] {
  const decodable = new Set<string>();
  for (const bytes of fs.readdirSync(path, { encoding: 'buffer' })) {
    const name = bytes.toString('utf8');
    if (Buffer.from(name).equals(bytes)) decodable.add(name);
    else {
      const shown = withEscapes(bytes);
      visitor.onProblem('name-invalid', `${path}/${shown}`, prefix + shown, 'has a name that is not UTF-8');
    }
  }
  return entries.filter(({ name }) => decodable.has(name));
}

/** A name with its bytes that are not ASCII as `\xNN`. */
function withEscapes(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString('latin1')
    .replace(/[\x80-\xff]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16)}`);
}

export function codeOf(error: unknown): string {
  return systemErrorCode(error) ?? 'for an unknown reason';
}
