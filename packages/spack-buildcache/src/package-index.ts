import { UserError } from '@slipway/core';
import { dagHashCharacters } from './dag-hash.ts';
import { HashNumbers } from './hash-numbers.ts';
import { IndexParser, type ParsedRecord, type RecordReceiver } from './index-parser.ts';
import type { NodeTable } from './node-table.ts';
import { parseSpecNode, type SpecNode } from './spec-node.ts';
import { formatVersions } from './versions.ts';

/** The largest package index that is read, about half a million entries. */
export const maxIndexBytes = 1024 * 1024 * 1024;
const chunkBytes = 1024 * 1024;

const oldestVersion = formatVersions[0].database;
const documentTail = Buffer.from('}}}');
const recordHeadBytes = Buffer.byteLength('"":{"spec":');
const minRecords = 64;
const noBytes = new Uint8Array();

/** Part of a buffer that many nodes share. */
export interface JsonRange {
  readonly source: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** A node to index: the parts of a `SpecNode` that the index needs. */
export interface IndexableNode extends Pick<SpecNode, 'hash' | 'dependencies'> {
  readonly json: Uint8Array | JsonRange;
}

/**
 * The package index of a mirror or view: a Spack database of version 8 or 9, with a record for every node of every closure.
 * Records keep their nodes' bytes, so updates do not rewrite them, and stay in the order in which Spack would add them:
 * depth first, dependencies before dependents.
 */
export class PackageIndex {
  readonly databaseVersion: number;
  /** Records by number; removed records have no `#sources`. */
  readonly #numbers = new HashNumbers();
  readonly #sources: (Uint8Array | undefined)[] = [];
  /** The node's JSON is the source from start to end. */
  #starts = new Float64Array(minRecords);
  #lengths = new Uint32Array(minRecords);
  #refCounts = new Float64Array(minRecords);
  #inBuildcache = new Uint8Array(minRecords);
  #recordCount = 0;
  #entryCount = 0;

  constructor(databaseVersion: number = oldestVersion) {
    this.databaseVersion = databaseVersion;
  }

  /** The number of nodes listed, including external and build-only ones. */
  get recordCount(): number {
    return this.#recordCount;
  }

  /** The number of nodes that are binaries in the mirror. */
  get entryCount(): number {
    return this.#entryCount;
  }

  /**
   * Reads an index blob strictly; the index keeps it in memory. Throws `JsonError`, or `UserError`: `content-invalid` if it
   * is not a database of this version, `name-invalid` for keys that are not DAG hashes.
   */
  static parse(json: Uint8Array, databaseVersion: number = oldestVersion): PackageIndex {
    const index = new PackageIndex(databaseVersion);
    const receiver: RecordReceiver = {
      knownEnd: () => 0,
      add: (record, window) => index.#addParsed(record, window, record.start),
    };
    new IndexParser(receiver, databaseVersion).parse(json, true);
    return index;
  }

  /**
   * Reads an index in pieces, with the result of `parse`. Nodes that a `known` table has byte for byte are shared; others
   * are copied.
   */
  static reader(
    known: NodeTable | readonly NodeTable[],
    databaseVersion: number = oldestVersion,
  ): { readonly index: PackageIndex; readonly parser: IndexParser } {
    const index = new PackageIndex(databaseVersion);
    const tables: readonly NodeTable[] = 'memory' in known ? [known] : known;
    const lengthIn = (table: NodeTable, hash: string, window: Uint8Array, start: number): number => {
      const id = table.find(hash);
      return id < 0 ? 0 : table.jsonLengthAt(id, window, start);
    };
    const knownEnd = (hash: string, window: Uint8Array, start: number): number => {
      for (const table of tables) {
        const length = lengthIn(table, hash, window, start);
        if (length > 0) return start + length;
      }
      return 0;
    };
    const add = (record: ParsedRecord, window: Uint8Array): boolean => {
      const { hash, start, end } = record;
      const table = tables.find((candidate) => lengthIn(candidate, hash, window, start) === end - start);
      if (table === undefined)
        return index.#addParsed(record, new Uint8Array(window.subarray(start, end)), 0);
      const json = table.jsonOf(table.find(hash));
      return index.#addParsed(record, json.source, json.start);
    };
    return { index, parser: new IndexParser({ knownEnd, add }, databaseVersion) };
  }

  #addParsed(record: ParsedRecord, source: Uint8Array, start: number): boolean {
    const id = this.#numbers.add(record.hash);
    if (this.#sources[id] !== undefined) return false;
    this.#set(id, source, start, record.end - record.start);
    this.#refCounts[id] = record.refCount;
    if (record.inBuildcache) this.#mark(id);
    return true;
  }

