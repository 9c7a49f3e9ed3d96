import { JsonScanner, UserError } from '@slipway/core';
import { isDagHash } from './layout.ts';
import { parseSpecNode, type SpecNode } from './spec-node.ts';

/** The largest package index that is read: about half a million entries. */
export const maxIndexBytes = 1024 * 1024 * 1024;
const maxIndexDepth = 40;
const databaseVersion = '8';
const chunkBytes = 1024 * 1024;

const documentHead = Buffer.from(`{"database":{"version":"${databaseVersion}","installs":{`);
const documentTail = Buffer.from('}}}');
const recordHeadBytes = Buffer.byteLength('"":{"spec":');

interface IndexRecord {
  /** The node's JSON is `source` from `start` to `end`. */
  readonly source: Uint8Array;
  readonly start: number;
  readonly end: number;
  refCount: number;
  inBuildcache: boolean;
}

/** A part of a buffer that many nodes share. */
export interface JsonRange {
  readonly source: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** A node to be indexed: what the index needs of a `SpecNode`. */
export interface IndexableNode extends Pick<SpecNode, 'hash' | 'dependencies'> {
  readonly json: Uint8Array | JsonRange;
}

/**
 * The package index of a mirror or view, which is a Spack database of version 8: a record for every node of every
 * closure. Records keep the bytes of their node, so an update rewrites none of them, and stay in the order in which
 * Spack would have added them: depth first, dependencies before their dependents.
 */
export class PackageIndex {
  readonly #records = new Map<string, IndexRecord>();
  #entryCount = 0;

  /** How many nodes it lists, external and build-only ones included. */
  get recordCount(): number {
    return this.#records.size;
  }

  /** How many of them are binaries in the mirror. */
  get entryCount(): number {
    return this.#entryCount;
  }

  /**
   * Reads an index blob strictly. Throws `JsonError`, or `UserError` `content-invalid` for anything that is no version-8
   * database, `name-invalid` for keys that are no DAG hashes.
   */
  static parse(json: Uint8Array): PackageIndex {
    const index = new PackageIndex();
    const scanner = new JsonScanner(json, { maxDepth: maxIndexDepth });
    let sawInstalls = false;
    scanner.object((key) => {
      if (key !== 'database') {
        scanner.skipValue();
        return;
      }
      scanner.object((databaseKey) => {
        if (databaseKey === 'installs') {
          sawInstalls = true;
          scanner.object((hash) => index.#parseRecord(scanner, hash));
        } else if (databaseKey === 'version') {
          if (scanner.value() !== databaseVersion) {
            throw new UserError(
              'content-invalid',
              `the package index is no Spack database of version ${databaseVersion}`,
            );
          }
        } else scanner.skipValue();
      });
    });
    scanner.end();
    if (!sawInstalls) throw new UserError('content-invalid', 'the package index has no "installs"');
    return index;
  }

  #parseRecord(scanner: JsonScanner, hash: string): void {
    if (!isDagHash(hash))
      throw new UserError('name-invalid', 'the package index lists something that is no DAG hash');
    let range: { readonly start: number; readonly end: number } | undefined;
    let refCount: unknown = 0;
    let inBuildcache: unknown = false;
    scanner.object((field) => {
      if (field === 'spec') range = scanner.skipValue();
      else if (field === 'ref_count') refCount = scanner.value();
      else if (field === 'in_buildcache') inBuildcache = scanner.value();
      else scanner.fail('a record of the package index has a field that Spack refuses');
    });
    if (range === undefined || typeof refCount !== 'number' || typeof inBuildcache !== 'boolean') {
      throw new UserError('content-invalid', `record ${hash} of the package index is malformed`);
    }
    this.#set(hash, { source: scanner.bytes, start: range.start, end: range.end, refCount, inBuildcache });
  }

  #set(hash: string, record: IndexRecord): void {
    this.#records.set(hash, record);
    if (record.inBuildcache) this.#entryCount += 1;
  }

  /** An index of the same entries without their nodes: it still tells what is indexed, and keeps no memory for more. */
  withoutNodes(): PackageIndex {
    const index = new PackageIndex();
    const source = new Uint8Array(0);
    for (const [hash, { inBuildcache, refCount }] of this.#records) {
      if (inBuildcache) index.#set(hash, { source, start: 0, end: 0, refCount, inBuildcache });
    }
    return index;
  }

  /** Whether a binary of this hash is indexed. */
  hasEntry(hash: string): boolean {
    return this.#records.get(hash)?.inBuildcache === true;
  }

  hasRecord(hash: string): boolean {
    return this.#records.has(hash);
  }

