import type { NodeTable } from './node-table.ts';

/**
 * Follows the order in which Spack writes a closure, depth first and each node once, to guess which known node comes next.
 * Where a document has another order the guesses are wrong, and nothing else.
 */
export class ClosureWalk {
  /** Known nodes by their number, others by what they depend on. */
  readonly #path: (number | readonly string[])[] = [];
  readonly #nextEdges: number[] = [];

  enter(id: number): void {
    this.#path.push(id);
    this.#nextEdges.push(0);
  }

  enterFresh(dependencies: readonly string[]): void {
    this.#path.push(dependencies);
    this.#nextEdges.push(0);
  }

  /** The next node that is known and not met; -1 when it is not known. */
  next(table: NodeTable, isMet: (id: number) => boolean): number {
    for (let depth = this.#path.length - 1; depth >= 0; depth -= 1) {
      const node = this.#path[depth] ?? 0;
      const count = typeof node === 'number' ? table.edgeCount(node) : node.length;
      for (let edge = this.#nextEdges[depth] ?? 0; edge < count; edge += 1) {
        const target = typeof node === 'number' ? table.edgeTarget(node, edge) : table.find(node[edge] ?? '');
        if (isMet(target)) continue;
        this.#nextEdges[depth] = edge + 1;
        if (target >= 0) return target;
      }
      this.#path.pop();
      this.#nextEdges.pop();
    }
    return -1;
  }
}