  #set(id: number, source: Uint8Array, start: number, length: number): void {
    if (id >= this.#starts.length) this.#widen();
    this.#sources[id] = source;
    this.#starts[id] = start;
    this.#lengths[id] = length;
    this.#refCounts[id] = 0;
    this.#inBuildcache[id] = 0;
    this.#recordCount += 1;
  }

  #mark(id: number): void {
    this.#inBuildcache[id] = 1;
    this.#entryCount += 1;
  }

  #widen(): void {
    const { length } = this.#starts;
    const widened = <Column extends Float64Array | Uint32Array | Uint8Array>(into: Column, from: Column) => {
      into.set(from);
      return into;
    };
    this.#starts = widened(new Float64Array(length * 2), this.#starts);
    this.#lengths = widened(new Uint32Array(length * 2), this.#lengths);
    this.#refCounts = widened(new Float64Array(length * 2), this.#refCounts);
    this.#inBuildcache = widened(new Uint8Array(length * 2), this.#inBuildcache);
  }

  /** The number of a record; -1 if there is none. */
  #find(hash: string): number {
    const id = this.#numbers.find(hash);
    return id >= 0 && this.#sources[id] !== undefined ? id : -1;
  }

  *#ids(): Generator<number> {
    for (let id = 0; id < this.#sources.length; id += 1) if (this.#sources[id] !== undefined) yield id;
  }

  /** An index of the same entries without their nodes, to save memory: it still knows what is indexed. */
  withoutNodes(): PackageIndex {
    const index = new PackageIndex(this.databaseVersion);
    for (const id of this.#ids()) {
      if (this.#inBuildcache[id] !== 1) continue;
      const copy = index.#numbers.add(this.#numbers.textOf(id));
      index.#set(copy, noBytes, 0, 0);
      index.#refCounts[copy] = this.#refCounts[id] ?? 0;
      index.#mark(copy);
    }
    return index;
  }

  hasEntry(hash: string): boolean {
    const id = this.#find(hash);
    return id >= 0 && this.#inBuildcache[id] === 1;
  }

  hasRecord(hash: string): boolean {
    return this.#find(hash) >= 0;
  }

  /** Hashes of the binaries, in index order. */
  *entries(): Generator<string> {
    for (const id of this.#ids()) if (this.#inBuildcache[id] === 1) yield this.#numbers.textOf(id);
  }

  /** Hashes of all records, in index order. */
  *hashes(): Generator<string> {
    for (const id of this.#ids()) yield this.#numbers.textOf(id);
  }

  refCount(hash: string): number | undefined {
    const id = this.#find(hash);
    return id < 0 ? undefined : this.#refCounts[id];
  }

  /** Where the JSON of a record's node is. */
  nodeRange(hash: string): JsonRange | undefined {
    const id = this.#find(hash);
    return id < 0 ? undefined : this.#range(id);
  }

  #range(id: number): JsonRange {
    const start = this.#starts[id] ?? 0;
    return { source: this.#sources[id] ?? noBytes, start, end: start + (this.#lengths[id] ?? 0) };
  }

  /** The JSON of a record's node, byte for byte. */
  nodeJson(hash: string): Uint8Array | undefined {
    const range = this.nodeRange(hash);
    return range?.source.subarray(range.start, range.end);
  }

  /** A record's node in the form that another index takes. Throws as `node` does. */
  indexable(hash: string): IndexableNode | undefined {
    const json = this.nodeRange(hash);
    const node = this.node(hash);
    return json && node && { hash, dependencies: node.dependencies, json };
  }

  /** The node of a record. Throws as `parseSpecNode` does, and if the node's hash differs from the record's. */
  node(hash: string): SpecNode | undefined {
    const json = this.nodeJson(hash);
    if (json === undefined) return undefined;
    const node = parseSpecNode(json);
    if (node.hash !== hash)
      throw new UserError('content-invalid', `record ${hash} of the package index describes another node`);
    return node;
  }

  /**
   * Adds the binary `hash` with its closure as Spack's database does: dependencies first, in the order of the node, leaving
   * existing nodes alone. `lookup` supplies nodes that are not indexed yet. Throws `UserError` `content-invalid` if it
   * lacks one.
   */
  addEntry(hash: string, lookup: (hash: string) => IndexableNode | undefined): void {
    this.#addClosure(hash, lookup);
    const id = this.#find(hash);
    if (id >= 0 && this.#inBuildcache[id] !== 1) this.#mark(id);
  }

  #addClosure(root: string, lookup: (hash: string) => IndexableNode | undefined): void {
    if (this.hasRecord(root)) return;
    const visiting = new Set<string>();
    const stack: { readonly node: IndexableNode; next: number }[] = [];
    const enter = (hash: string): void => {
      const node = lookup(hash);
      if (node === undefined) throw new UserError('content-invalid', `nothing is known of the node ${hash}`);
      if (visiting.has(hash)) throw new UserError('content-invalid', `the node ${hash} depends on itself`);
      visiting.add(hash);
      stack.push({ node, next: 0 });
    };
    enter(root);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const dependency = top.node.dependencies[top.next];
      top.next += 1;
      if (dependency !== undefined) {
        if (!this.hasRecord(dependency.hash)) enter(dependency.hash);
        continue;
      }
      stack.pop();
      const { hash, json, dependencies } = top.node;
      const { source, start, end } = 'source' in json ? json : { source: json, start: 0, end: json.length };
      for (const edge of dependencies) this.#count(edge.hash, 1);
      const id = this.#numbers.add(hash);
      // A removed record comes back at the end.
      this.#set(id < this.#sources.length ? this.#numbers.renew(id) : id, source, start, end - start);
    }
  }

  /** Changes a record's dependent count, if the record exists. */
  #count(hash: string, change: number): void {
    const id = this.#find(hash);
    if (id >= 0) this.#refCounts[id] = (this.#refCounts[id] ?? 0) + change;
  }

  /**
   * Removes the binary `hash`. Its record stays while others depend on it; otherwise it goes, along with records that only
   * it needed.
   */
  removeEntry(hash: string): void {
    const removed = this.#find(hash);
    if (removed < 0 || this.#inBuildcache[removed] !== 1) return;
    this.#inBuildcache[removed] = 0;
    this.#entryCount -= 1;
    const unneeded = [hash];
    for (let next = unneeded.pop(); next !== undefined; next = unneeded.pop()) {
      const id = this.#find(next);
      if (id < 0 || this.#inBuildcache[id] === 1 || (this.#refCounts[id] ?? 0) > 0) continue;
      const { source, start, end } = this.#range(id);
      const { dependencies } = parseSpecNode(source.subarray(start, end));
      this.#sources[id] = undefined;
      this.#recordCount -= 1;
      for (const edge of dependencies) {
        this.#count(edge.hash, -1);
        unneeded.push(edge.hash);
      }
    }
  }

  #documentHead(): string {
    return `{"database":{"version":"${this.databaseVersion}","installs":{`;
  }

  /** The size in bytes of the `serialize` output. */
  get sizeBytes(): number {
    let sizeBytes = this.#documentHead().length + documentTail.length + Math.max(0, this.#recordCount - 1);
    for (const id of this.#ids()) {
      sizeBytes += recordHeadBytes + dagHashCharacters + (this.#lengths[id] ?? 0) + this.#tail(id).length;
    }
    return sizeBytes;
  }

  /**
   * The index as Spack writes it: compact, records in order, in pieces of about a megabyte. Pieces share memory, so each is
   * valid only until the next one is requested.
   */
  *serialize(): Generator<Uint8Array> {
    let chunk = Buffer.allocUnsafeSlow(chunkBytes);
    let used = chunk.write(this.#documentHead(), 'latin1');
    let first = true;
    for (const id of this.#ids()) {
      const { source, start, end } = this.#range(id);
      const tail = this.#tail(id);
      const headBytes = recordHeadBytes + 1 + dagHashCharacters;
      const needed = headBytes + (end - start) + tail.length + documentTail.length;
      if (used + needed > chunk.length) {
        yield chunk.subarray(0, used);
        if (needed > chunk.length) chunk = Buffer.allocUnsafeSlow(needed);
        used = 0;
      }
      used += chunk.write(`${first ? '' : ','}"${this.#numbers.textOf(id)}":{"spec":`, used, 'latin1');
      first = false;
      chunk.set(source.subarray(start, end), used);
      used += end - start;
      used += chunk.write(tail, used, 'latin1');
    }
    used += documentTail.copy(chunk, used);
    yield chunk.subarray(0, used);
  }

  /** The whole index at once. */
  toBytes(): Buffer {
    const bytes = Buffer.allocUnsafeSlow(this.sizeBytes);
    let used = 0;
    for (const chunk of this.serialize()) {
      bytes.set(chunk, used);
      used += chunk.length;
    }
    return bytes;
  }

  #tail(id: number): string {
    return `,"ref_count":${this.#refCounts[id]},"in_buildcache":${this.#inBuildcache[id] === 1}}`;
  }
}
