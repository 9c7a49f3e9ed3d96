import {
  dagHashMatchesContent,
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

export interface GraphNode extends Omit<NodeMessage, 'start' | 'end' | 'hashIsProven'> {
  readonly json: Uint8Array;
}

/**
 * All distinct nodes of a mirror's specs. Strings that many nodes share are kept once, because at a hundred thousand
 * nodes they would cost more than the specs themselves.
 */
export class NodeGraph {
  readonly #nodes = new Map<string, GraphNode>();
  readonly #strings = new Map<string, string>();

  get size(): number {
    return this.#nodes.size;
  }

  /** Adds a node. `conflict`: another node of the same hash is there already, and stays. */
  add(message: NodeMessage, buffer: Uint8Array): 'added' | 'known' | 'conflict' {
    const json = buffer.subarray(message.start, message.end);
    const existing = this.#nodes.get(message.hash);
    if (existing !== undefined) return Buffer.compare(existing.json, json) === 0 ? 'known' : 'conflict';
    const { compiler } = message;
    this.#nodes.set(this.#intern(message.hash), {
      hash: this.#intern(message.hash),
      name: this.#intern(message.name),
      version: this.#intern(message.version),
      external: message.external,
      platform: this.#intern(message.platform),
      operatingSystem: this.#intern(message.operatingSystem),
      target: this.#intern(message.target),
      compiler:
        compiler &&
        ('hash' in compiler
          ? { hash: this.#intern(compiler.hash) }
          : { label: this.#intern(compiler.label) }),
      dependencyHashes: message.dependencyHashes.map((hash) => this.#intern(hash)),
      dependencyTypes: message.dependencyTypes,
      json,
    });
    return 'added';
  }

  find(hash: string): GraphNode | undefined {
    return this.#nodes.get(hash);
  }

  /** The node as a package index wants it. */
  indexable(
    hash: string,
  ): { hash: string; dependencies: readonly SpecDependency[]; json: Uint8Array } | undefined {
    const node = this.#nodes.get(hash);
    return node && { hash: node.hash, dependencies: dependenciesOf(node), json: node.json };
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

  #intern(text: string): string {
    const known = this.#strings.get(text);
    if (known !== undefined) return known;
    this.#strings.set(text, text);
    return text;
  }
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
