import { isDeepStrictEqual } from 'node:util';
import { dagHashMatchesContent, digestMatchesDagHash } from './dag-hash.ts';
import { compactJson } from './python-json.ts';
import { asArray, asObject, deptype, labelOfCompiler, type SpecNode } from './spec-node.ts';

/** Members of a node in the order in which Spack 1.x writes them; it omits others. */
const membersBeforeDependencies = [
  'name',
  'version',
  'arch',
  'namespace',
  'parameters',
  'external',
  'patches',
  'package_hash',
] as const;

/** From this version, a node lists the virtuals that each dependency provides. */
const virtualsVersion = 4;
/** From this version, compilers are dependencies, and a node's DAG hash is the same in every file. */
const annotationsVersion = 5;
/** From this version, a node lists the virtuals it provides itself. */
const providedVirtualsVersion = 6;

/**
 * The JSON of a node from a specfile before version 5, as Spack 1.x writes it to an index: the compiler becomes an
 * annotation, and no dependency is marked as direct.
 */
export function modernizedNodeJson(json: Uint8Array, specfileVersion: number): Buffer {
  const node = parsed(json);
  const label = labelOfCompiler({ compiler: node['compiler'] });
  const { dependencies, build_spec: buildSpec, hash } = node;
  const before = membersBeforeDependencies.filter((member) => node[member] !== undefined);
  return Buffer.from(
    compactJson({
      ...Object.fromEntries(before.map((member) => [member, node[member]])),
      dependencies:
        dependencies === undefined
          ? undefined
          : asArray(dependencies, 'the dependencies of a node').map(modernizedDependency),
      build_spec: buildSpec,
      annotations: { original_specfile_version: specfileVersion, compiler: label?.replace('@', '@=') },
      hash,
    }),
  );
}

/** Before version 4, an edge had only `type`. Spack looks up its virtuals in recipes, which are not available here. */
function modernizedDependency(value: unknown): unknown {
  const dependency = asObject(value, 'a dependency');
  const parameters = asObject(dependency['parameters'] ?? {}, 'the parameters of a dependency');
  const words = asArray(parameters['deptypes'] ?? dependency['type'] ?? [], 'the deptypes of a dependency');
  return {
    name: dependency['name'],
    hash: dependency['hash'],
    parameters: {
      deptypes: Object.keys(deptype).filter((word) => words.includes(word)),
      virtuals: parameters['virtuals'] ?? [],
    },
  };
}

/**
 * Whether two JSON texts describe the same node, ignoring what Spack recomputes from recipes when it rewrites a node from
 * an older specfile: the virtuals it provides (before version 6), which dependencies are direct (before 5) and the virtuals
 * they provide (before 4). Nothing is ignored for nodes first written in `version`.
 */
export function describesSameNode(left: Uint8Array, right: Uint8Array, version: number): boolean {
  const first = parsed(left);
  const original = originalVersionOf(first);
  if (original === undefined || original >= version) return false;
  return isDeepStrictEqual(essentials(first, original), essentials(parsed(right), original));
}

function originalVersionOf(node: Readonly<Record<string, unknown>>): number | undefined {
  const { annotations } = node;
  if (typeof annotations !== 'object' || annotations === null) return undefined;
  const version: unknown = Reflect.get(annotations, 'original_specfile_version');
  return typeof version === 'number' ? version : undefined;
}

function essentials(node: Readonly<Record<string, unknown>>, original: number): unknown {
  const { provided_virtuals: provided, dependencies, ...rest } = node;
  return {
    ...rest,
    ...(original < providedVirtualsVersion ? {} : { provided }),
    dependencies: asArray(dependencies ?? [], 'the dependencies of a node').map((value) => {
      const dependency = asObject(value, 'a dependency');
      const { direct, virtuals, ...parameters } = asObject(
        dependency['parameters'] ?? {},
        'the parameters of a dependency',
      );
      return {
        ...dependency,
        parameters: {
          ...parameters,
          ...(original < annotationsVersion ? {} : { direct }),
          ...(original < virtualsVersion ? {} : { virtuals }),
        },
      };
    }),
  };
}

function parsed(json: Uint8Array): Readonly<Record<string, unknown>> {
  const value: unknown = JSON.parse(bufferOf(json).toString('utf8'));
  return asObject(value, 'a node');
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const providedVirtuals = /,"provided_virtuals":\[[^\]]*\]/;

/**
 * Whether a node's DAG hash can be right: it matches the content, or cannot be computed because the node is from a specfile
 * before version 5. `text` is the node as the spec has it.
 */
export function hashIsPlausible(node: SpecNode, text: Uint8Array): boolean {
  if (dagHashMatchesContent(node)) return true;
  const bytes = bufferOf(text);
  const isOf = (version: number): boolean => bytes.includes(`"original_specfile_version":${version}}`);
  const isHashedAsWritten = isOf(providedVirtualsVersion);
  if (!isHashedAsWritten && !isOf(annotationsVersion)) return true;
  if (isHashedAsWritten) return isSplicedHash(node, bytes.toString('latin1'));
  // Spack 1.3 adds provided virtuals to older nodes, which were not part of the hash.
  const written = bytes.toString('latin1').replace(providedVirtuals, '');
  return (
    dagHashMatchesContent({ ...node, json: Buffer.from(written, 'latin1') }) || isSplicedHash(node, written)
  );
}

/** A spliced spec's hash ends like that of the spec that was built, since relocation cannot change the end of a prefix. */
function isSplicedHash(node: SpecNode, text: string): boolean {
  const built = /"build_spec":\{"name":"[^"]*","hash":"([a-z2-7]{32})"\}/.exec(text)?.[1];
  if (built === undefined || !node.hash.endsWith(built.slice(-7))) return false;
  return digestMatchesDagHash({ ...node, json: Buffer.from(text, 'latin1') }, 25);
}
