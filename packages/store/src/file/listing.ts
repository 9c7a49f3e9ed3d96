import type { Dirent, Stats } from 'node:fs';
import { isOwnDirectory, keyProblem, type ObjectInfo, UserError, type UserErrorCode } from '@slipway/core';
import { notAPrefix, quoted } from '../key-errors.ts';
import { isMissing, readError } from './errors.ts';
import { assertStoreKey, type StoreDirectory } from './store-directory.ts';

/** Entries examined together: in parallel in the pool, or before other work gets a turn. */
const chunkEntries = 1024;
const maxFollowedLinks = 1000;
const maxNamedProblems = 10;

interface Directory {
  readonly path: string;
  /** The prefix of the keys in it: empty, or ending in `/`. */
  readonly prefix: string;
  /** Real paths of the directories whose symbolic links led here. */
  readonly trail: readonly string[];
}

type Found =
  | { readonly kind: 'object'; readonly info: ObjectInfo }
  | { readonly kind: 'directory'; readonly directory: Directory }
  | { readonly kind: 'nothing' };

const nothing: Found = { kind: 'nothing' };

/**
 * Lists every object under `prefix`, in no particular order; nothing if the prefix is missing. Continues past entries that cannot
 * be objects (links out of the mirror, pipes, unusable names), then throws a `UserError` that names up to ten.
 */
export function listFiles(tree: StoreDirectory, prefix: string): AsyncIterable<ObjectInfo> {
  return { [Symbol.asyncIterator]: () => new ListingIterator(tree, prefix) };
}

/** Not a generator, which would create four promises per entry instead of one. */
class ListingIterator implements AsyncIterator<ObjectInfo> {
  readonly #listing: Listing;
  readonly #chunks: AsyncGenerator<readonly ObjectInfo[]>;
  #chunk: readonly ObjectInfo[] = [];
  #next = 0;

  constructor(tree: StoreDirectory, prefix: string) {
    this.#listing = new Listing(tree);
    this.#chunks = this.#listing.chunks(prefix);
  }

  next(): Promise<IteratorResult<ObjectInfo, undefined>> {
    const value = this.#chunk[this.#next];
    if (value === undefined) return this.#nextChunk();
    this.#next += 1;
    return Promise.resolve({ value, done: false });
  }

  async #nextChunk(): Promise<IteratorResult<ObjectInfo, undefined>> {
    const chunk = await this.#chunks.next();
    if (chunk.done === true) {
      this.#chunk = [];
      return { value: undefined, done: true };
    }
    this.#chunk = chunk.value;
    this.#next = 0;
    return this.next();
  }

  async return(): Promise<IteratorResult<ObjectInfo, undefined>> {
    this.#chunk = [];
    await this.#chunks.return(undefined);
    return { value: undefined, done: true };
  }
}

class Listing {
  readonly #tree: StoreDirectory;
  readonly #problems: UserError[] = [];
  #problemCount = 0;
  #followedLinks = 0;

  constructor(tree: StoreDirectory) {
    this.#tree = tree;
  }

  async *chunks(prefix: string): AsyncGenerator<readonly ObjectInfo[], undefined> {
    for (const pending = this.#start(prefix); ; ) {
      const directory = pending.pop();
      if (directory === undefined) break;
      for await (const found of this.#entriesOf(directory)) {
        const objects: ObjectInfo[] = [];
        for (const one of found) {
          if (one.kind === 'object') objects.push(one.info);
          else if (one.kind === 'directory') pending.push(one.directory);
        }
        yield objects;
      }
    }
    this.#throwProblems();
    return undefined;
  }

