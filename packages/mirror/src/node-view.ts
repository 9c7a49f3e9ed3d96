import { describesSameNode, type NodeTable } from '@slipway/spack-buildcache';

/**
 * Several tables as one, with consecutive numbers. A hash in more than one table has the node of the first. Valid until
 * nodes are added to a table.
 */
export class NodeView {
  readonly size: number;
  readonly #tables: readonly NodeTable[];
  readonly #offsets: readonly number[];
  readonly #specfileVersion: number;

  /** The specfile version whose nodes the index takes. */
  constructor(tables: readonly NodeTable[], specfileVersion: number) {
    const used = tables.filter(({ size }) => size > 0);
    const offsets: number[] = [];
    let size = 0;
    for (const table of used) {
      offsets.push(size);
      size += table.size;
    }
    this.size = size;
    this.#tables = used;
    this.#offsets = offsets;
    this.#specfileVersion = specfileVersion;
  }

  /** The number of the node with this DAG hash; -1 when there is none. */
  find(hash: string): number {
    for (let at = 0; at < this.#tables.length; at += 1) {
      const id = this.#tables[at]?.find(hash) ?? -1;
      if (id >= 0) return id + (this.#offsets[at] ?? 0);
    }
    return -1;
  }

  #tableOf(id: number): { readonly table: NodeTable; readonly own: number } | undefined {
    for (let at = this.#tables.length - 1; at >= 0; at -= 1) {
      const offset = this.#offsets[at] ?? 0;
      const table = this.#tables[at];
      if (id >= offset && table !== undefined) return { table, own: id - offset };
    }
    return undefined;
  }

  /** Adds one to the count of each node that the node depends on. */
  countEdges(id: number, counts: Float64Array): void {
    const place = this.#tableOf(id);
    if (place === undefined) return;
    const { table, own } = place;
    const isFirst = table === this.#tables[0];
    for (let edge = table.edgeCount(own) - 1; edge >= 0; edge -= 1) {
      const target = table.edgeTarget(own, edge);
      // An earlier table may have the target as well, and takes precedence.
      const counted = isFirst ? target : this.find(table.hashOf(target));
      counts[counted] = (counts[counted] ?? 0) + 1;
    }
  }

  /** Whether the indexed JSON of a node, from `start` to `end`, equals the known one or means the same. */
  hasJson(id: number, bytes: Uint8Array, start: number, end: number): boolean {
    const place = this.#tableOf(id);
    if (place === undefined) return false;
    const { table, own } = place;
    const json = table.jsonOf(own);
    const length = json.end - json.start;
    if (length === end - start && json.source.compare(bytes, start, end, json.start, json.end) === 0)
      return true;
    const known = json.source.subarray(json.start, json.end);
    return describesSameNode(known, bytes.subarray(start, end), this.#specfileVersion);
  }
}
