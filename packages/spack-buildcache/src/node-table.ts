import { randomBytes } from 'node:crypto';
import { InternalError } from '@slipway/core';
import { hashTextOf, hashWordCount, hashWordsAt, hashWordsOf, mixedHash, sameHash } from './dag-hash.ts';
import { formatFacts, type NodeFacts, parseFacts } from './node-facts.ts';
import { growTo, type NodeTableMemory, reserve } from './shared-memory.ts';
import type { SpecNode } from './spec-node.ts';

export interface NewNode {
  /** Its `json` is what an index stores. */
  readonly node: SpecNode;
  /** Its JSON as specs have it. */
  readonly text: Uint8Array;
  /** Its DAG hash is the one Spack 1.x computes, or it comes from an older specfile. */
  readonly hashIsProven: boolean;
}

/** Only address space is reserved; memory is taken as nodes are added. */
const maxContentBytes = 8 * 2 ** 30;
const maxRecordBytes = 2 ** 30;
const contentStepBytes = 2 * 1024 * 1024;
const recordStepBytes = 256 * 1024;
const minBuckets = 1024;
const maxBuckets = 2 ** 22;

/** Words in `control`. */
const lockWord = 0;
const countWord = 1;
const usedWord = 2;
const seedWord = 3;
const controlWords = 4;

/** Words in a record after its hash. Content positions are in units of eight bytes. */
const recordWords = 16;
const nextWord = hashWordCount;
const textStartWord = 7;
const textLengthWord = 8;
const jsonStartWord = 9;
const jsonLengthWord = 10;
const edgesStartWord = 11;
const edgeCountWord = 12;
const factsStartWord = 13;
const factsLengthWord = 14;
const flagsWord = 15;

const externalFlag = 1;
const provenFlag = 2;
const unitBytes = 8;
const edgeTypeBits = 4;

/**
 * All distinct nodes of a mirror's specs, by DAG hash, in memory that threads share, so that each node is read and stored
 * once. Nodes are numbered from 0 in the order in which they are added, and never change or disappear. Reading takes no
 * lock: a node is linked in only when complete.
 */
export class NodeTable {
  readonly memory: NodeTableMemory;
  readonly #control: Int32Array;
  readonly #buckets: Int32Array;
  #records: Int32Array = new Int32Array(0);
  #content: Buffer = Buffer.alloc(0);
  readonly #seed: number;
  readonly #probe = new Int32Array(hashWordCount);

  /** Creates a table for about `expectedNodes`, or opens one that another thread created. */
  constructor(from: { readonly expectedNodes: number } | NodeTableMemory) {
    if ('control' in from) this.memory = from;
    else {
      const wanted = Math.min(maxBuckets, Math.max(minBuckets, from.expectedNodes));
      this.memory = {
        control: new SharedArrayBuffer(controlWords * 4),
        buckets: new SharedArrayBuffer(2 ** Math.ceil(Math.log2(wanted)) * 4),
        records: reserve(maxRecordBytes),
        content: reserve(maxContentBytes),
      };
      new Int32Array(this.memory.control)[seedWord] = randomBytes(4).readInt32LE();
    }
    this.#control = new Int32Array(this.memory.control);
    this.#buckets = new Int32Array(this.memory.buckets);
    this.#seed = this.#control[seedWord] ?? 0;
  }

