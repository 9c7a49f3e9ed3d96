import { createHash, hash as hashOnce } from 'node:crypto';
import { JsonScanner, StringPool, UserError } from '@slipway/core';
import { modernizedNodeJson, parseSpecNode, type SpecNode } from './spec-node.ts';

/** A spec blob is a few kilobytes; one that is larger than this, stored or unpacked, is not read. */
export const maxSpecBlobBytes = 16 * 1024 * 1024;
export const maxSpecJsonBytes = 64 * 1024 * 1024;
const maxSpecDepth = 32;
const maxNodes = 20_000;

/** The end of a node of specfile version 5: in front of its own hash, which its dependencies' hashes are not. */
const hashMarker = Buffer.from('"annotations":{"original_specfile_version":5},"hash":"');
const dagHashCharacters = 32;

/** Two documents give the same DAG hash to different nodes: one of them is not what was built. */
export class NodeConflictError extends UserError {}

/** What the memo keeps of a node: enough to recognise it and to check closures, without its text. */
export interface KnownNode {
  readonly hash: string;
  readonly name: string;
  readonly version: string;
  readonly external: boolean;
  readonly dependencies: readonly string[];
  readonly byteLength: number;
  readonly digest: string;
}

/** A spec blob (or a layout-v2 spec file), read. */
export interface SpecDocument {
  readonly specfileVersion: number;
  readonly root: KnownNode;
  /** Hashes of all nodes, the root first. */
  readonly hashes: readonly string[];
  /** Nodes that the memo had not met before, with the text that a package index has of them. */
  readonly fresh: readonly SpecNode[];
  /** Layout v2 binds the tarball here. */
  readonly tarballChecksum: { readonly algorithm: string; readonly hash: string } | undefined;
}

/**
 * Remembers the nodes of the documents read so far. The graphs of a mirror's specs share most of their nodes, so a node
 * whose bytes were checked before is recognised by its digest and not parsed again: a mirror costs its distinct nodes,
 * not the sum of all closures.
 */
export class NodeMemo {
  readonly #nodes = new Map<string, KnownNode>();
  readonly #strings = new StringPool();
  #longestBytes = 0;

  get size(): number {
    return this.#nodes.size;
  }

  find(hash: string): KnownNode | undefined {
    return this.#nodes.get(hash);
  }

  /**
   * Reads a spec document: strict JSON, a root and its whole closure, no node twice, no node with the hash of another.
   * Throws `JsonError` or `UserError` `content-invalid` or `name-invalid`.
   */
  read(json: Uint8Array): SpecDocument {
    const fresh: SpecNode[] = [];
    try {
      return this.#read(json, fresh);
    } catch (error) {
      // Nobody receives these nodes, so no later document may take them for known.
      for (const node of fresh) this.#nodes.delete(node.hash);
      throw error;
    }
  }

