import {
  type BlobRecord,
  formatOfSpecfile,
  formatVersions,
  type IndexableNode,
  PackageIndex,
  type SpecNode,
} from '@slipway/spack-buildcache';
import type { NodeGraph } from './node-graph.ts';

/** An entry that is to be indexed, and of which format its spec is. */
export interface IndexedEntry {
  readonly hash: string;
  readonly specfileVersion: number;
}

/**
 * The package indexes of one pointer: a database for each version that Spack has, of those that are known here. A client
 * takes the newest that it reads, and no other, so each lists the entries of its own format and of all older ones, as the
 * indexes that Spack makes do. There is one for each format that entries are of, and none goes away by itself.
 */
export class IndexSet {
  /** Newest first. */
  #indexes: readonly PackageIndex[];
  /** Where the indexes that were not changed are stored, by version. */
  readonly #stored: Map<number, BlobRecord>;

  constructor(indexes: readonly PackageIndex[] = [], stored: ReadonlyMap<number, BlobRecord> = new Map()) {
    this.#indexes = indexes.toSorted((a, b) => b.databaseVersion - a.databaseVersion);
    this.#stored = new Map(stored);
  }

  /**
   * Indexes of these entries alone, in their order. `listed` are the versions that had an index before: newer ones than the
   * entries need are made as well, for clients that had taken them would see nothing of an older one.
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

  /** Versions of the databases, newest first. */
  get versions(): readonly number[] {
    return this.#indexes.map(({ databaseVersion }) => databaseVersion);
  }

  /** The record of an index that is stored as it is; undefined for one that was changed. */
  storedRecord(databaseVersion: number): BlobRecord | undefined {
    return this.#stored.get(databaseVersion);
  }

  /** How many binaries are indexed, in whichever index. */
  get entryCount(): number {
    const [newest, ...older] = this.#indexes;
    if (newest === undefined || older.length === 0) return newest?.entryCount ?? 0;
    let count = 0;
    for (const _ of this.entries()) count += 1;
    return count;
  }

  /** DAG hashes of all binaries that are indexed, each once. */
  *entries(): Generator<string> {
    for (const [at, index] of this.#indexes.entries()) {
      const newer = this.#indexes.slice(0, at);
      for (const hash of index.entries()) if (!newer.some((other) => other.hasEntry(hash))) yield hash;
    }
  }

  /** Whether a binary is in any of the indexes. */
  hasEntry(hash: string): boolean {
    return this.#indexes.some((index) => index.hasEntry(hash));
  }

  /** Whether an entry of this format is in every index that it belongs into, and in no other. */
  hasEntryOf(hash: string, specfileVersion: number): boolean {
    const own = databaseOf(specfileVersion);
    return (
      this.#indexes.some(({ databaseVersion }) => databaseVersion === own) &&
      this.#indexes.every((index) => index.hasEntry(hash) === index.databaseVersion >= own)
    );
  }

  /**
   * Whether an entry is in no index that is newer than another without it, so that every client that reads it finds it. Where
   * another tool wrote the pointer, an entry that the oldest index lacks may be of that format all the same.
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
   * Puts an entry into every index that it belongs into, and takes it out of older ones; true when that changed anything.
   * Throws `UserError` `content-invalid` when `graph` lacks a node of it.
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

  /** Makes the index of this version, if there is none, of what older ones list. */
  #require(version: number, graph: NodeGraph): void {
    if (this.versions.includes(version)) return;
    const index = new PackageIndex(version);
    for (const older of this.#indexes.filter(({ databaseVersion }) => databaseVersion < version)) {
      for (const hash of older.entries())
        index.addEntry(hash, (wanted) => this.#nodeFor(wanted, version, graph));
    }
    this.#indexes = [...this.#indexes, index].sort((a, b) => b.databaseVersion - a.databaseVersion);
  }

  /** A node from the specs that were read, or as another index of the set has it. */
  #nodeFor(hash: string, version: number, graph: NodeGraph): IndexableNode | undefined {
    const node = graph.indexable(hash, version);
    if (node !== undefined) return node;
    const older = this.#indexes.find((index) => index.databaseVersion <= version && index.hasRecord(hash));
    return older?.indexable(hash);
  }

  /** Takes an entry out of every index. */
  remove(hash: string): void {
    for (const index of this.#indexes) {
      if (!index.hasEntry(hash)) continue;
      index.removeEntry(hash);
      this.#stored.delete(index.databaseVersion);
    }
  }

  /** The same entries without their nodes: it still tells what is indexed, and keeps no memory for more. */
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
