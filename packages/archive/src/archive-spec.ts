import { splitPathWords } from '@slipway/local-files';

/** Files that go into an archive, and their name in it. */
export interface ArchiveSource {
  /** A path, the path of a directory ending in `/`, or a glob. */
  readonly path: string;
  /** The name in the archive or, ending in `/`, the directory there. Undefined keeps the name. */
  readonly target: string | undefined;
}

/** An archive that an input asks for. */
export interface ArchiveSpec {
  /** Its file name. */
  readonly name: string;
  readonly sources: readonly ArchiveSource[];
  /** Paths and globs of excluded files. */
  readonly excludes: readonly string[];
}

const maxArchives = 500;

/**
 * Archives from lines such as `macos.zip: dist/app-intel dist/app-arm=app "My Notes.txt" !**\/*.pdb`. Lines of the same
 * archive add to each other. Throws an `Error` that names every bad line.
 */
export function parseArchiveSpecs(lines: readonly string[]): readonly ArchiveSpec[] {
  const specs = new Map<string, { sources: ArchiveSource[]; excludes: string[] }>();
  const problems: string[] = [];
  for (const line of lines) {
    try {
      const { name, words } = splitLine(line);
      const spec = specs.get(name) ?? { sources: [], excludes: [] };
      specs.set(name, spec);
      for (const { path, target } of splitPathWords(words)) {
        if (!path.startsWith('!')) spec.sources.push({ path, target });
        else if (target === undefined && path.length > 1) spec.excludes.push(path.slice(1));
        else throw new Error('"!" excludes one path or glob, without "="');
      }
    } catch (error) {
      problems.push(`"${line}": ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  for (const [name, { sources }] of specs) {
    if (sources.length === 0 && problems.length === 0) problems.push(`${name} has no files`);
  }
  if (specs.size > maxArchives) problems.push(`there are more than ${maxArchives} archives`);
  if (problems.length > 0) throw new Error(problems.join('; '));
  return [...specs].map(([name, { sources, excludes }]) => ({ name, sources, excludes }));
}

/** A name that an archive's file can have on every system. Throws an `Error` with the reason otherwise. */
export function parseArchiveName(text: string): string {
  if (!/\.zip$/i.test(text)) throw new Error(`"${text}" does not end in .zip`);
  if (!/^[\p{L}\p{N}][\p{L}\p{N} ._+@()-]{0,199}$/u.test(text)) {
    throw new Error(`"${text}" is not a valid archive name (letters, digits, spaces and ._+@()-)`);
  }
  return text;
}

function splitLine(line: string): { readonly name: string; readonly words: string } {
  const colon = /:(?=\s|$)/.exec(line);
  if (colon === null) throw new Error('it has no "NAME.zip: files"');
  return {
    name: parseArchiveName(line.slice(0, colon.index).trim()),
    words: line.slice(colon.index + 1).trim(),
  };
}
