import { keyProblem, ownDirectory } from '@slipway/core';
import { isBelow, joinKey, type PrefixConfiguration } from './configuration.ts';
import type { SelectedDirectory } from './selection.ts';

/** What a directory of the store is to the prefixes. */
export interface DirectoryRole {
  /** Prefixes and views that show its files. */
  readonly places: readonly { readonly prefix: number; readonly path: string }[];
  /** Why it is refused, if it is below a prefix and has a name that no page can have. */
  readonly refusal: string | undefined;
}

/** Says what directories are to prefixes, once for each. */
export class DirectoryRoles {
  readonly #prefixes: readonly PrefixConfiguration[];
  readonly #pages: ReadonlySet<string>;
  readonly #roles = new Map<string, DirectoryRole>();

  constructor(prefixes: readonly PrefixConfiguration[]) {
    this.#prefixes = prefixes;
    this.#pages = new Set(prefixes.map(({ pages }) => pages));
  }

  of(directory: string): DirectoryRole {
    const known = this.#roles.get(directory);
    if (known !== undefined) return known;
    const role = this.#find(directory);
    this.#roles.set(directory, role);
    return role;
  }

  #find(directory: string): DirectoryRole {
    const above = this.#prefixes.flatMap((prefix, index) =>
      directory === prefix.files || isBelow(directory, prefix.files)
        ? [
            {
              index,
              prefix,
              path: prefix.files === '' ? directory : directory.slice(prefix.files.length + 1),
            },
          ]
        : [],
    );
    if (above.length === 0 || isOwn(directory)) return { places: [], refusal: undefined };
    const refusal = directory === '' ? undefined : keyProblem(directory);
    if (refusal !== undefined) return { places: [], refusal };
    const places = above
      .filter(({ prefix, path }) => this.isPlace(prefix, path))
      .map(({ index, path }) => ({ prefix: index, path }));
    return { places, refusal: undefined };
  }

  /** Whether a prefix has pages for a directory below it if files lie there, or always. */
  isPlace(prefix: PrefixConfiguration, path: string): boolean {
    if (path === '') return true;
    if (this.#isOfAnother(prefix, path)) return false;
    return prefix.subdirectories.names.includes(path) || prefix.subdirectories.isMatch(path);
  }

  /** Whether the pages of a directory are those of a prefix that is further inside. */
  #isOfAnother(prefix: PrefixConfiguration, path: string): boolean {
    let pages = joinKey(prefix.pages, path);
    while (pages.length > prefix.pages.length) {
      if (this.#pages.has(pages)) return true;
      pages = pages.slice(0, Math.max(0, pages.lastIndexOf('/')));
    }
    return false;
  }
}

function isOwn(directory: string): boolean {
  return (
    directory.slice(0, ownDirectory.length).toLowerCase() === ownDirectory && /^.{8}(?:\/|$)/.test(directory)
  );
}

/**
 * The directories of a prefix, given the paths where files lie. `indexes` leads from a path to the place in the result.
 * Those that are declared are there while they are empty.
 */
export function selectedDirectories(
  configuration: PrefixConfiguration,
  paths: ReadonlySet<string>,
): { readonly directories: readonly SelectedDirectory[]; readonly indexes: ReadonlyMap<string, number> } {
  const { ownPages, subdirectories, kind, pages } = configuration;
  const sorted = [...new Set(['', ...paths, ...subdirectories.names])].sort();
  const indexes = new Map(sorted.map((path, index) => [path, index]));
  const shows: number[][] = sorted.map((_, index) => (index === 0 || kind === 'listing' ? [] : [0]));
  for (const [index, path] of sorted.entries()) {
    for (let at = path; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/')))) {
      const page = indexes.get(at);
      if (page !== undefined) shows[page]?.push(index);
      if (at === '') break;
    }
  }
  const directories = sorted.map((path, index) => ({
    path,
    pages: joinKey(pages, path),
    hasPages: path !== '' || ownPages === 'always' || (ownPages === 'with-own-files' && paths.has('')),
    hasFiles: paths.has(path),
    shows: shows[index] ?? [],
  }));
  return { directories, indexes };
}
