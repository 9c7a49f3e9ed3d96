import fs from 'node:fs';
import { basename, isAbsolute, relative, resolve } from 'node:path';
import {
  printable,
  systemErrorCode,
  UserError,
  type UserErrorCode,
  withoutTrailingSlashes,
} from '@slipway/core';
import { type CredentialStore, credentialStoreIn, namesItself } from './credential-stores.ts';
import { isPartialName } from './partial-file.ts';
import { globTest, type PathTest, pathGlobOrBelow, splitGlob } from './path-globs.ts';

/** A file, a symbolic link, or a directory that is empty. */
export interface FoundPath {
  /** Where it is, absolute. */
  readonly path: string;
  /** Its name from where its pattern begins to say nothing more: `App.app/Contents/x` for `dist/App.app`. */
  readonly name: string;
  readonly kind: 'file' | 'link' | 'empty-directory';
  readonly sizeBytes: number;
  readonly executable: boolean;
  /** What a link says. */
  readonly linkTarget?: string | undefined;
}

export interface FileProblem {
  readonly code: Extract<
    UserErrorCode,
    'source-missing' | 'source-unreadable' | 'name-invalid' | 'input-invalid'
  >;
  readonly path: string;
  /** Continues a sentence that begins with the path. */
  readonly what: string;
}

export interface FindOptions {
  /** Where relative patterns start. */
  readonly baseDirectory: string;
  /** Globs of what is left out: of names at any depth, or with a slash of paths below the base directory. */
  readonly excludes: readonly string[];
  readonly problems: FileProblem[];
  /** Gets the paths of stores of credentials that the pattern does not name itself, from the base directory. */
  readonly leftOut?: string[] | undefined;
  /** Gets those of `excludes` that left something out. */
  readonly usedExcludes?: Set<string> | undefined;
}

const maxFiles = 200_000;

/**
 * What a pattern stands for, in no particular order: a file, a directory with all below it, or what a glob matches, and with a
 * directory that it matches all below that too. A pattern of a directory that ends in `/` leaves the directory out of the
 * names. Symbolic links are not followed. Files that a process
 * was writing when it ended, and stores of credentials that the pattern does not name itself, are passed over. Adds to `problems` what cannot be used. Throws `UserError` `too-large`.
 *
 * The calls block: a directory entry costs some microseconds so, and many times that through the thread pool.
 */
export function findFiles(pattern: string, options: FindOptions): readonly FoundPath[] {
  const walk = new Walk(options);
  const path = resolve(options.baseDirectory, pattern);
  const stats = statOf(path, pattern.endsWith('/'));
  const glob = stats === undefined ? splitGlob(pattern) : undefined;
  if (stats !== undefined) {
    walk.add(path, pattern.endsWith('/') ? '' : basename(path), stats);
  } else if (glob !== undefined) {
    const directory = resolve(options.baseDirectory, glob.directory);
    walk.match(directory, withoutTrailingSlashes(glob.glob));
  } else {
    options.problems.push({ code: 'source-missing', path: pattern, what: 'is not there' });
    return [];
  }
  if (walk.found.length === 0 && !walk.hadProblems) {
    const what = emptyWords(glob === undefined, walk.leftOutCount);
    options.problems.push({ code: 'source-missing', path: pattern, what });
  }
  return walk.found;
}

function emptyWords(isPath: boolean, leftOutCount: number): string {
  if (leftOutCount > 0) return 'has only what holds credentials, which is left out unless it is named itself';
  return isPath ? 'has no files, or all are left out' : 'matches no file';
}

function exclusion({ baseDirectory, excludes, usedExcludes }: FindOptions): PathTest {
  const tests = excludes.map((text) => ({ text, test: pathGlobOrBelow(text) }));
  const isAny = (path: string): boolean => {
    const matching = tests.filter(({ test }) => test(path));
    for (const { text } of matching) usedExcludes?.add(text);
    return matching.length > 0;
  };
  return (path) => {
    if (tests.length === 0) return false;
    const fromBase = relative(baseDirectory, path);
    const asked = fromBase.startsWith('..') || isAbsolute(fromBase) ? path.slice(1) : fromBase;
    return isAny(asked);
  };
}

/** Undefined where there is nothing. */
function statOf(path: string, follow: boolean): fs.Stats | undefined {
  try {
    return follow ? fs.statSync(path) : fs.lstatSync(path);
  } catch {
    return undefined;
  }
}

class Walk {
  readonly found: FoundPath[] = [];
  hadProblems = false;
  leftOutCount = 0;
  readonly #options: FindOptions;
  readonly #excluded: PathTest;

  constructor(options: FindOptions) {
    this.#options = options;
    this.#excluded = exclusion(options);
  }

  /** Everything that is at `path`, under this name; empty for a directory that is left out of the names. */
  add(path: string, name: string, stats: fs.Stats): void {
    const pending: { path: string; name: string; stats: fs.Stats }[] = [{ path, name, stats }];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      if (this.#excluded(next.path)) continue;
      const isDirectory = next.stats.isDirectory();
      if (credentialStoreIn(next.path.slice(path.length + 1)) !== undefined) {
        this.#leaveOut(next.path, isDirectory);
        continue;
      }
      if (!isDirectory) {
        this.#addFile(next.path, next.name, next.stats);
        continue;
      }
      const entries = this.#entries(next.path);
      if (entries?.length === 0 && next.name !== '') this.#addEmptyDirectory(next.path, next.name);
      for (const entry of entries ?? []) {
        const below = {
          path: `${next.path}/${entry}`,
          name: next.name === '' ? entry : `${next.name}/${entry}`,
        };
        const belowStats = this.#stat(below.path);
        if (belowStats !== undefined) pending.push({ ...below, stats: belowStats });
      }
    }
  }

