import { type JsonScanner, UserError } from '@slipway/core';
import { ClosureWalk } from './closure-walk.ts';
import { type NewNode, NodeTable } from './node-table.ts';
import { describesSameNode, hashIsPlausible, modernizedNodeJson } from './older-nodes.ts';
import { parseSpecNode, type SpecNode } from './spec-node.ts';
import { malformed, maxNodes, readOutline, type SpecOutline, tooManyNodes } from './spec-outline.ts';
import { formatVersions } from './versions.ts';

/** A spec blob is a few kilobytes; a larger one than this, stored or unpacked, is not read. */
export const maxSpecBlobBytes = 16 * 1024 * 1024;
export const maxSpecJsonBytes = 64 * 1024 * 1024;
const oldestVersion = formatVersions[0].specfile;
/** Before this version, the JSON of a node in an index differs from that in a spec. */
const indexedAsWrittenVersion = 5;

/** Spack's nodes are a few kilobytes. Without this limit, a document without markers would take quadratic time. */
const maxMarkerDistance = 64 * 1024;

/** Two documents use the same DAG hash for different nodes: one of them is not what was built. */
export class NodeConflictError extends UserError {}

/** A parsed spec blob, or layout-v2 spec file. */
export interface SpecDocument extends SpecOutline {
  readonly root: Pick<SpecNode, 'hash' | 'name' | 'version'>;
  /** Hashes of all nodes, the root first. */
  readonly hashes: readonly string[];
  /** Nodes not seen before, with the text that a package index stores for them. */
  readonly fresh: readonly SpecNode[];
}

/** Reads a single spec document of layout v2; all its nodes are fresh. Throws as `NodeMemo.read` does. */
export function readSpecDocument(json: Uint8Array): SpecDocument {
  const fresh = new Map<string, NewNode>();
  const outline = readOutline(json, oldestVersion, (scanner) => {
    const node = scanNode(scanner);
    if (fresh.has(node.node.hash)) throw nodeTwice(node.node.hash);
    if (fresh.size >= maxNodes) throw tooManyNodes();
    fresh.set(node.node.hash, node);
  });
  for (const { node } of fresh.values()) requireDependencies(node, (hash) => fresh.has(hash));
  const nodes = modernized([...fresh.values()], outline.specfileVersion).map(({ node }) => node);
  const [root] = nodes;
  if (root === undefined) throw malformed('it has no nodes');
  return { ...outline, root, hashes: [...fresh.keys()], fresh: nodes };
}

/**
 * Remembers the nodes of the documents read so far, in a table that other threads may also fill. A mirror's specs share
 * most of their nodes, so a node whose bytes were checked before is recognised and not parsed again: the cost is that of a
 * mirror's distinct nodes, not of all closures. All documents have one format, because another format has different nodes
 * under the same hash.
 */
export class NodeMemo {
  readonly table: NodeTable;
  readonly #version: number;
  /** What ends a node first written in this format: it precedes the node's own hash, but not those of dependencies. */
  readonly #hashMarker: Buffer;
  /** For each node, the number of the last document it occurred in. */
  #metIn = new Int32Array(1024);
  #document = 0;
  /** Nodes of the current document: numbers of known ones, and the others. */
  #known: number[] = [];
  #fresh = new Map<string, NewNode>();
  #walk = new ClosureWalk();

  /** For specs whose media type states `version`. */
  constructor(table = new NodeTable({ expectedNodes: 0 }), version: number = oldestVersion) {
    this.table = table;
    this.#version = version;
    this.#hashMarker = Buffer.from(`"annotations":{"original_specfile_version":${version}},"hash":"`);
  }

  /**
   * Reads a spec document: strict JSON with a root and its whole closure, no node twice, and no node with another one's
   * hash. `rootHash`, the expected spec, speeds up recognition. Throws `JsonError` or `UserError` `content-invalid` or
   * `name-invalid`; then none of its nodes is remembered.
   */
  read(json: Uint8Array, rootHash = ''): SpecDocument {
    this.#document += 1;
    this.#known = [];
    this.#fresh = new Map();
    this.#walk = new ClosureWalk();
    const bytes = Buffer.from(json.buffer, json.byteOffset, json.byteLength);
    /** Hashes of fresh nodes, numbers of known ones. */
    const order: (number | string)[] = [];
    let guess = this.table.find(rootHash);
    const outline = readOutline(json, this.#version, (scanner) => {
      if (order.length >= maxNodes) throw tooManyNodes();
      order.push(this.#readNode(scanner, bytes, guess));
      guess = this.#walk.next(this.table, (id) => this.#isMet(id));
    });
    if (order.length === 0) throw malformed('it has no nodes');
    this.#requireClosure();
    const fresh = this.#add(outline.specfileVersion);
    const ids = order.map((place) =>
      typeof place === 'number' ? place : this.#meet(this.table.find(place)),
    );
    const { table } = this;
    const root = ids[0] ?? 0;
    return {
      ...outline,
      root: { hash: table.hashOf(root), ...table.factsOf(root) },
      fresh: fresh.map(({ node }) => node),
      get hashes() {
        return ids.map((id) => table.hashOf(id));
      },
    };
  }

