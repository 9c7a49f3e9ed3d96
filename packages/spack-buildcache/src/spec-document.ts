import { JsonScanner, UserError } from '@slipway/core';
import { ClosureWalk } from './closure-walk.ts';
import { dagHashMatchesContent } from './dag-hash.ts';
import { type NewNode, NodeTable } from './node-table.ts';
import { modernizedNodeJson, parseSpecNode, type SpecNode } from './spec-node.ts';

/** A spec blob is a few kilobytes; one that is larger than this, stored or unpacked, is not read. */
export const maxSpecBlobBytes = 16 * 1024 * 1024;
export const maxSpecJsonBytes = 64 * 1024 * 1024;
const maxSpecDepth = 32;
const maxNodes = 20_000;

/** The end of a node of specfile version 5: in front of its own hash, which its dependencies' hashes are not. */
const hashMarker = Buffer.from('"annotations":{"original_specfile_version":5},"hash":"');
const currentSpecfile = Buffer.from('"original_specfile_version":5');
/** A node of Spack's has a few kilobytes. Without this limit a document without markers would cost its square. */
const maxMarkerDistance = 64 * 1024;

/** Two documents give the same DAG hash to different nodes: one of them is not what was built. */
export class NodeConflictError extends UserError {}

/** A spec blob (or a layout-v2 spec file), read. */
export interface SpecDocument {
  readonly specfileVersion: number;
  readonly root: Pick<SpecNode, 'hash' | 'name' | 'version'>;
  /** Hashes of all nodes, the root first. */
  readonly hashes: readonly string[];
  /** Nodes that were not known before, with the text that a package index has of them. */
  readonly fresh: readonly SpecNode[];
  /** Layout v2 binds the tarball here. */
  readonly tarballChecksum: { readonly algorithm: string; readonly hash: string } | undefined;
  /** Its `buildcache_layout_version` as it is written there; undefined without one. */
  readonly layoutVersion: unknown;
}

