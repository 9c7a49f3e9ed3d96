import {
  type BlobRecord,
  formatOfSpecfile,
  formatVersions,
  type IndexableNode,
  PackageIndex,
  type SpecNode,
} from '@slipway/spack-buildcache';
import type { NodeGraph } from './node-graph.ts';

export interface IndexedEntry {
  readonly hash: string;
  readonly specfileVersion: number;
}

/**
 * The package indexes of one pointer, one per known database version. A client reads only the newest index it
 * understands, so each index lists the entries of its own format and of all older ones, as Spack's do. An index, once
 * made, is never dropped.
 */
export class IndexSet {
  /** Newest first. */
  #indexes: readonly PackageIndex[];
  /** Records of the unchanged indexes, by version. */
  readonly #stored: Map<number, BlobRecord>;

  constructor(indexes: readonly PackageIndex[] = [], stored: ReadonlyMap<number, BlobRecord> = new Map()) {
    this.#indexes = indexes.toSorted((a, b) => b.databaseVersion - a.databaseVersion);
    this.#stored = new Map(stored);
  }

  /**
   * Indexes of these entries alone, in order. Every version in `listed`, which had an index before, gets one even if no
   * entry needs it: its clients would see nothing in an older one.
   */
  static of(entries: readonly IndexedEntry[], listed: readonly number[], graph: NodeGraph): IndexSet {
    const needed = new Set(entries.map(({ specfileVersion }) => databaseOf(specfileVersion)));
    const oldest = Math.min(...needed);
    for (const version of listed) if (version > oldest) needed.add(version);
    if (entries.length === 0) needed.add(formatVersions[0].database);
    return new IndexSet(
      [...needed].map((version) => {
        const index = new PackageIndex(version);
        for (const { hash, specfileVersion } of entries) {
          if (databaseOf(specfileVersion) <= version)
            index.addEntry(hash, (wanted) => graph.indexable(wanted, version));
        }
        return index;
      }),
    );
  }

  /** Newest version first. */
  get indexes(): readonly PackageIndex[] {
    return this.#indexes;
  }

  /** Database versions, newest first. */
  get versions(): readonly number[] {
    return this.#indexes.map(({ databaseVersion }) => databaseVersion);
  }

  /** The record of an unchanged index; undefined if it was changed. */
  storedRecord(databaseVersion: number): BlobRecord | undefined {
    return this.#stored.get(databaseVersion);
  }

  /** The number of binaries in any of the indexes. */
  get entryCount(): number {
    const [newest, ...older] = this.#indexes;
    if (newest === undefined || older.length === 0) return newest?.entryCount ?? 0;
    let count = 0;
    for (const _ of this.entries()) count += 1;
    return count;
  }

  /** DAG hashes of all indexed binaries, each once. */
  *entries(): Generator<string> {
    for (const [at, index] of this.#indexes.entries()) {
      const newer = this.#indexes.slice(0, at);
      for (const hash of index.entries()) if (!newer.some((other) => other.hasEntry(hash))) yield hash;
    }
  }

  hasEntry(hash: string): boolean {
    return this.#indexes.some((index) => index.hasEntry(hash));
  }

  /** Whether an entry of this format is in exactly the indexes it belongs in. */
  hasEntryOf(hash: string, specfileVersion: number): boolean {
    const own = databaseOf(specfileVersion);
    return (
      this.#indexes.some(({ databaseVersion }) => databaseVersion === own) &&
      this.#indexes.every((index) => index.hasEntry(hash) === index.databaseVersion >= own)
    );
  }

  /**
   * Whether every client that can read an entry finds it: no index newer than one that has it leaves it out. If another
   * tool wrote the pointer, even an entry of the oldest format may be missing from the oldest index.
   */
  isSettled(hash: string, isForeign: boolean): boolean {
    const has = this.#indexes.map((index) => index.hasEntry(hash));
    const oldest = has.lastIndexOf(true);
    const isInAllNewer = oldest >= 0 && has.slice(0, oldest).every(Boolean);
    const isInOldestFormat = this.#indexes[oldest]?.databaseVersion === formatVersions[0].database;
    return isInAllNewer && (isInOldestFormat || !isForeign);
  }

  /** The node of a record. Throws as `PackageIndex.node` does. */
  node(hash: string): SpecNode | undefined {
    for (const index of this.#indexes) {
      const node = index.node(hash);
      if (node !== undefined) return node;
    }
    return undefined;
  }

  /**
   * Puts an entry into every index it belongs in, removes it from older ones, and returns whether anything changed.
   * Throws `UserError` `content-invalid` if `graph` lacks one of its nodes.
   */
  add({ hash, specfileVersion }: IndexedEntry, graph: NodeGraph): boolean {
    const own = databaseOf(specfileVersion);
    if (this.hasEntryOf(hash, specfileVersion)) return false;
    this.#require(own, graph);
    for (const index of this.#indexes) {
      const { databaseVersion: version } = index;
      if (index.hasEntry(hash) === version >= own) continue;
      if (version >= own) index.addEntry(hash, (wanted) => this.#nodeFor(wanted, version, graph));
      else index.removeEntry(hash);
      this.#stored.delete(version);
    }
    return true;
  }

  /** Makes the index of this version, if missing, from the entries of the older ones. */
  #require(version: number, graph: NodeGraph): void {
    if (this.versions.includes(version)) return;
    const index = new PackageIndex(version);
    for (const older of this.#indexes.filter(({ databaseVersion }) => databaseVersion < version)) {
      for (const hash of older.entries())
        index.addEntry(hash, (wanted) => this.#nodeFor(wanted, version, graph));
    }
    this.#indexes = [...this.#indexes, index].sort((a, b) => b.databaseVersion - a.databaseVersion);
  }

  /** A node from the specs that were read, or from another index of the set. */
  #nodeFor(hash: string, version: number, graph: NodeGraph): IndexableNode | undefined {
    const node = graph.indexable(hash, version);
    if (node !== undefined) return node;
    const older = this.#indexes.find((index) => index.databaseVersion <= version && index.hasRecord(hash));
    return older?.indexable(hash);
  }

  remove(hash: string): void {
    for (const index of this.#indexes) {
      if (!index.hasEntry(hash)) continue;
      index.removeEntry(hash);
      this.#stored.delete(index.databaseVersion);
    }
  }

  /** The same entries without their nodes, to save memory: it still knows what is indexed. */
  withoutNodes(): IndexSet {
    return new IndexSet(
      this.#indexes.map((index) => index.withoutNodes()),
      this.#stored,
    );
  }
}

function databaseOf(specfileVersion: number): number {
  const format = formatOfSpecfile(specfileVersion);
  if (format === undefined) throw new RangeError(`no index has specs of version ${specfileVersion}`);
  return format.database;
}