  /** Hashes of the binaries, in the order of the index. */
  *entries(): Generator<string> {
    for (const [hash, record] of this.#records) if (record.inBuildcache) yield hash;
  }

  /** Hashes of all records, in the order of the index. */
  hashes(): IterableIterator<string> {
    return this.#records.keys();
  }

  refCount(hash: string): number | undefined {
    return this.#records.get(hash)?.refCount;
  }

  /** The JSON of a record's node, byte for byte. */
  nodeJson(hash: string): Uint8Array | undefined {
    const record = this.#records.get(hash);
    return record?.source.subarray(record.start, record.end);
  }

  /** The node of a record. Throws as `parseSpecNode` does, and when the node has another hash than its record. */
  node(hash: string): SpecNode | undefined {
    const json = this.nodeJson(hash);
    if (json === undefined) return undefined;
    const node = parseSpecNode(json);
    if (node.hash !== hash)
      throw new UserError('content-invalid', `record ${hash} of the package index is of another node`);
    return node;
  }

  /**
   * Adds the binary `hash` with its closure, the way Spack's database does: every dependency first, in the order of the
   * node; a node that is already there is left as it is. `lookup` gives nodes that are not indexed yet. Throws
   * `UserError` `content-invalid` when `lookup` lacks one.
   */
  addEntry(hash: string, lookup: (hash: string) => IndexableNode | undefined): void {
    this.#addClosure(hash, lookup);
    const record = this.#records.get(hash);
    if (record !== undefined && !record.inBuildcache) {
      record.inBuildcache = true;
      this.#entryCount += 1;
    }
  }

  #addClosure(root: string, lookup: (hash: string) => IndexableNode | undefined): void {
    if (this.#records.has(root)) return;
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
        if (!this.#records.has(dependency.hash)) enter(dependency.hash);
        continue;
      }
      stack.pop();
      const { hash, json, dependencies } = top.node;
      const { source, start, end } = 'source' in json ? json : { source: json, start: 0, end: json.length };
      for (const edge of dependencies) {
        const record = this.#records.get(edge.hash);
        if (record !== undefined) record.refCount += 1;
      }
      this.#set(hash, { source, start, end, refCount: 0, inBuildcache: false });
    }
  }

  /**
   * Takes the binary `hash` out. Its record stays while others depend on it; without dependents it goes, and so do
   * records that only it needed.
   */
  removeEntry(hash: string): void {
    const record = this.#records.get(hash);
    if (record?.inBuildcache !== true) return;
    record.inBuildcache = false;
    this.#entryCount -= 1;
    const unneeded = [hash];
    for (let next = unneeded.pop(); next !== undefined; next = unneeded.pop()) {
      const candidate = this.#records.get(next);
      if (candidate === undefined || candidate.inBuildcache || candidate.refCount > 0) continue;
      const { dependencies } = parseSpecNode(candidate.source.subarray(candidate.start, candidate.end));
      this.#records.delete(next);
      for (const edge of dependencies) {
        const dependency = this.#records.get(edge.hash);
        if (dependency === undefined) continue;
        dependency.refCount -= 1;
        unneeded.push(edge.hash);
      }
    }
  }

  /** The size in bytes of what `serialize` gives. */
  get sizeBytes(): number {
    let sizeBytes = documentHead.length + documentTail.length + Math.max(0, this.#records.size - 1);
    for (const [hash, record] of this.#records) {
      sizeBytes += recordHeadBytes + hash.length + (record.end - record.start) + recordTail(record).length;
    }
    return sizeBytes;
  }

  /**
   * The index as Spack writes it: compact, records in order, in pieces of about a megabyte. Each piece is good only
   * until the next one is asked for, because they share their memory.
   */
  *serialize(): Generator<Uint8Array> {
    let chunk = Buffer.allocUnsafeSlow(chunkBytes);
    let used = documentHead.copy(chunk);
    let first = true;
    for (const [hash, record] of this.#records) {
      const tail = recordTail(record);
      const needed =
        recordHeadBytes + 1 + hash.length + (record.end - record.start) + tail.length + documentTail.length;
      if (used + needed > chunk.length) {
        yield chunk.subarray(0, used);
        if (needed > chunk.length) chunk = Buffer.allocUnsafeSlow(needed);
        used = 0;
      }
      used += chunk.write(`${first ? '' : ','}"${hash}":{"spec":`, used, 'latin1');
      first = false;
      chunk.set(record.source.subarray(record.start, record.end), used);
      used += record.end - record.start;
      used += chunk.write(tail, used, 'latin1');
    }
    used += documentTail.copy(chunk, used);
    yield chunk.subarray(0, used);
  }

  /** The whole index in one piece. */
  toBytes(): Buffer {
    const bytes = Buffer.allocUnsafeSlow(this.sizeBytes);
    let used = 0;
    for (const chunk of this.serialize()) {
      bytes.set(chunk, used);
      used += chunk.length;
    }
    return bytes;
  }
}

function recordTail(record: IndexRecord): string {
  return `,"ref_count":${record.refCount},"in_buildcache":${record.inBuildcache}}`;
}
