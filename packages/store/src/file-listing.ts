import type { Dirent } from 'node:fs';
import { keyProblem, type ObjectInfo, UserError, type UserErrorCode } from '@slipway/core';
import { isMissing, named, notAPrefix, readError } from './file-errors.ts';
import { assertStoreKey, type FileRoom, ownDirectory } from './file-room.ts';

/** Entries that are looked at together: in the pool at the same time, or before other work gets its turn. */
const chunkEntries = 1024;
const maxFollowedLinks = 1000;
const maxNamedProblems = 10;

interface Directory {
  /** Its real path. */
  readonly path: string;
  /** What the keys in it begin with: empty, or ending in `/`. */
  readonly prefix: string;
  /** Real paths of the directories in which a symbolic link was followed to get here. */
  readonly trail: readonly string[];
}

type Found =
  | { readonly kind: 'object'; readonly info: ObjectInfo }
  | { readonly kind: 'directory'; readonly directory: Directory }
  | { readonly kind: 'nothing' };

const nothing: Found = { kind: 'nothing' };

/**
 * Every object under `prefix`, in no particular order; a missing prefix has none. Entries that cannot be objects (links
 * out of the mirror, pipes, unusable names) do not stop it: at the end it throws a `UserError` that names up to ten.
 */
export async function* listFiles(room: FileRoom, prefix: string): AsyncGenerator<ObjectInfo> {
  const listing = new Listing(room);
  for (const pending = listing.start(prefix); ; ) {
    const directory = pending.pop();
    if (directory === undefined) break;
    for await (const found of listing.entriesOf(directory)) {
      if (found.kind === 'object') yield found.info;
      else if (found.kind === 'directory') pending.push(found.directory);
    }
  }
  listing.throwProblems();
}

class Listing {
  readonly #room: FileRoom;
  readonly #problems: UserError[] = [];
  #problemCount = 0;
  #followedLinks = 0;

  constructor(room: FileRoom) {
    this.#room = room;
  }

  start(prefix: string): Directory[] {
    if (prefix !== '') {
      if (!prefix.endsWith('/')) throw notAPrefix(prefix);
      assertStoreKey(prefix.slice(0, -1));
    }
    try {
      const path = this.#room.directory(prefix.slice(0, -1), prefix);
      return path === undefined ? [] : [{ path, prefix, trail: [] }];
    } catch (error) {
      throw readError(error, prefix);
    }
  }

  async *entriesOf(directory: Directory): AsyncGenerator<Found> {
    let entries: Dirent[];
    try {
      entries = await this.#room.calls.readdir(directory.path);
    } catch (error) {
      if (isMissing(error)) return;
      throw readError(error, directory.prefix);
    }
    for (let start = 0; start < entries.length; start += chunkEntries) {
      const chunk = entries.slice(start, start + chunkEntries);
      yield* await Promise.all(chunk.map((entry) => this.#look(directory, entry)));
      // Blocking calls never give other work its turn by themselves.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async #look(directory: Directory, entry: Dirent): Promise<Found> {
    const key = directory.prefix + entry.name;
    if (directory.prefix === '' && entry.name.toLowerCase() === ownDirectory) return nothing;
    const problem = keyProblem(key);
    if (problem !== undefined) return this.#problem('name-invalid', `${named(key)}: ${problem}`);
    const path = `${directory.path}/${entry.name}`;
    try {
      if (entry.isDirectory())
        return { kind: 'directory', directory: { ...directory, path, prefix: `${key}/` } };
      if (entry.isSymbolicLink()) return await this.#follow(directory, path, key);
      return await this.#file(path, key, entry.name.includes('\ufffd'));
    } catch (error) {
      if (error instanceof UserError) return this.#problem(error.code, error.message);
      throw readError(error, key);
    }
  }

  async #file(path: string, key: string, maybeUndecodable = false): Promise<Found> {
    try {
      const stats = await this.#room.calls.lstat(path);
      if (stats.isFile()) return { kind: 'object', info: { key, sizeBytes: stats.size } };
      return this.#problem('content-invalid', `${named(key)}: it is a pipe, a socket or a device`);
    } catch (error) {
      if (!isMissing(error)) throw error;
      // Either removed since the directory was read, or a name that is no UTF-8 and so cannot be asked for.
      return maybeUndecodable ? this.#problem('name-invalid', `${named(key)}: it is no UTF-8`) : nothing;
    }
  }

  async #follow(directory: Directory, path: string, key: string): Promise<Found> {
    const target = this.#room.followLink(path, key);
    if (target === undefined) return nothing;
    const stats = await this.#room.calls.lstat(target);
    if (!stats.isDirectory()) return this.#file(target, key);
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

  /** Throws when something was found that cannot be an object; a link out of the mirror decides the code. */
  throwProblems(): void {
    const [first] = this.#problems;
    if (first === undefined) return;
    const code = this.#problems.find((problem) => problem.code === 'path-outside')?.code ?? first.code;
    const lines = this.#problems.map((problem) => `  ${problem.message}`);
    const more = this.#problemCount - this.#problems.length;
    if (more > 0) lines.push(`  and ${more} more`);
    throw new UserError(code, `The mirror has entries that cannot be objects:\n${lines.join('\n')}`, {
      hint: 'Remove them: a mirror holds plain files only, and none outside its directory.',
    });
  }
}