/** A spec document by itself, all of whose nodes are fresh. Throws as `NodeMemo.read` does. */
export function readSpecDocument(json: Uint8Array): SpecDocument {
  const fresh = new Map<string, NewNode>();
  const outline = readOutline(json, (scanner) => {
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
 * Remembers the nodes of the documents read so far, in a table that other threads may fill as well. The graphs of a
 * mirror's specs share most of their nodes, so a node whose bytes were checked before is recognised by them and not
 * parsed again: a mirror costs its distinct nodes, not the sum of all closures.
 */
export class NodeMemo {
  readonly table: NodeTable;
  /** By node the number of the document that it was met in last. */
  #metIn = new Int32Array(1024);
  #document = 0;
  /** Nodes of the document that is being read: known ones by their number, and the others. */
  #known: number[] = [];
  #fresh = new Map<string, NewNode>();
  #walk = new ClosureWalk();

  constructor(table = new NodeTable({ expectedNodes: 0 })) {
    this.table = table;
  }

  /**
   * Reads a spec document: strict JSON, a root and its whole closure, no node twice, no node with the hash of another.
   * `rootHash` tells whose spec to expect, which helps to recognise it. Throws `JsonError` or `UserError` `content-invalid`
   * or `name-invalid`; then none of its nodes is remembered.
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
    const outline = readOutline(json, (scanner) => {
      if (order.length >= maxNodes) throw tooManyNodes();
      order.push(this.#readNode(scanner, bytes, guess));
      guess = this.#walk.next(this.table, (id) => this.#isMet(id));
    });
    if (order.length === 0) throw malformed('it has no nodes');
    this.#requireClosure();
    const fresh = modernized([...this.#fresh.values()], outline.specfileVersion);
    const { conflict } = this.table.add(fresh);
    if (conflict !== undefined) throw conflictOf(this.#fresh.get(conflict)?.node);
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

  /** Reads the next node: a known one's number, or the hash of a fresh one. */
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
    if (known >= 0) {
      if (this.table.matchAt(known, bytes, start) !== text.length) throw conflictOf(node);
      return this.#meet(known);
    }
    if (this.#fresh.has(node.hash)) throw nodeTwice(node.hash);
    this.#fresh.set(node.hash, scanned);
    this.#walk.enterFresh(node.dependencies.map((dependency) => dependency.hash));
    return node.hash;
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
    const marker = bytes.subarray(start, start + maxMarkerDistance).indexOf(hashMarker);
    return marker < 0 ? -1 : this.table.findAt(bytes, start + marker + hashMarker.length);
  }

  /** Throws unless every dependency of every node is in the document, too. */
  #requireClosure(): void {
    const { table } = this;
    for (const id of this.#known) {
      const count = table.edgeCount(id);
      for (let edge = 0; edge < count; edge += 1) {
        const target = table.edgeTarget(id, edge);
        if (this.#isMet(target)) continue;
        const hash = table.hashOf(target);
        // Another thread may have added both after this one had passed over the dependency.
        if (this.#fresh.has(hash)) continue;
        throw dependencyMissing(`${table.factsOf(id).name}/${table.hashOf(id)}`, hash);
      }
    }
    for (const { node } of this.#fresh.values()) {
      requireDependencies(node, (hash) => this.#fresh.has(hash) || this.#isMet(table.find(hash)));
    }
  }
}

type Outline = Pick<SpecDocument, 'specfileVersion' | 'tarballChecksum' | 'layoutVersion'>;

/** Reads what is around the nodes; `node` must consume each of them. */
function readOutline(json: Uint8Array, node: (scanner: JsonScanner) => void): Outline {
  const scanner = new JsonScanner(json, { maxDepth: maxSpecDepth });
  let specfileVersion: number | undefined;
  let tarballChecksum: SpecDocument['tarballChecksum'];
  let layoutVersion: unknown;
  scanner.object((key) => {
    switch (key) {
      case 'spec':
        scanner.object((specKey) => {
          if (specKey === '_meta') specfileVersion = versionOf(scanner.value());
          else if (specKey === 'nodes') scanner.array(() => node(scanner));
          else scanner.skipValue();
        });
        return;
      case 'binary_cache_checksum':
        tarballChecksum = checksumOf(scanner.value());
        return;
      case 'buildcache_layout_version':
        layoutVersion = scanner.value();
        return;
      default:
        scanner.skipValue();
    }
  });
  scanner.end();
  if (specfileVersion === undefined) throw malformed('it has no specfile version');
  return { specfileVersion, tarballChecksum, layoutVersion };
}

/** Checks and parses the node at the cursor. */
function scanNode(scanner: JsonScanner): NewNode {
  const { start, end } = scanner.skipValue();
  const text = scanner.bytes.subarray(start, end);
  const node = parseSpecNode(text);
  return { node, text, hashIsProven: dagHashMatchesContent(node) || isOfOlderSpecfile(text) };
}

function isOfOlderSpecfile(text: Uint8Array): boolean {
  return !Buffer.from(text.buffer, text.byteOffset, text.byteLength).includes(currentSpecfile);
}

function requireDependencies(node: SpecNode, isThere: (hash: string) => boolean): void {
  for (const { hash } of node.dependencies) {
    if (!isThere(hash)) throw dependencyMissing(`${node.name}/${node.hash}`, hash);
  }
}

/** Nodes with the JSON that belongs into a package index. */
function modernized(nodes: readonly NewNode[], specfileVersion: number): readonly NewNode[] {
  if (specfileVersion >= 5) return nodes;
  return nodes.map(({ node, ...rest }) => {
    const modern = { ...node, json: modernizedNodeJson(node.json, specfileVersion) };
    // Always true for nodes of older specfiles, which hashed otherwise.
    return {
      ...rest,
      node: modern,
      hashIsProven: dagHashMatchesContent(modern) || isOfOlderSpecfile(modern.json),
    };
  });
}

function nodeTwice(hash: string): UserError {
  return malformed(`node ${hash} stands in it twice`);
}

function tooManyNodes(): UserError {
  return malformed(`it has more than ${maxNodes} nodes`);
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

function versionOf(meta: unknown): number {
  const version = typeof meta === 'object' && meta !== null && 'version' in meta ? meta.version : undefined;
  if (typeof version !== 'number' || !Number.isSafeInteger(version) || version < 1 || version > 5) {
    throw malformed('its specfile version is none of 1 to 5');
  }
  return version;
}

function checksumOf(value: unknown): { readonly algorithm: string; readonly hash: string } {
  if (typeof value === 'object' && value !== null && 'hash_algorithm' in value && 'hash' in value) {
    const { hash_algorithm: algorithm, hash } = value;
    if (typeof algorithm === 'string' && typeof hash === 'string') return { algorithm, hash };
  }
  throw malformed('its binary_cache_checksum is malformed');
}

function malformed(why: string): UserError {
  return new UserError('content-invalid', `the spec is malformed: ${why}`);
}
