import { isDagHash, pathSafe, type SpecNode } from '@slipway/spack-buildcache';

/**
 * File names in a mirror of layout v2, which Spack wrote before 1.0. A spec file and its tarball are both named after
 * the spec: `<platform>-<os>-<target>-<compiler>-<version>-<name>-<version>-<hash>`, here called the stem. Any part may
 * contain `-`, so only the hash can be read from a stem; the spec is compared with the stem instead. Follows
 * `tarball_name` and `tarball_directory_name` of Spack 0.23.
 */

export const prefixV2 = 'build_cache/';
export const indexKeyV2 = 'build_cache/index.json';
export const indexChecksumKeyV2 = 'build_cache/index.json.hash';
const keyPrefixV2 = 'build_cache/_pgp/';
export const keyIndexKeyV2 = `${keyPrefixV2}index.json`;

const unsignedSuffix = '.spec.json';
const signedSuffix = '.spec.json.sig';
const tarballSuffix = '.spack';
const dagHashCharacters = 32;
/** The number of parts of a stem, if none of them contains `-`. */
const minStemParts = 8;
/** Spack wrote these mirrors through a file system, and none allows longer names. */
const maxFileNameCharacters = 255;
const stemPattern = /^[A-Za-z0-9_][A-Za-z0-9_+.-]*$/;
const fingerprintPattern = /^[0-9A-F]{40}$/;

/** What a key in a layout-v2 mirror is, judging by its name alone. */
export type MirrorKeyV2 =
  | { readonly kind: 'spec'; readonly stem: string; readonly dagHash: string; readonly signed: boolean }
  | { readonly kind: 'tarball'; readonly stem: string; readonly dagHash: string }
  | { readonly kind: 'index' }
  | { readonly kind: 'index-checksum' }
  | { readonly kind: 'key'; readonly fingerprint: string }
  | { readonly kind: 'key-index' }
  | { readonly kind: 'unknown' };

/** Classifies `key`; `unknown` unless it has exactly the form of its place. Never throws. */
export function classifyKeyV2(key: string): MirrorKeyV2 {
  if (key === indexKeyV2) return { kind: 'index' };
  if (key === indexChecksumKeyV2) return { kind: 'index-checksum' };
  if (key === keyIndexKeyV2) return { kind: 'key-index' };
  if (!key.startsWith(prefixV2)) return { kind: 'unknown' };
  if (key.startsWith(keyPrefixV2)) {
    const fingerprint = /^(.*)\.pub$/.exec(key.slice(keyPrefixV2.length))?.[1] ?? '';
    return fingerprintPattern.test(fingerprint) ? { kind: 'key', fingerprint } : { kind: 'unknown' };
  }
  const segments = key.slice(prefixV2.length).split('/');
  const fileName = segments.pop() ?? '';
  if (fileName.length > maxFileNameCharacters) return { kind: 'unknown' };
  if (segments.length === 0) {
    const signed = fileName.endsWith(signedSuffix);
    if (!signed && !fileName.endsWith(unsignedSuffix)) return { kind: 'unknown' };
    const stem = fileName.slice(0, -(signed ? signedSuffix : unsignedSuffix).length);
    const dagHash = dagHashOfStem(stem);
    return dagHash === undefined ? { kind: 'unknown' } : { kind: 'spec', stem, dagHash, signed };
  }
  if (segments.length !== 3 || !fileName.endsWith(tarballSuffix)) return { kind: 'unknown' };
  const stem = fileName.slice(0, -tarballSuffix.length);
  const dagHash = dagHashOfStem(stem);
  if (dagHash === undefined || stem !== `${segments.join('-')}-${dagHash}`) return { kind: 'unknown' };
  return { kind: 'tarball', stem, dagHash };
}

function dagHashOfStem(stem: string): string | undefined {
  const dagHash = stem.slice(-dagHashCharacters);
  if (!stemPattern.test(stem) || !isDagHash(dagHash)) return undefined;
  if (stem.at(-dagHashCharacters - 1) !== '-' || stem.split('-').length < minStemParts) return undefined;
  return dagHash;
}

/** Whether a client or an indexer would take `key` for a spec file. */
export function looksLikeSpecV2(key: string): boolean {
  return key.startsWith(prefixV2) && (key.endsWith(unsignedSuffix) || key.endsWith(signedSuffix));
}

/** Whether `key` is named like the specs before layout v2. */
export function looksLikeSpecV1(key: string): boolean {
  return key.startsWith(prefixV2) && key.endsWith('.spec.yaml');
}

export function specKeyV2(stem: string, signed: boolean): string {
  return `${prefixV2}${stem}${signed ? signedSuffix : unsignedSuffix}`;
}

export function publicKeyKeyV2(fingerprint: string): string {
  return `${keyPrefixV2}${fingerprint}.pub`;
}

/** Where a spec's files belong. */
export interface LocationV2 {
  readonly stem: string;
  readonly tarballKey: string;
}

/** The parts of a node that determine where its files are. */
export type LocatableNode = Pick<
  SpecNode,
  'name' | 'version' | 'hash' | 'platform' | 'operatingSystem' | 'target' | 'compiler'
>;

/**
 * Where the files of this node belong; `find` looks up the node of a compiler. The key stays under `build_cache`
 * however hostile the node is: `/` becomes `_`, and every segment contains `-`, so none is `.` or `..`.
 */
export function locateV2(
  node: LocatableNode,
  find: (hash: string) => { readonly name: string; readonly version: string } | undefined,
): LocationV2 {
  const directories = [
    `${node.platform}-${node.operatingSystem}-${node.target}`,
    compilerOf(node, find),
    `${node.name}-${node.version}`,
  ].map(pathSafe);
  const stem = `${directories.join('-')}-${node.hash}`;
  return { stem, tarballKey: `${prefixV2}${directories.join('/')}/${stem}${tarballSuffix}` };
}

function compilerOf(
  { compiler }: LocatableNode,
  find: (hash: string) => { readonly name: string; readonly version: string } | undefined,
): string {
  if (compiler === undefined) return 'none-none';
  if ('label' in compiler) {
    const [name = '', ...version] = compiler.label.split('@');
    return `${name}-${version.join('@')}`;
  }
  const node = find(compiler.hash);
  return node === undefined ? 'none-none' : `${node.name}-${node.version}`;
}
