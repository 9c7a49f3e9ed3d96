import { keyProblem, ownDirectory, printable, withoutTrailingSlashes } from '@slipway/core';
import { pathGlob, pathGlobOrBelow } from '@slipway/local-files/globs';
import type { BaseUrls, FileRule } from './configuration.ts';
import { isProjectName, normalizeProjectName } from './project-name.ts';

const maxAllowListCharacters = 1_000_000;
const maxProblemLines = 20;

/** Reads a file that the configuration names; undefined if there is none, or if it cannot be read. */
export type FileReader = (path: string) => string | undefined;
type PathTest = (path: string) => boolean;

/** Reads parts of a configuration that follows the schema, and collects what is wrong with them. */
export class PartReader {
  readonly problems: string[] = [];
  readonly #read: FileReader;

  constructor(read: FileReader) {
    this.#read = read;
  }

  problem(path: string, words: string): void {
    this.problems.push(`${path} ${words}`);
  }

  /** Whether any of the globs matches. */
  globs(globs: readonly string[], path: string): PathTest {
    return anyOf(globs.map((glob, index) => this.#glob(() => pathGlob(glob), `${path}[${index}]`)));
  }

  /** Whether any of the globs matches the directory, from its first segment on, or one that it is in. */
  directoryGlobs(globs: readonly string[], path: string): PathTest {
    const compile = (glob: string): PathTest => {
      // Says what is wrong with the glob as it is written; one without a slash would be about names at any depth.
      pathGlob(glob);
      return pathGlobOrBelow(`./${glob}`);
    };
    return anyOf(globs.map((glob, index) => this.#glob(() => compile(glob), `${path}[${index}]`)));
  }

  #glob(compile: () => PathTest, path: string): PathTest {
    try {
      return compile();
    } catch (error) {
      this.problem(path, `is not a glob: ${error instanceof Error ? error.message : ''}`);
      return () => false;
    }
  }

  /** Checks what the schema does not say of a directory. */
  directory(directory: string, path: string): string {
    const problem = directory === '' ? undefined : keyProblem(directory);
    if (problem !== undefined) this.problem(path, `cannot be a directory: ${problem}`);
    else if (directory.split('/')[0]?.toLowerCase() === ownDirectory) {
      this.problem(path, `is where Slipway keeps its own documents: ${ownDirectory}`);
    }
    return directory;
  }

  /** A URL without slashes at its end. */
  url(text: string, path: string): string {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url === undefined) this.problem(path, 'must be a URL that begins with https:// or http://');
    else if (url.username !== '' || url.password !== '')
      this.problem(path, 'must not have a user name or password');
    else if (/[?#]/.test(text)) this.problem(path, 'must not have a "?" or a "#"');
    return withoutTrailingSlashes(text);
  }

  baseUrls(given: unknown, path: string): BaseUrls {
    const base = given as
      | string
      | null
      | undefined
      | { readonly default?: string | null; readonly packages?: Readonly<Record<string, string | null>> };
    if (base === undefined || base === null) return { default: base, packages: new Map() };
    if (typeof base === 'string') return { default: this.url(base, path), packages: new Map() };
    const read = (url: string | null, at: string): string | null => (url === null ? null : this.url(url, at));
    return {
      default: base.default === undefined ? undefined : read(base.default, `${path}.default`),
      packages: new Map(
        Object.entries(base.packages ?? {}).map(([name, url]) => [
          normalizeProjectName(name),
          read(url, `${path}.packages.${name}`),
        ]),
      ),
    };
  }

  allowList(given: unknown, path: string): ReadonlySet<string> | undefined {
    if (given === undefined) return undefined;
    if (Array.isArray(given)) return new Set(given.map((name) => normalizeProjectName(String(name))));
    const { file } = given as { readonly file: string };
    const text = this.#read(file);
    if (text === undefined) this.problem(`${path}.file`, `cannot be read: "${printable(file, 200)}"`);
    else if (text.length > maxAllowListCharacters) {
      this.problem(
        `${path}.file`,
        `has more than ${maxAllowListCharacters} characters: "${printable(file, 200)}"`,
      );
    } else return this.#names(text, `${path}.file`);
    return undefined;
  }

  #names(text: string, path: string): ReadonlySet<string> {
    const names = new Set<string>();
    const wrong: number[] = [];
    for (const [index, line] of text.split(/\r?\n/).entries()) {
      const name = line.replace(/#.*/, '').trim();
      if (name === '') continue;
      if (isProjectName(name)) names.add(normalizeProjectName(name));
      else wrong.push(index + 1);
    }
    if (wrong.length > 0) {
      const lines = wrong.slice(0, maxProblemLines).join(', ') + (wrong.length > maxProblemLines ? ' …' : '');
      this.problem(path, `must have one project name a line: see line ${lines}`);
    }
    return names;
  }

  /** A glob of file names, or `project==version`. */
  fileRule(text: string, path: string): FileRule {
    const [, name = '', version = ''] = /^([^=]{1,200})==([^=]{1,200})$/.exec(text) ?? [];
    if (isProjectName(name)) return { kind: 'version', text, project: normalizeProjectName(name), version };
    return { kind: 'name', text, isMatch: this.#glob(() => pathGlob(text), path) };
  }
}

function anyOf(tests: readonly PathTest[]): PathTest {
  return (path) => tests.some((test) => test(path));
}
