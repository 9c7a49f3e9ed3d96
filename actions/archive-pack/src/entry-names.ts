import { posix } from 'node:path';
import type { ArchiveEntry } from '@slipway/archive';
import type { FoundPath } from '@slipway/local-files';
import type { ObservedSource } from './observe.ts';

/** An entry and the file that it comes from. */
export interface NamedSource {
  readonly entry: ArchiveEntry;
  readonly path: string;
}

/**
 * The entries of a source, under their names in the archive, in no particular order. Undefined if several files would have the same
 * name.
 */
export function nameEntries(
  source: ObservedSource,
  isExecutable: (name: string) => boolean,
): readonly NamedSource[] | undefined {
  const nameOf = namingBy(source);
  if (nameOf === undefined) return undefined;
  return source.found.map((found) => {
    const name = nameOf(found.name);
    return { path: found.path, entry: entryOf(found, name, isExecutable) };
  });
}

function namingBy({ path, target, found }: ObservedSource): ((name: string) => string) | undefined {
  if (target === undefined) return (name) => name;
  if (target.endsWith('/')) return (name) => target + name;
  const root = posix.basename(path);
  if (!path.endsWith('/') && found.every(({ name }) => name === root || name.startsWith(`${root}/`)))
    return (name) => target + name.slice(root.length);
  return found.length === 1 ? () => target : undefined;
}

function entryOf(found: FoundPath, name: string, isExecutable: (name: string) => boolean): ArchiveEntry {
  switch (found.kind) {
    case 'empty-directory':
      return { name, kind: 'directory' };
    case 'link':
      return { name, kind: 'link', target: found.linkTarget ?? '' };
    case 'file':
      return {
        name,
        kind: 'file',
        executable: found.executable || isExecutable(name),
        source: { kind: 'file', path: found.path, sizeBytes: found.sizeBytes },
      };
  }
}