  get size(): number {
    return Atomics.load(this.#control, countWord);
  }

  /** The number of the node with this DAG hash; -1 if there is none. */
  find(hash: string): number {
    return hashWordsOf(hash, this.#probe) ? this.#lookup(this.#probe) : -1;
  }

  /** The number of the node whose DAG hash stands at `position`; -1 if there is none. */
  findAt(bytes: Uint8Array, position: number): number {
    return hashWordsAt(bytes, position, this.#probe) ? this.#lookup(this.#probe) : -1;
  }

  #lookup(words: Int32Array): number {
    const bucket = mixedHash(words, 0, this.#seed) & (this.#buckets.length - 1);
    for (let next = Atomics.load(this.#buckets, bucket); next !== 0; ) {
      const id = next - 1;
      const record = this.#recordOf(id);
      if (sameHash(this.#records, record, words, 0)) return id;
      next = this.#records[record + nextWord] ?? 0;
    }
    return -1;
  }

  /** Where a node's record begins, in a view that covers it. */
  #recordOf(id: number): number {
    const record = id * recordWords;
    if (record + recordWords > this.#records.length) {
      // Fixed-length views: those that track a growing buffer are twenty times slower.
      const { records } = this.memory;
      this.#records = new Int32Array(records, 0, Math.floor(records.byteLength / 4));
    }
    return record;
  }

  #contentTo(end: number): Buffer {
    if (end > this.#content.length) {
      this.#content = Buffer.from(this.memory.content, 0, this.memory.content.byteLength);
    }
    return this.#content;
  }

  #word(id: number, word: number): number {
    return this.#records[this.#recordOf(id) + word] ?? 0;
  }

  /**
   * The length of the node's text if it stands at `position`, otherwise 0. A prefix match is reliable because every node's
   * text is a whole JSON object.
   */
  matchAt(id: number, bytes: Buffer, position: number): number {
    const length = this.#word(id, textLengthWord);
    const start = this.#word(id, textStartWord) * unitBytes;
    const end = start + length;
    if (length === 0 || position + length > bytes.length) return 0;
    const content = this.#contentTo(end);
    // Compare the hash first: it is at the end and almost always differs.
    for (let back = 3; back < 7; back += 1) {
      if (content[end - back] !== bytes[position + length - back]) return 0;
    }
    return bytes.compare(content, start, end, position, position + length) === 0 ? length : 0;
  }

  hashOf(id: number): string {
    const record = this.#recordOf(id);
    return hashTextOf(this.#records, record);
  }

  isExternal(id: number): boolean {
    return (this.#word(id, flagsWord) & externalFlag) !== 0;
  }

  hashIsProven(id: number): boolean {
    return (this.#word(id, flagsWord) & provenFlag) !== 0;
  }

  /** The JSON that an index stores for a node, in memory that all nodes share. */
  jsonOf(id: number): { readonly source: Buffer; readonly start: number; readonly end: number } {
    const start = this.#word(id, jsonStartWord) * unitBytes;
    const end = start + this.#word(id, jsonLengthWord);
    return { source: this.#contentTo(end), start, end };
  }

  /** The length of the JSON that an index stores for a node if it stands at `position`, otherwise 0. */
  jsonLengthAt(id: number, bytes: Uint8Array, position: number): number {
    const { source, start, end } = this.jsonOf(id);
    const length = end - start;
    if (length === 0 || position + length > bytes.length) return 0;
    return source.compare(bytes, position, position + length, start, end) === 0 ? length : 0;
  }

  edgeCount(id: number): number {
    return this.#word(id, edgeCountWord);
  }

  /** The number of the edge's target. */
  edgeTarget(id: number, edge: number): number {
    return this.#edge(id, edge) >> edgeTypeBits;
  }

  edgeDeptypes(id: number, edge: number): number {
    return this.#edge(id, edge) & (2 ** edgeTypeBits - 1);
  }

  #edge(id: number, edge: number): number {
    const place = this.#word(id, edgesStartWord) * unitBytes + edge * 4;
    return this.#contentTo(place + 4).readInt32LE(place);
  }

  factsOf(id: number): NodeFacts {
    const start = this.#word(id, factsStartWord) * unitBytes;
    const end = start + this.#word(id, factsLengthWord);
    return parseFacts(this.#contentTo(end).toString('utf8', start, end));
  }

  /**
   * Adds nodes and their dependencies, all of which must be given or already in the table. If a node is already there with
   * other text, adds nothing and returns its hash; one with the same text is left as it is.
   */
  add(nodes: readonly NewNode[]): { readonly conflict: string | undefined } {
    this.#lock();
    try {
      const added = new Map<string, NewNode>();
      for (const candidate of nodes) {
        const { hash } = candidate.node;
        const id = this.find(hash);
        if (id < 0) added.set(hash, candidate);
        else if (!this.#hasText(id, candidate.text)) return { conflict: hash };
      }
      this.#append(added);
      return { conflict: undefined };
    } finally {
      this.#unlock();
    }
  }

  #hasText(id: number, text: Uint8Array): boolean {
    const length = this.#word(id, textLengthWord);
    const start = this.#word(id, textStartWord) * unitBytes;
    if (length !== text.length) return false;
    return this.#contentTo(start + length).compare(text, 0, length, start, start + length) === 0;
  }

  #append(added: ReadonlyMap<string, NewNode>): void {
    const first = this.size;
    const ids = new Map<string, number>();
    for (const hash of added.keys()) ids.set(hash, first + ids.size);
    growTo(this.memory.records, (first + added.size) * recordWords * 4, recordStepBytes);
    for (const [hash, { node, text, hashIsProven }] of added) {
      const id = ids.get(hash) ?? 0;
      const record = this.#recordOf(id);
      const words = this.#records;
      if (!hashWordsOf(hash, words, record)) throw new InternalError('a node without a DAG hash');
      words[record + textStartWord] = this.#put(text);
      words[record + textLengthWord] = text.length;
      const isSame = text === node.json;
      words[record + jsonStartWord] = isSame ? (words[record + textStartWord] ?? 0) : this.#put(node.json);
      words[record + jsonLengthWord] = node.json.length;
      const edges = new Int32Array(node.dependencies.length);
      for (const [edge, { hash: to, deptypes }] of node.dependencies.entries()) {
        const target = ids.get(to) ?? this.find(to);
        if (target < 0) throw new InternalError(`a node was added without ${to}, which it needs`);
        edges[edge] = (target << edgeTypeBits) | deptypes;
      }
      words[record + edgesStartWord] = this.#put(new Uint8Array(edges.buffer));
      words[record + edgeCountWord] = edges.length;
      const facts = Buffer.from(formatFacts(node));
      words[record + factsStartWord] = this.#put(facts);
      words[record + factsLengthWord] = facts.length;
      words[record + flagsWord] = (node.external ? externalFlag : 0) | (hashIsProven ? provenFlag : 0);
    }
    for (const id of ids.values()) {
      const record = this.#recordOf(id);
      const bucket = mixedHash(this.#records, record, this.#seed) & (this.#buckets.length - 1);
      this.#records[record + nextWord] = this.#buckets[bucket] ?? 0;
      Atomics.store(this.#buckets, bucket, id + 1);
    }
    Atomics.store(this.#control, countWord, first + added.size);
  }

  /** Copies bytes into the content and returns their position in units. */
  #put(bytes: Uint8Array): number {
    const unit = this.#control[usedWord] ?? 0;
    const start = unit * unitBytes;
    growTo(this.memory.content, start + bytes.length, contentStepBytes);
    this.#contentTo(start + bytes.length).set(bytes, start);
    this.#control[usedWord] = unit + Math.ceil(bytes.length / unitBytes);
    return unit;
  }

  #lock(): void {
    while (Atomics.compareExchange(this.#control, lockWord, 0, 1) !== 0) {
      Atomics.wait(this.#control, lockWord, 1, 1);
    }
  }

  #unlock(): void {
    Atomics.store(this.#control, lockWord, 0);
    Atomics.notify(this.#control, lockWord, 1);
  }
}
