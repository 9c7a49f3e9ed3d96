import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { InternalError } from '@slipway/core';
import { spackFixture } from '@slipway/testkit';

interface LockedDependency {
  readonly hash: string;
}

/** A node as the lock file has it; the fields that are not named here are copied as they are. */
interface LockedNode {
  readonly name: string;
  readonly version: string;
  readonly arch: { readonly platform: string; readonly target: string | { readonly name: string } };
  readonly external?: unknown;
  readonly package_hash: string;
  readonly dependencies?: readonly LockedDependency[];
  readonly hash: string;
}

/** A node of one copy of the environment. */
export interface CopiedNode {
  readonly hash: string;
  readonly name: string;
  readonly version: string;
  readonly external: boolean;
  /** Hashes, in the order of the node. */
  readonly dependencies: readonly string[];
  /** The directory Spack would install it to, under the root of the installation: `linux-cascadelake`. */
  readonly platformDirectory: string;
  /** Compact JSON with its own hash last. */
  readonly json: string;
}

/** One copy of the environment: its own DAG hashes, the same shape and size. */
export interface EnvironmentCopy {
  /** Every node, dependencies before their dependents; external nodes are the same in all copies. */
  readonly nodes: readonly CopiedNode[];
}

/**
 * The concrete environment of the lock file that Spack wrote, as a template for copies. Copies differ in the package hashes
 * of their nodes, as if every recipe had been edited, and hence in every DAG hash.
 */
export class Environment {
  readonly #nodes: readonly LockedNode[];
  /** Indexes into the nodes of those that a mirror can hold, dependencies first. */
  readonly packages: readonly number[];
  /** For each node its closure as indexes, itself first, in the order in which Spack writes a spec's nodes. */
  readonly closures: readonly (readonly number[])[];

  private constructor(nodes: readonly LockedNode[]) {
    this.#nodes = nodes;
    const indexOf = new Map(nodes.map((node, index) => [node.hash, index]));
    this.packages = nodes.flatMap((node, index) => (node.external === undefined ? [index] : []));
    const dependencies = nodes.map((node) =>
      (node.dependencies ?? []).map(({ hash }) => indexOf.get(hash) ?? unknownNode(hash)),
    );
    this.closures = nodes.map((_, index) => preOrder(index, dependencies));
  }

  static read(): Environment {
    const lock: { readonly concrete_specs: Readonly<Record<string, LockedNode>> } = JSON.parse(
      readFileSync(spackFixture('environment.spack.lock'), 'utf8'),
    );
    return new Environment(dependenciesFirst(lock.concrete_specs));
  }

  /** Copy `number` (from 0) for `seed`; the same arguments produce the same bytes. */
  copy(number: number, seed: number): EnvironmentCopy {
    const hashes = new Map<string, string>();
    const nodes = this.#nodes.map((node): CopiedNode => {
      const { hash: originalHash, ...content } = node;
      const external = node.external !== undefined;
      const dependencies = node.dependencies?.map((dependency) => ({
        ...dependency,
        hash: hashes.get(dependency.hash) ?? unknownNode(dependency.hash),
      }));
      const copied = {
        ...content,
        ...(external ? {} : { package_hash: packageHash(`${seed} ${number} ${originalHash}`) }),
        ...(dependencies === undefined ? {} : { dependencies }),
      };
      const text = JSON.stringify(copied);
      const hash = base32(createHash('sha1').update(text).digest());
      hashes.set(originalHash, hash);
      const { platform, target } = node.arch;
      return {
        hash,
        name: node.name,
        version: node.version,
        external,
        dependencies: (dependencies ?? []).map((dependency) => dependency.hash),
        platformDirectory: `${platform}-${typeof target === 'string' ? target : target.name}`,
        json: `${text.slice(0, -1)},"hash":"${hash}"}`,
      };
    });
    return { nodes };
  }
}

/** As Spack hashes a recipe: SHA-256 in base 32, padded. */
function packageHash(text: string): string {
  return `${base32(createHash('sha256').update(text).digest())}====`;
}

function dependenciesFirst(specs: Readonly<Record<string, LockedNode>>): LockedNode[] {
  const ordered = new Map<string, LockedNode>();
  const visit = (hash: string): void => {
    if (ordered.has(hash)) return;
    const node = specs[hash] ?? unknownNode(hash);
    for (const dependency of node.dependencies ?? []) visit(dependency.hash);
    ordered.set(hash, node);
  };
  for (const hash of Object.keys(specs)) visit(hash);
  return [...ordered.values()];
}

function preOrder(root: number, dependencies: readonly (readonly number[])[]): number[] {
  const seen = new Set<number>();
  const visit = (index: number): void => {
    if (seen.has(index)) return;
    seen.add(index);
    for (const dependency of dependencies[index] ?? []) visit(dependency);
  };
  visit(root);
  return [...seen];
}

function unknownNode(hash: string): never {
  throw new InternalError(`the lock file has no node ${hash}`);
}

/** Lower-case base 32 (RFC 4648) without padding. */
function base32(bytes: Uint8Array): string {
  const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
  let text = '';
  let pending = 0;
  let bits = 0;
  for (const byte of bytes) {
    pending = (pending << 8) | byte;
    bits += 8;
    for (; bits >= 5; bits -= 5) text += alphabet[(pending >> (bits - 5)) & 31];
    pending &= (1 << bits) - 1;
  }
  if (bits > 0) text += alphabet[(pending << (5 - bits)) & 31];
  return text;
}
