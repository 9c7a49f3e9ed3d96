import {
  formatOfDatabase,
  formatVersions,
  type IndexableNode,
  type NewNode,
  type NodeFacts,
  NodeTable,
  runtimeDeptypes,
} from '@slipway/spack-buildcache';
import { NodeView } from './node-view.ts';

export interface GraphNode extends NodeFacts {
  readonly hash: string;
  readonly external: boolean;
}

interface NodePlace {
  readonly table: NodeTable;
  readonly id: number;
}

/**
 * All distinct nodes of a mirror's specs and their dependencies. Specs of several versions may describe a node with
 * different text, but always with the same dependencies.
 */
export class NodeGraph {
  /** The nodes of the specs of each format, oldest first, as in `formatVersions`. */
  readonly tables: readonly NodeTable[];

  /** `expectedEntries` is about how many specs will be added. */
  constructor(expectedEntries = 0) {
    this.tables = formatVersions.map(() => new NodeTable({ expectedNodes: expectedEntries }));
  }

  get size(): number {
    return this.tables.reduce((sum, { size }) => sum + size, 0);
  }

  /** Adds nodes of the oldest format, as `NodeTable.add` does. */
  add(nodes: readonly NewNode[]): void {
    this.tables[0]?.add(nodes);
  }

  #place(hash: string, tables = this.tables): NodePlace | undefined {
    for (const table of tables) {
      const id = table.find(hash);
      if (id >= 0) return { table, id };
    }
    return undefined;
  }

  find(hash: string): GraphNode | undefined {
    const place = this.#place(hash);
    return place && { ...place.table.factsOf(place.id), hash, external: place.table.isExternal(place.id) };
  }

  /** The nodes that belong in a package index of this version. Valid until more are added. */
  view(databaseVersion: number): NodeView {
    return new NodeView(this.#tablesFor(databaseVersion), formatOfDatabase(databaseVersion)?.specfile ?? 0);
  }

  /** The tables whose nodes belong in an index of this version, newest first: newer indexes include older nodes. */
  #tablesFor(databaseVersion: number): readonly NodeTable[] {
    return this.tables
      .filter((_, at) => (formatVersions[at]?.database ?? databaseVersion) <= databaseVersion)
      .toReversed();
  }

  /** The node in the form that a package index of this version needs. */
  indexable(hash: string, databaseVersion: number): IndexableNode | undefined {
    const place = this.#place(hash, this.#tablesFor(databaseVersion));
    if (place === undefined) return undefined;
    const { table, id } = place;
    const dependencies = Array.from({ length: table.edgeCount(id) }, (_, edge) => ({
      hash: table.hashOf(table.edgeTarget(id, edge)),
      deptypes: table.edgeDeptypes(id, edge),
    }));
    return { hash, dependencies, json: table.jsonOf(id) };
  }

  /** The direct runtime dependencies of `hash`, external or not. */
  runtimeDependencies(hash: string): readonly string[] {
    return this.#runtimeDependencies(hash).map(({ table, id }) => table.hashOf(id));
  }

  #runtimeDependencies(hash: string): readonly NodePlace[] {
    const place = this.#place(hash);
    if (place === undefined) return [];
    const { table, id } = place;
    const needed: NodePlace[] = [];
    for (let edge = 0; edge < table.edgeCount(id); edge += 1) {
      if ((table.edgeDeptypes(id, edge) & runtimeDeptypes) !== 0)
        needed.push({ table, id: table.edgeTarget(id, edge) });
    }
    return needed;
  }

  /**
   * The direct runtime dependencies of `hash` that are neither external nor `stored`. Asking this for every entry of a
   * mirror covers all closures.
   */
  missingDependencies(hash: string, stored: (hash: string) => boolean): readonly string[] {
    return this.#runtimeDependencies(hash)
      .filter(({ table, id }) => !table.isExternal(id))
      .map(({ table, id }) => table.hashOf(id))
      .filter((dependency) => !stored(dependency));
  }

  /** Hashes of the external nodes among the direct dependencies of these. */
  externalsOf(hashes: Iterable<string>): ReadonlySet<string> {
    const externals = this.tables.map(() => new Set<number>());
    for (const hash of hashes) {
      const place = this.#place(hash);
      if (place === undefined) continue;
      const { table, id } = place;
      for (let edge = 0; edge < table.edgeCount(id); edge += 1) {
        const target = table.edgeTarget(id, edge);
        if (table.isExternal(target)) externals[this.tables.indexOf(table)]?.add(target);
      }
    }
    return new Set(
      this.tables.flatMap((table, at) => [...(externals[at] ?? [])].map((id) => table.hashOf(id))),
    );
  }

  /** Hashes of nodes whose hash is not the one Spack 1.x computes. */
  unproven(): readonly string[] {
    const hashes = new Set<string>();
    for (const table of this.tables) {
      for (let id = 0; id < table.size; id += 1) if (!table.hashIsProven(id)) hashes.add(table.hashOf(id));
    }
    return [...hashes];
  }

  /** `name@version/hash` for messages; only the hash for an unknown node. */
  describe(hash: string): string {
    const place = this.#place(hash);
    if (place === undefined) return `/${hash}`;
    const { name, version } = place.table.factsOf(place.id);
    return `${name}@${version}/${hash}`;
  }
}
