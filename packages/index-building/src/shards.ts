import { type Clock, mapConcurrently, type ObjectStore } from '@slipway/core';
import {
  decodeShard,
  encodeShard,
  type FileFacts,
  type IndexFinding,
  indexFinding,
  maxStateBytes,
  mergeShards,
  type ShardState,
  sha256Of,
  shardKey,
} from '@slipway/simple-index';
import { changeDocument } from './state-files.ts';

const shardFormat = { decode: decodeShard, encode: encodeShard };
const noFacts: ShardState = new Map();

interface StoredShard {
  readonly etag: string | undefined;
  /** As it is stored: the facts about a million files are large when they are unpacked. */
  readonly bytes: Uint8Array | undefined;
}

/** Facts about files as the first destination remembers them, one shard unpacked at a time. */
export class Shards {
  readonly findings: IndexFinding[] = [];
  readonly #store: ObjectStore | undefined;
  readonly #stored = new Map<string, StoredShard>();

  /** Without a store nothing is known, and nothing is saved. */
  constructor(store: ObjectStore | undefined) {
    this.#store = store;
  }

  /** Reads those that are not known yet. Throws what the store throws. */
  async load(shards: Iterable<string>, concurrency: number): Promise<void> {
    const store = this.#store;
    if (store === undefined) return;
    const missing = [...new Set(shards)].filter((shard) => !this.#stored.has(shard)).sort();
    await mapConcurrently(missing, concurrency, async (shard) => {
      const stored = await store.read(shardKey(shard), { maxBytes: maxStateBytes });
      this.#stored.set(shard, { etag: stored?.info.etag, bytes: stored?.body });
    });
  }

  loaded(): readonly string[] {
    return [...this.#stored.keys()];
  }

  /** The facts of a shard. A damaged one has none, and is built anew. */
  facts(shard: string): ShardState {
    const stored = this.#stored.get(shard);
    if (stored?.bytes === undefined) return noFacts;
    const read = decodeShard(stored.bytes);
    if (read.kind === 'read') return read.value;
    const key = shardKey(shard);
    if (!this.findings.some((finding) => finding.key === key)) {
      this.findings.push(indexFinding('state-damaged', `its files are asked for again: ${read.reason}`, key));
    }
    return noFacts;
  }

  /** Writes what a run knows now, with what others have written since. Returns whether anything was written. */
  async save(shard: string, clock: Clock, facts: ShardState): Promise<boolean> {
    if (this.#store === undefined) return false;
    const base = this.facts(shard);
    const stored = this.#stored.get(shard);
    if (isSameShard(base, facts) && (base.size > 0 || stored?.bytes === undefined)) return false;
    const known = {
      key: shardKey(shard),
      state: stored?.bytes === undefined ? undefined : base,
      etag: stored?.etag,
      sha256: stored?.bytes === undefined ? undefined : sha256Of(stored.bytes),
      damage: undefined,
    };
    return changeDocument(this.#store, clock, known, shardFormat, (current) =>
      current === undefined || current === base ? facts : mergeShards(base, facts, current),
    );
  }
}

function isSameShard(one: ShardState, other: ShardState): boolean {
  if (one.size !== other.size) return false;
  for (const [key, facts] of one) {
    const others = other.get(key);
    if (others === undefined || !isSameFacts(facts, others)) return false;
  }
  return true;
}

function isSameFacts(one: FileFacts, other: FileFacts): boolean {
  return (
    one.etag === other.etag &&
    one.sizeBytes === other.sizeBytes &&
    // HEAD tells whole seconds, a listing may tell more.
    Math.floor(one.modifiedAtMs / 1_000) === Math.floor(other.modifiedAtMs / 1_000) &&
    one.uploadedAtMs === other.uploadedAtMs &&
    one.sha256 === other.sha256 &&
    one.hashOrigin === other.hashOrigin &&
    one.metadata?.etag === other.metadata?.etag &&
    one.metadata?.sha256 === other.metadata?.sha256 &&
    one.metadata?.requiresPython === other.metadata?.requiresPython
  );
}
