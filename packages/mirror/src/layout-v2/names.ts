import { isDagHash, pathSafe, type SpecNode } from '@slipway/spack-buildcache';

/**
 * Where things are in a mirror of layout v2, which Spack wrote before 1.0. The names of a spec file and of its tarball
 * are made of the spec: `<platform>-<os>-<target>-<compiler>-<version>-<name>-<version>-<hash>`, called the stem here.
 * Every part of it may have a `-` in it, so nothing but the hash can be read out of a stem; what is in a spec is held
 * against the stem instead. Follows `tarball_name` and `tarball_directory_name` of Spack 0.23.
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
/** The parts of a stem, if none of them has a `-` in it. */
const minStemParts = 8;
/** No file system has longer names, and Spack wrote these mirrors through one. */
const maxFileNameCharacters = 255;
const stemPattern = /^[A-Za-z0-9_][A-Za-z0-9_+.-]*$/;
const fingerprintPattern = /^[0-9A-F]{40}$/;

/** What a key under a layout-v2 mirror is, judged by its name alone. */
export type MirrorKeyV2 =
  | { readonly kind: 'spec'; readonly stem: string; readonly dagHash: string; readonly signed: boolean }
  | { readonly kind: 'tarball'; readonly stem: string; readonly dagHash: string }
  | { readonly kind: 'index' }
  | { readonly kind: 'index-checksum' }
  | { readonly kind: 'key'; readonly fingerprint: string }
  | { readonly kind: 'key-index' }
  | { readonly kind: 'unknown' };

/** What `key` is. Whatever does not have exactly the form of its place is `unknown`. Never throws. */
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

/** Whether a client, or a tool that makes an index, would take `key` for a spec file by the end of its name. */
export function looksLikeSpecV2(key: string): boolean {
  return key.startsWith(prefixV2) && (key.endsWith(unsignedSuffix) || key.endsWith(signedSuffix));
}

/** Whether `key` is named as specs were before layout v2. */
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

/** What of a node decides where its files are. */
export type LocatableNode = Pick<
  SpecNode,
  'name' | 'version' | 'hash' | 'platform' | 'operatingSystem' | 'target' | 'compiler'
>;

/**
 * Where the files of this node belong; `find` gives the node of a compiler. However hostile the node is, the key stays
 * under `build_cache`: a `/` becomes `_`, and as every segment has a `-` in it, none is `.` or `..`.
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
