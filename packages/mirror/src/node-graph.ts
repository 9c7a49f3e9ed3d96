import { hash as hashOnce } from 'node:crypto';
import { InternalError, StringPool } from '@slipway/core';
import {
  dagHashMatchesContent,
  type IndexableNode,
  runtimeDeptypes,
  type SpecDependency,
  type SpecNode,
} from '@slipway/spack-buildcache';

/** A node as it crosses threads: its JSON is `start` to `end` of the buffer sent along. */
export interface NodeMessage extends Omit<SpecNode, 'json' | 'dependencies'> {
  readonly dependencyHashes: readonly string[];
  readonly dependencyTypes: readonly number[];
  /** The DAG hash is the one that Spack 1.x computes of the node; always true for nodes of older specfiles. */
  readonly hashIsProven: boolean;
  readonly start: number;
  readonly end: number;
}

/** A node of a graph. */
export interface GraphNode extends Omit<NodeMessage, 'start' | 'end' | 'hashIsProven'> {
  /** Its JSON, or, in a graph of digests, the SHA-256 of it. */
  readonly content: ContentRange;
}

/** Bytes of a slab that many nodes share: a view for each node would cost more than most of what it shows. */
interface ContentRange {
  readonly slab: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** What a graph keeps of each node's JSON: all of it, to make an index of it, or a digest, to compare with one. */
export type GraphContent = 'json' | 'digest';

const slabBytes = 4 * 1024 * 1024;

/**
 * All distinct nodes of a mirror's specs. What many nodes share is kept once, because at a hundred thousand nodes it
 * would cost more than the specs themselves.
 */
export class NodeGraph {
  readonly #nodes = new Map<string, GraphNode>();
  readonly #strings = new StringPool();
  readonly #types = new Map<string, readonly number[]>();
  readonly #keeps: GraphContent;
  #slab = new Uint8Array(0);
  #slabUsed = 0;

  constructor(keeps: GraphContent = 'json') {
    this.#keeps = keeps;
  }

  get size(): number {
    return this.#nodes.size;
  }

  /** Adds a node. `conflict`: another node of the same hash is there already, and stays. */
  add(message: NodeMessage, buffer: Uint8Array): 'added' | 'known' | 'conflict' {
    const json = buffer.subarray(message.start, message.end);
    const existing = this.#nodes.get(message.hash);
    if (existing !== undefined) return this.#isContent(existing, json) ? 'known' : 'conflict';
    const { compiler } = message;
    const intern = (text: string): string => this.#strings.intern(text);
    const hash = intern(message.hash);
    this.#nodes.set(hash, {
      hash,
      name: intern(message.name),
      version: intern(message.version),
      external: message.external,
      platform: intern(message.platform),
      operatingSystem: intern(message.operatingSystem),
      target: intern(message.target),
      compiler:
        compiler &&
        ('hash' in compiler ? { hash: intern(compiler.hash) } : { label: intern(compiler.label) }),
      dependencyHashes: message.dependencyHashes.map(intern),
      dependencyTypes: this.#internTypes(message.dependencyTypes),
      content: this.#keep(this.#keeps === 'json' ? json : digestOf(json)),
    });
    return 'added';
  }

  /** Whether this is the JSON of a node. */
  hasJson(hash: string, json: Uint8Array): boolean {
    const node = this.#nodes.get(hash);
    return node !== undefined && this.#isContent(node, json);
  }

  #isContent(node: GraphNode, json: Uint8Array): boolean {
    const { slab, start, end } = node.content;
    return Buffer.compare(slab.subarray(start, end), this.#keeps === 'json' ? json : digestOf(json)) === 0;
  }

  #keep(bytes: Uint8Array): ContentRange {
    if (this.#slabUsed + bytes.length > this.#slab.length) {
      this.#slab = new Uint8Array(Math.max(slabBytes, bytes.length));
      this.#slabUsed = 0;
    }
    const start = this.#slabUsed;
    this.#slab.set(bytes, start);
    this.#slabUsed += bytes.length;
    return { slab: this.#slab, start, end: this.#slabUsed };
  }

  #internTypes(types: readonly number[]): readonly number[] {
    const key = types.join();
    const known = this.#types.get(key);
    if (known !== undefined) return known;
    this.#types.set(key, types);
    return types;
  }

  find(hash: string): GraphNode | undefined {
    return this.#nodes.get(hash);
  }

  /** The node as a package index wants it. Throws `InternalError` in a graph of digests. */
  indexable(hash: string): IndexableNode | undefined {
    const node = this.#nodes.get(hash);
    if (node === undefined) return undefined;
    if (this.#keeps !== 'json') throw new InternalError('a graph of digests has no nodes to index');
    const { slab, start, end } = node.content;
    return { hash: node.hash, dependencies: dependenciesOf(node), json: { source: slab, start, end } };
  }

  /**
   * What `hash` needs to be installed and run and is neither external nor `stored`. Only its own edges are looked at:
   * where every entry of a mirror is asked, every closure is covered.
   */
  missingDependencies(hash: string, stored: (hash: string) => boolean): readonly string[] {
    const node = this.#nodes.get(hash);
    if (node === undefined) return [];
    return node.dependencyHashes.filter((dependency, index) => {
      if (((node.dependencyTypes[index] ?? 0) & runtimeDeptypes) === 0) return false;
      return !stored(dependency) && this.#nodes.get(dependency)?.external !== true;
    });
  }

  /** `name@version/hash` for people; the hash alone of a node that is not known. */
  describe(hash: string): string {
    const node = this.#nodes.get(hash);
    return node === undefined ? `/${hash}` : `${node.name}@${node.version}/${hash}`;
  }
}

function digestOf(json: Uint8Array): Uint8Array {
  return hashOnce('sha256', json, 'buffer');
}

function dependenciesOf(node: GraphNode): readonly SpecDependency[] {
  return node.dependencyHashes.map((hash, index) => ({ hash, deptypes: node.dependencyTypes[index] ?? 0 }));
}

const currentSpecfile = Buffer.from('"original_specfile_version":5');

function isOfOlderSpecfile(node: SpecNode): boolean {
  return !Buffer.from(node.json.buffer, node.json.byteOffset, node.json.byteLength).includes(currentSpecfile);
}

/** Collects nodes with their JSON in one buffer, so that neither a thread message nor memory holds whole documents. */
export class NodeBatch {
  readonly messages: NodeMessage[] = [];
  #chunks: Uint8Array[] = [];
  #sizeBytes = 0;

  add(node: SpecNode): void {
    const { json, dependencies, ...rest } = node;
    this.messages.push({
      ...rest,
      dependencyHashes: dependencies.map((dependency) => dependency.hash),
      dependencyTypes: dependencies.map((dependency) => dependency.deptypes),
      hashIsProven: dagHashMatchesContent(node) || isOfOlderSpecfile(node),
      start: this.#sizeBytes,
      end: this.#sizeBytes + json.length,
    });
    this.#chunks.push(json);
    this.#sizeBytes += json.length;
  }

  /** The JSON of all messages, copied together. */
  buffer(): Uint8Array<ArrayBuffer> {
    const buffer = new Uint8Array(this.#sizeBytes);
    let offset = 0;
    for (const chunk of this.#chunks) {
      buffer.set(chunk, offset);
      offset += chunk.length;
    }
    this.#chunks = [];
    return buffer;
  }
}
