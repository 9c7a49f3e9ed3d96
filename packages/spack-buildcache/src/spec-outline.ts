import { JsonScanner, UserError } from '@slipway/core';
import { requireNames, type SpecNode } from './spec-node.ts';

const maxSpecDepth = 32;
export const maxNodes = 20_000;
/** Earlier versions have no list of nodes that readers could tell apart from this one. */
const firstVersionOfItsOwn = 6;

/** What a spec says outside its nodes. */
export interface SpecOutline {
  readonly specfileVersion: number;
  /** Layout v2 binds the tarball here. */
  readonly tarballChecksum: { readonly algorithm: string; readonly hash: string } | undefined;
  /** Its `buildcache_layout_version` as written; undefined if there is none. */
  readonly layoutVersion: unknown;
}

/**
 * Reads a spec document of format `formatVersion`. `node` must consume each node. Specs that Spack migrated from layout v2
 * have the oldest format, with an even older specfile version.
 */
export function readOutline(
  json: Uint8Array,
  formatVersion: number,
  node: (scanner: JsonScanner) => void,
): SpecOutline {
  const scanner = new JsonScanner(json, { maxDepth: maxSpecDepth });
  let specfileVersion: number | undefined;
  let tarballChecksum: SpecOutline['tarballChecksum'];
  let layoutVersion: unknown;
  scanner.object((key) => {
    switch (key) {
      case 'spec':
        scanner.object((specKey) => {
          if (specKey === '_meta') specfileVersion = versionOf(scanner.value(), formatVersion);
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

/**
 * The name, version and hash of a spec's root whose version is too new to read. Throws `JsonError`, or `UserError`
 * `content-invalid` or `name-invalid` if these have moved.
 */
export function readNewerSpec(
  json: Uint8Array,
  formatVersion: number,
): Pick<SpecNode, 'name' | 'version' | 'hash'> {
  let root: Pick<SpecNode, 'name' | 'version' | 'hash'> | undefined;
  let count = 0;
  readOutline(json, formatVersion, (scanner) => {
    count += 1;
    if (count > maxNodes) throw tooManyNodes();
    if (count === 1) root = scanNames(scanner);
    else scanner.skipValue();
  });
  if (root === undefined) throw malformed('it has no nodes');
  return root;
}

function scanNames(scanner: JsonScanner): Pick<SpecNode, 'name' | 'version' | 'hash'> {
  const values = new Map<string, unknown>();
  scanner.object((key) => {
    if (key === 'name' || key === 'version' || key === 'hash') values.set(key, scanner.value());
    else scanner.skipValue();
  });
  const text = (key: string): string => {
    const value = values.get(key);
    if (typeof value !== 'string') throw malformed(`its root has no ${key}`);
    return value;
  };
  const root = { name: text('name'), version: text('version'), hash: text('hash') };
  requireNames(root);
  return root;
}

function versionOf(meta: unknown, formatVersion: number): number {
  const version = typeof meta === 'object' && meta !== null && 'version' in meta ? meta.version : undefined;
  if (typeof version !== 'number' || !Number.isSafeInteger(version) || version < 1) {
    throw malformed('its specfile version is not a number');
  }
  const isAsSaid =
    formatVersion < firstVersionOfItsOwn ? version <= formatVersion : version === formatVersion;
  if (!isAsSaid) {
    throw malformed(
      `its specfile version is ${version}, but it is listed as one of version ${formatVersion}`,
    );
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

export function tooManyNodes(): UserError {
  return malformed(`it has more than ${maxNodes} nodes`);
}

export function malformed(why: string): UserError {
  return new UserError('content-invalid', `the spec is malformed: ${why}`);
}
