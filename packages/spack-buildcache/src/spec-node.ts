import { UserError } from '@slipway/core';
import { isDagHash, isPackageName, isVersion } from './layout.ts';

/** Dependency types as bits, so that an edge costs one number. */
export const deptype = { build: 1, link: 2, run: 4, test: 8 } as const;

/** What a binary needs for installing and running; build and test dependencies need not be in a mirror. */
export const runtimeDeptypes: number = deptype.link | deptype.run;

export interface SpecDependency {
  readonly hash: string;
  /** Bits of `deptype`. */
  readonly deptypes: number;
}

/** The parts of a spec node that publishing needs, with its JSON text. */
export interface SpecNode {
  readonly hash: string;
  readonly name: string;
  readonly version: string;
  /** A package of the system, never in a mirror. */
  readonly external: boolean;
  /** In document order, which is the order in which Spack visits them. */
  readonly dependencies: readonly SpecDependency[];
  readonly platform: string;
  readonly operatingSystem: string;
  readonly target: string;
  /** `name@version` before specfile version 5; since then, the hash of the compiler's node. */
  readonly compiler: { readonly label: string } | { readonly hash: string } | undefined;
  /** The node's JSON, byte for byte as in the document. */
  readonly json: Uint8Array;
}

const maxDependencies = 1000;
const compilerVirtuals = new Set(['c', 'cxx', 'fortran']);

/**
 * Reads a node from JSON that has already been checked strictly. Throws `UserError`: `name-invalid` for names, versions and
 * hashes that are unsafe in paths, otherwise `content-invalid`.
 */
export function parseSpecNode(json: Uint8Array): SpecNode {
  const value: unknown = JSON.parse(
    Buffer.from(json.buffer, json.byteOffset, json.byteLength).toString('utf8'),
  );
  const node = asObject(value, 'a node');
  const name = asString(node['name'], 'the name of a node');
  const hash = asString(node['hash'], 'the hash of a node');
  const version = asString(node['version'], 'the version of a node');
  requireNames({ name, version, hash });
  const arch = asObject(node['arch'] ?? {}, 'the arch of a node');
  const dependencies = asArray(node['dependencies'] ?? [], 'the dependencies of a node');
  if (dependencies.length > maxDependencies) {
    throw new UserError('content-invalid', `${name}/${hash} has more than ${maxDependencies} dependencies`);
  }
  // Spack treats two edges to one node as one dependency.
  const edges = new Map<string, SpecDependency>();
  let compilerHash: string | undefined;
  for (const dependency of dependencies) {
    const { edge, isCompiler } = parseDependency(asObject(dependency, 'a dependency'));
    const { hash: to, deptypes } = edge;
    edges.set(to, { hash: to, deptypes: deptypes | (edges.get(to)?.deptypes ?? 0) });
    if (isCompiler) compilerHash ??= to;
  }
  const compilerLabel = labelOfCompiler(node);
  return {
    hash,
    name,
    version,
    external: node['external'] !== undefined && node['external'] !== null,
    dependencies: [...edges.values()],
    platform: asString(arch['platform'] ?? '', 'the platform of a node'),
    operatingSystem: asString(arch['platform_os'] ?? '', 'the platform_os of a node'),
    target: nameOfTarget(arch['target']),
    compiler:
      compilerHash !== undefined
        ? { hash: compilerHash }
        : compilerLabel === undefined
          ? undefined
          : { label: compilerLabel },
    json,
  };
}

/** Throws `UserError` `name-invalid` unless these are safe in paths. */
export function requireNames(node: Pick<SpecNode, 'name' | 'version' | 'hash'>): void {
  const { name, version, hash } = node;
  if (!isDagHash(hash)) throw new UserError('name-invalid', 'the hash of a node is not a DAG hash');
  if (!isPackageName(name))
    throw new UserError('name-invalid', `the name of node ${hash} cannot be a package's`);
  if (!isVersion(version)) {
    throw new UserError(
      'name-invalid',
      `the version of ${name}/${hash} is not a valid name: it could lead to another directory, is too long, or contains blanks or invisible characters`,
    );
  }
}

function parseDependency(dependency: Readonly<Record<string, unknown>>): {
  readonly edge: SpecDependency;
  readonly isCompiler: boolean;
} {
  const hash = asString(dependency['hash'], 'the hash of a dependency');
  if (!isDagHash(hash)) throw new UserError('name-invalid', 'the hash of a dependency is not a DAG hash');
  // Specfile versions 2 to 4 have `type` and `virtuals` in different places.
  const parameters = asObject(dependency['parameters'] ?? dependency, 'the parameters of a dependency');
  const words = asArray(parameters['deptypes'] ?? parameters['type'] ?? [], 'the deptypes of a dependency');
  let deptypes = 0;
  for (const word of words) {
    if (word !== 'build' && word !== 'link' && word !== 'run' && word !== 'test') {
      throw new UserError('content-invalid', 'a deptype must be build, link, run or test');
    }
    deptypes |= deptype[word];
  }
  const virtuals = asArray(parameters['virtuals'] ?? [], 'the virtuals of a dependency');
  const isCompiler = virtuals.some((virtual) => typeof virtual === 'string' && compilerVirtuals.has(virtual));
  return { edge: { hash, deptypes }, isCompiler };
}

function nameOfTarget(target: unknown): string {
  if (typeof target === 'string') return target;
  if (typeof target === 'object' && target !== null && 'name' in target && typeof target.name === 'string') {
    return target.name;
  }
  return '';
}

export function labelOfCompiler(node: Readonly<Record<string, unknown>>): string | undefined {
  const { compiler, annotations } = node;
  if (typeof compiler === 'object' && compiler !== null && 'name' in compiler && 'version' in compiler) {
    return `${String(compiler.name)}@${String(compiler.version)}`;
  }
  if (typeof annotations === 'object' && annotations !== null && 'compiler' in annotations) {
    const { compiler: label } = annotations;
    if (typeof label === 'string') return label.replace('@=', '@');
  }
  return undefined;
}

export function asObject(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new UserError('content-invalid', `${what} is not a JSON object`);
}

export function asArray(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new UserError('content-invalid', `${what} is not a JSON array`);
}

export function asString(value: unknown, what: string): string {
  if (typeof value === 'string' && value.length <= 256) return value;
  throw new UserError('content-invalid', `${what} is not a short string`);
}