  #start(prefix: string): Directory[] {
    if (prefix !== '') {
      if (!prefix.endsWith('/')) throw notAPrefix(prefix);
      assertStoreKey(prefix.slice(0, -1));
    }
    try {
      const path = this.#tree.directory(prefix.slice(0, -1), prefix);
      return path === undefined ? [] : [{ path, prefix, trail: [] }];
    } catch (error) {
      throw readError(error, prefix);
    }
  }

  async *#entriesOf(directory: Directory): AsyncGenerator<readonly Found[]> {
    let entries: Dirent[];
    try {
      entries = await this.#tree.calls.readdir(directory.path);
    } catch (error) {
      if (isMissing(error)) return;
      throw readError(error, directory.prefix);
    }
    for (let start = 0; start < entries.length; start += chunkEntries) {
      const chunk = entries.slice(start, start + chunkEntries);
      const found = chunk.map((entry) => this.#look(directory, entry));
      yield isSettled(found) ? found : await Promise.all(found);
      // Blocking calls alone never yield to other work.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Synchronous unless a call returns a promise. */
  #look(directory: Directory, entry: Dirent): Found | Promise<Found> {
    const key = directory.prefix + entry.name;
    if (directory.prefix === '' && isOwnDirectory(entry.name)) return nothing;
    const problem = keyProblem(key);
    if (problem !== undefined) return this.#problem('name-invalid', `${quoted(key)}: ${problem}`);
    const path = `${directory.path}/${entry.name}`;
    if (entry.isDirectory())
      return { kind: 'directory', directory: { ...directory, path, prefix: `${key}/` } };
    const refused = (error: unknown): Found => {
      if (error instanceof UserError) return this.#problem(error.code, error.message);
      throw readError(error, key);
    };
    if (entry.isSymbolicLink()) return this.#follow(directory, path, key).catch(refused);
    // Removed since the directory was read, or a name that is not UTF-8 and so cannot be opened.
    const maybeUndecodable = entry.name.includes('\ufffd');
    const missing = (error: unknown): Found => {
      if (!isMissing(error)) return refused(error);
      return maybeUndecodable ? this.#problem('name-invalid', `${quoted(key)}: it is not UTF-8`) : nothing;
    };
    let stats: Stats | Promise<Stats>;
    try {
      stats = this.#tree.calls.lstat(path);
    } catch (error) {
      stats = Promise.reject(error);
    }
    if (stats instanceof Promise) return stats.then((late) => this.#file(late, key), missing);
    return this.#file(stats, key);
  }

  #file(stats: Stats, key: string): Found {
    if (stats.isFile())
      return {
        kind: 'object',
        info: { key, sizeBytes: stats.size, modifiedAtMs: Math.floor(stats.mtimeMs) },
      };
    return this.#problem('content-invalid', `${quoted(key)}: it is a pipe, a socket or a device`);
  }

  async #follow(directory: Directory, path: string, key: string): Promise<Found> {
    const target = this.#tree.followLink(path, key);
    if (target === undefined) return nothing;
    const stats = await this.#tree.calls.lstat(target);
    if (!stats.isDirectory()) return this.#file(stats, key);
    const trail = [...directory.trail, directory.path];
    if (trail.some((visited) => visited === target || visited.startsWith(`${target}/`))) return nothing;
    this.#followedLinks += 1;
    if (this.#followedLinks > maxFollowedLinks) {
      throw new UserError('too-large', `more than ${maxFollowedLinks} symbolic links lead to directories`);
    }
    return { kind: 'directory', directory: { path: target, prefix: `${key}/`, trail } };
  }

  #problem(code: UserErrorCode, what: string): Found {
    this.#problemCount += 1;
    if (this.#problems.length < maxNamedProblems) this.#problems.push(new UserError(code, what));
    return nothing;
  }

  /** Throws if something that cannot be an object was found; links out of the mirror decide the code. */
  #throwProblems(): void {
    const [first] = this.#problems;
    if (first === undefined) return;
    const code = this.#problems.find((problem) => problem.code === 'path-outside')?.code ?? first.code;
    const lines = this.#problems.map((problem) => `  ${problem.message}`);
    const more = this.#problemCount - this.#problems.length;
    if (more > 0) lines.push(`  and ${more} more`);
    throw new UserError(
      code,
      `${quoted(this.#tree.root)} has entries that cannot be objects:\n${lines.join('\n')}`,
      {
        hint: 'Remove them: a store holds plain files only, and none outside its directory.',
      },
    );
  }
}

function isSettled(found: readonly (Found | Promise<Found>)[]): found is readonly Found[] {
  return !found.some((one) => one instanceof Promise);
}