  /** Everything below `directory` that matches, with all that is below what matches. */
  match(directory: string, glob: string): void {
    const test = globTest(glob);
    const depth = /\*\*|[{(]/.test(glob) ? Number.POSITIVE_INFINITY : glob.split('/').length;
    const isLeftOut = (store: CredentialStore | undefined): boolean =>
      store !== undefined && !namesItself(glob, store);
    const pending = [{ path: directory, prefix: '' }];
    if (statOf(directory, true)?.isDirectory() !== true) return;
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      for (const entry of this.#entries(next.path) ?? []) {
        const path = `${next.path}/${entry}`;
        const name = next.prefix + entry;
        if (this.#excluded(path)) continue;
        const stats = this.#stat(path);
        if (stats === undefined) continue;
        if (isLeftOut(credentialStoreIn(name))) {
          if (test(name) || (stats.isDirectory() && name.split('/').length < depth))
            this.#leaveOut(path, stats.isDirectory());
          continue;
        }
        if (test(name)) this.add(path, name, stats);
        else if (stats.isDirectory()) pending.push({ path, prefix: `${name}/` });
      }
    }
  }

  #leaveOut(path: string, isDirectory: boolean): void {
    this.leftOutCount += 1;
    const fromBase = relative(this.#options.baseDirectory, path);
    const shown = fromBase.startsWith('../') ? path : fromBase;
    this.#options.leftOut?.push(isDirectory ? `${shown}/` : shown);
  }

  #addFile(path: string, name: string, stats: fs.Stats): void {
    const isLink = stats.isSymbolicLink();
    if (!isLink && !stats.isFile()) {
      this.#problem('source-unreadable', path, 'is a pipe, a socket or a device');
      return;
    }
    try {
      this.#push({
        path,
        name,
        kind: isLink ? 'link' : 'file',
        sizeBytes: isLink ? 0 : stats.size,
        executable: !isLink && (stats.mode & 0o111) !== 0,
        linkTarget: isLink ? fs.readlinkSync(path) : undefined,
      });
    } catch (error) {
      if (error instanceof UserError) throw error;
      this.#problem('source-unreadable', path, `cannot be read (${codeOf(error)})`);
    }
  }

  #addEmptyDirectory(path: string, name: string): void {
    this.#push({ path, name, kind: 'empty-directory', sizeBytes: 0, executable: false });
  }

  #push(found: FoundPath): void {
    this.found.push(found);
    if (this.found.length > maxFiles) {
      throw new UserError('too-large', `there are more than ${maxFiles.toLocaleString('en-US')} files`, {
        hint: 'Name fewer of them.',
      });
    }
  }

  #entries(path: string): readonly string[] | undefined {
    try {
      const names = fs.readdirSync(path);
      const honest = names.some((name) => name.includes('\ufffd')) ? this.#decodable(path) : names;
      return honest.filter((name) => !isPartialName(name));
    } catch (error) {
      this.#problem('source-unreadable', path, `cannot be listed (${codeOf(error)})`);
      return undefined;
    }
  }

  /** Without the names that are no UTF-8, which cannot be asked for by the name that Node gives. */
  #decodable(path: string): readonly string[] {
    return fs.readdirSync(path, { encoding: 'buffer' }).flatMap((bytes) => {
      const name = bytes.toString('utf8');
      if (Buffer.from(name).equals(bytes)) return [name];
      this.#problem('name-invalid', `${path}/${name}`, 'is a name that is no UTF-8');
      return [];
    });
  }

  #stat(path: string): fs.Stats | undefined {
    try {
      return fs.lstatSync(path);
    } catch (error) {
      this.#problem('source-unreadable', path, `cannot be read (${codeOf(error)})`);
      return undefined;
    }
  }

  #problem(code: FileProblem['code'], path: string, what: string): void {
    this.hadProblems = true;
    this.#options.problems.push({ code, path, what });
  }
}

const order: readonly FileProblem['code'][] = [
  'source-unreadable',
  'name-invalid',
  'source-missing',
  'input-invalid',
];
const maxNamedProblems = 20;

/** Throws one `UserError` that names the first of the problems and counts the others, when there are any. */
export function refuseProblems(problems: readonly FileProblem[], sentence: string, hint: string): void {
  const code = order.find((candidate) => problems.some((problem) => problem.code === candidate));
  if (code === undefined) return;
  const lines = problems.slice(0, maxNamedProblems).map(({ path, what }) => `  "${printable(path)}" ${what}`);
  const more = problems.length - lines.length;
  if (more > 0) lines.push(`  and ${more} more`);
  throw new UserError(code, `${sentence}:\n${lines.join('\n')}`, { hint });
}

function codeOf(error: unknown): string {
  return systemErrorCode(error) ?? 'for an unknown reason';
}
