import {
  describesSameNode,
  formatVersions,
  type IndexableNode,
  type NewNode,
  type NodeFacts,
  NodeTable,
  runtimeDeptypes,
} from '@slipway/spack-buildcache';

/** A node of a graph. */
export interface GraphNode extends NodeFacts {
  readonly hash: string;
  readonly external: boolean;
}

/** All distinct nodes of a mirror's specs, and what they need of each other. */
export class NodeGraph {
  readonly table: NodeTable;

  constructor(table = new NodeTable({ expectedNodes: 0 })) {
    this.table = table;
  }

  get size(): number {
    return this.table.size;
  }

  /** Adds nodes, as `NodeTable.add` does. */
  add(nodes: readonly NewNode[]): void {
    this.table.add(nodes);
  }

  find(hash: string): GraphNode | undefined {
    const id = this.table.find(hash);
    if (id < 0) return undefined;
    return { ...this.table.factsOf(id), hash, external: this.table.isExternal(id) };
  }

  /** Numbers of the nodes that a node depends on, of whatever kind. */
  dependenciesOf(id: number): readonly number[] {
    return Array.from({ length: this.table.edgeCount(id) }, (_, edge) => this.table.edgeTarget(id, edge));
  }

  /** Whether the JSON of a node is what stands between `start` and `end`, or means the same. */
  hasJson(id: number, bytes: Uint8Array, start: number, end: number): boolean {
    const json = this.table.jsonOf(id);
    const length = json.end - json.start;
    if (length === end - start && json.source.compare(bytes, start, end, json.start, json.end) === 0)
      return true;
    const known = json.source.subarray(json.start, json.end);
    return describesSameNode(known, bytes.subarray(start, end), formatVersions[0].specfile);
  }

  /** The node as a package index wants it. */
  indexable(hash: string): IndexableNode | undefined {
    const { table } = this;
    const id = table.find(hash);
    if (id < 0) return undefined;
    const dependencies = this.dependenciesOf(id).map((dependency, edge) => ({
      hash: table.hashOf(dependency),
      deptypes: table.edgeDeptypes(id, edge),
    }));
    return { hash, dependencies, json: table.jsonOf(id) };
  }

  /** What `hash` itself needs to be installed and run, external or not. */
  runtimeDependencies(hash: string): readonly string[] {
    return this.#runtimeDependencies(hash).map((id) => this.table.hashOf(id));
  }

  #runtimeDependencies(hash: string): readonly number[] {
    const id = this.table.find(hash);
    if (id < 0) return [];
    return this.dependenciesOf(id).filter(
      (_, edge) => (this.table.edgeDeptypes(id, edge) & runtimeDeptypes) !== 0,
    );
  }

  /**
   * What `hash` needs to be installed and run and is neither external nor `stored`. Only its own edges are looked at:
   * where every entry of a mirror is asked, every closure is covered.
   */
  missingDependencies(hash: string, stored: (hash: string) => boolean): readonly string[] {
    return this.#runtimeDependencies(hash)
      .filter((id) => !this.table.isExternal(id))
      .map((id) => this.table.hashOf(id))
      .filter((dependency) => !stored(dependency));
  }

  /** Hashes of the nodes that are not what Spack 1.x would have named them. */
  unproven(): readonly string[] {
    const hashes: string[] = [];
    for (let id = 0; id < this.size; id += 1) {
      if (!this.table.hashIsProven(id)) hashes.push(this.table.hashOf(id));
    }
    return hashes;
  }

  /** `name@version/hash` for people; the hash alone of a node that is not known. */
  describe(hash: string): string {
    const id = this.table.find(hash);
    if (id < 0) return `/${hash}`;
    const { name, version } = this.table.factsOf(id);
    return `${name}@${version}/${hash}`;
  }
}