  /** Reads the next node: returns the number of a known one, or the hash of a fresh one. */
  #readNode(scanner: JsonScanner, bytes: Buffer, guess: number): number | string {
    scanner.skipWhitespace();
    const start = scanner.position;
    let id = guess;
    let length = id < 0 ? 0 : this.table.matchAt(id, bytes, start);
    if (length === 0) {
      id = this.#findMarked(bytes, start);
      length = id < 0 ? 0 : this.table.matchAt(id, bytes, start);
    }
    if (length > 0) {
      scanner.position += length;
      return this.#meet(id);
    }
    const scanned = scanNode(scanner);
    const { node, text } = scanned;
    const known = this.table.find(node.hash);
    if (known >= 0 && this.table.matchAt(known, bytes, start) === text.length) return this.#meet(known);
    if (this.#fresh.has(node.hash)) throw nodeTwice(node.hash);
    this.#fresh.set(node.hash, scanned);
    this.#walk.enterFresh(node.dependencies.map((dependency) => dependency.hash));
    return node.hash;
  }

  /** Adds the fresh nodes to the table and returns those that were new to it. */
  #add(specfileVersion: number): readonly NewNode[] {
    let fresh = modernized([...this.#fresh.values()], specfileVersion);
    for (;;) {
      const { conflict } = this.table.add(fresh);
      if (conflict === undefined) return fresh;
      // Known with other text. If both mean the same, the first one stays.
      const { source, start, end } = this.table.jsonOf(this.table.find(conflict));
      const node = fresh.find((candidate) => candidate.node.hash === conflict)?.node;
      if (node === undefined || !describesSameNode(node.json, source.subarray(start, end), this.#version))
        throw conflictOf(node);
      fresh = fresh.filter((candidate) => candidate.node !== node);
    }
  }

  #meet(id: number): number {
    if (this.#isMet(id)) throw nodeTwice(this.table.hashOf(id));
    if (id >= this.#metIn.length) {
      const larger = new Int32Array(Math.max(this.#metIn.length * 2, id + 1));
      larger.set(this.#metIn);
      this.#metIn = larger;
    }
    this.#metIn[id] = this.#document;
    this.#known.push(id);
    this.#walk.enter(id);
    return id;
  }

  #isMet(id: number): boolean {
    return id >= 0 && this.#metIn[id] === this.#document;
  }

  /** The known node whose hash stands where Spack would write it. Only a guess: its bytes are compared. */
  #findMarked(bytes: Buffer, start: number): number {
    const marker = bytes.subarray(start, start + maxMarkerDistance).indexOf(this.#hashMarker);
    return marker < 0 ? -1 : this.table.findAt(bytes, start + marker + this.#hashMarker.length);
  }

  /** Throws unless every node's dependencies are in the document. */
  #requireClosure(): void {
    const { table } = this;
    for (const id of this.#known) {
      const count = table.edgeCount(id);
      for (let edge = 0; edge < count; edge += 1) {
        const target = table.edgeTarget(id, edge);
        if (this.#isMet(target)) continue;
        const hash = table.hashOf(target);
        // Another thread may have added both after this one skipped the dependency.
        if (this.#fresh.has(hash)) continue;
        throw dependencyMissing(`${table.factsOf(id).name}/${table.hashOf(id)}`, hash);
      }
    }
    for (const { node } of this.#fresh.values()) {
      requireDependencies(node, (hash) => this.#fresh.has(hash) || this.#isMet(table.find(hash)));
    }
  }
}

function scanNode(scanner: JsonScanner): NewNode {
  const { start, end } = scanner.skipValue();
  const text = scanner.bytes.subarray(start, end);
  const node = parseSpecNode(text);
  return { node, text, hashIsProven: hashIsPlausible(node, text) };
}

function requireDependencies(node: SpecNode, isThere: (hash: string) => boolean): void {
  for (const { hash } of node.dependencies) {
    if (!isThere(hash)) throw dependencyMissing(`${node.name}/${node.hash}`, hash);
  }
}

/** Nodes with the JSON that a package index stores. */
function modernized(nodes: readonly NewNode[], specfileVersion: number): readonly NewNode[] {
  if (specfileVersion >= indexedAsWrittenVersion) return nodes;
  return nodes.map(({ node, ...rest }) => ({
    ...rest,
    node: { ...node, json: modernizedNodeJson(node.json, specfileVersion) },
  }));
}

function nodeTwice(hash: string): UserError {
  return malformed(`node ${hash} occurs twice in it`);
}

function dependencyMissing(who: string, dependency: string): UserError {
  return malformed(`${who} needs ${dependency}, which is not in it`);
}

function conflictOf(node: SpecNode | undefined): NodeConflictError {
  return new NodeConflictError(
    'content-invalid',
    `its node ${node?.name}/${node?.hash} differs from the node of the same hash in another spec`,
  );
}
