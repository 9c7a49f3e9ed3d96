import type { NodeTable } from './node-table.ts';

/**
 * Guesses the next known node of a closure from the order in which Spack writes it: depth first, each node once. In another
 * order the guesses are merely wrong.
 */
export class ClosureWalk {
  /** Numbers of known nodes, dependency hashes of others. */
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

  /** The next known node that has not occurred yet; -1 if it is not known. */
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