  #read(json: Uint8Array, fresh: SpecNode[]): SpecDocument {
    const scanner = new JsonScanner(json, { maxDepth: maxSpecDepth });
    const nodes = new Map<string, KnownNode>();
    let root: KnownNode | undefined;
    let specfileVersion: number | undefined;
    let tarballChecksum: SpecDocument['tarballChecksum'];
    scanner.object((key) => {
      switch (key) {
        case 'spec':
          scanner.object((specKey) => {
            if (specKey === '_meta') specfileVersion = versionOf(scanner.value());
            else if (specKey === 'nodes') {
              scanner.array(() => {
                const node = this.#readNode(scanner, fresh);
                if (nodes.has(node.hash)) throw malformed(`node ${node.hash} stands in it twice`);
                if (nodes.size >= maxNodes) throw malformed(`it has more than ${maxNodes} nodes`);
                nodes.set(node.hash, node);
                root ??= node;
              });
            } else scanner.skipValue();
          });
          return;
        case 'binary_cache_checksum':
          tarballChecksum = checksumOf(scanner.value());
          return;
        default:
          scanner.skipValue();
      }
    });
    scanner.end();
    if (root === undefined) throw malformed('it has no nodes');
    if (specfileVersion === undefined) throw malformed('it has no specfile version');
    for (const node of nodes.values()) {
      for (const dependency of node.dependencies) {
        if (!nodes.has(dependency))
          throw malformed(`${node.name}/${node.hash} needs ${dependency}, which is not in it`);
      }
    }
    return {
      specfileVersion,
      root,
      hashes: [...nodes.keys()],
      fresh: modernized(fresh, specfileVersion),
      tarballChecksum,
    };
  }

  #readNode(scanner: JsonScanner, fresh: SpecNode[]): KnownNode {
    scanner.skipWhitespace();
    const recognised = this.#recognise(scanner.bytes, scanner.position);
    if (recognised !== undefined) {
      scanner.position += recognised.byteLength;
      return recognised;
    }
    const { start, end } = scanner.skipValue();
    const text = scanner.bytes.subarray(start, end);
    const digest = digestOf(text);
    const node = parseSpecNode(text);
    const known = this.#nodes.get(node.hash);
    if (known !== undefined) {
      if (known.digest === digest) return known;
      throw new NodeConflictError(
        'content-invalid',
        `its node ${node.name}/${node.hash} differs from the node of the same hash in another spec`,
      );
    }
    const added: KnownNode = {
      hash: this.#strings.intern(node.hash),
      name: this.#strings.intern(node.name),
      version: this.#strings.intern(node.version),
      external: node.external,
      dependencies: node.dependencies.map((dependency) => this.#strings.intern(dependency.hash)),
      byteLength: text.length,
      digest,
    };
    this.#nodes.set(added.hash, added);
    this.#longestBytes = Math.max(this.#longestBytes, added.byteLength);
    fresh.push(node);
    return added;
  }

  /**
   * The known node whose exact bytes start at `position`. The hash is only guessed from the marker; what decides is
   * that these bytes have the digest of bytes that were checked strictly.
   */
  #recognise(bytes: Uint8Array, position: number): KnownNode | undefined {
    // No further than the longest known node, or a document without markers would cost its square.
    const length = Math.min(this.#longestBytes, bytes.byteLength - position);
    const ahead = Buffer.from(bytes.buffer, bytes.byteOffset + position, length);
    const marker = ahead.indexOf(hashMarker);
    if (marker < 0) return undefined;
    const hashStart = marker + hashMarker.length;
    const end = position + hashStart + dagHashCharacters + 2;
    const known = this.#nodes.get(ahead.toString('latin1', hashStart, hashStart + dagHashCharacters));
    if (known === undefined || known.byteLength !== end - position) return undefined;
    return digestOf(ahead.subarray(0, end - position)) === known.digest ? known : undefined;
  }
}

/** Nodes with the JSON that belongs into a package index. */
function modernized(nodes: readonly SpecNode[], specfileVersion: number): readonly SpecNode[] {
  if (specfileVersion >= 5) return nodes;
  return nodes.map((node) => ({ ...node, json: modernizedNodeJson(node.json, specfileVersion) }));
}

function digestOf(bytes: Uint8Array): string {
  return hashOnce('sha256', bytes, 'base64');
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

/**
 * Whether a node's DAG hash is the hash of its own content, as Spack 1.x computes it: SHA-1 of the node's JSON without
 * its `hash`, in base 32. False also for nodes that another version of Spack or a splice hashed otherwise, so false is
 * no proof of tampering.
 */
export function dagHashMatchesContent(node: SpecNode): boolean {
  const text = Buffer.from(node.json.buffer, node.json.byteOffset, node.json.byteLength);
  const tail = `,"hash":"${node.hash}"}`;
  if (!text.subarray(-tail.length).equals(Buffer.from(tail))) return false;
  const sha1 = createHash('sha1')
    .update(text.subarray(0, text.length - tail.length))
    .update('}')
    .digest();
  return base32(sha1) === node.hash;
}

/** Lower-case base 32 (RFC 4648) of whole five-byte groups, which 20 bytes of SHA-1 are. */
function base32(bytes: Uint8Array): string {
  const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
  let bits = 0n;
  for (const byte of bytes) bits = (bits << 8n) | BigInt(byte);
  let text = '';
  for (let index = (bytes.length * 8) / 5 - 1; index >= 0; index -= 1) {
    text += alphabet[Number((bits >> BigInt(index * 5)) & 31n)];
  }
  return text;
}
