/**
 * File names in a mirror: layout v3 of Spack 1.x, and Slipway's own directory beside it. A key is a path under the mirror's
 * URL. Follows `URLBuildcacheEntry` of Spack 1.2.
 */

export const layoutKey = 'v3/layout.json';
/** What Spack writes there; clients only check that it exists. */
export const layoutDocument = '{"signing": "gpg"}';

export const specManifestPrefix = 'v3/manifests/spec/';
export const indexManifestPrefix = 'v3/manifests/index/';
export const keyManifestPrefix = 'v3/manifests/key/';
export const blobPrefix = 'blobs/sha256/';
export const keyIndexManifestKey = `${keyManifestPrefix}keys.manifest.json`;

/** Replaced index pointers, and publishes in progress. Spack never looks here. */
export const historyPrefix = 'slipway/index-history/';
export const pendingPrefix = 'slipway/pending/';

const specManifestSuffix = '.spec.manifest.json';
const keyManifestSuffix = '.key.manifest.json';
const dagHashPattern = /^[a-z2-7]{32}$/;
const sha256Pattern = /^[0-9a-f]{64}$/;
const fingerprintPattern = /^[0-9A-F]{40}$/;
const viewPattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$/;
const packageNamePattern = /^[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}$/;
/**
 * Parts between slashes: none is empty, `.` or `..`, or contains a backslash, white space, control or format characters.
 */
const versionPattern = /^(?!\.{0,2}(?:\/|$))(?!.*\/\.{0,2}(?:\/|$))[^\\\p{C}\p{Z}]+$/u;
/** The longest file name allowed, minus what surrounds a version in the name of a manifest. */
const maxVersionCharacters = 180;

/** Whether `text` is a DAG hash: 32 characters of lower-case base 32. */
export function isDagHash(text: string): boolean {
  return dagHashPattern.test(text);
}

/** Whether `text` is a SHA-256 as 64 lower-case hex digits. */
export function isSha256(text: string): boolean {
  return sha256Pattern.test(text);
}

/** Whether `text` can name a view: one path segment that is neither hidden nor an option. */
export function isViewName(text: string): boolean {
  return viewPattern.test(text);
}

export function isPackageName(text: string): boolean {
  return packageNamePattern.test(text);
}

/**
 * Whether `text` can be a spec's version, which is a name and must not lead to another directory. Git versions may contain
 * almost anything, as in `git.feature/x=1.0`; file names have `_` for characters they cannot contain (`pathSafe`).
 */
export function isVersion(text: string): boolean {
  return text.length <= maxVersionCharacters && versionPattern.test(text);
}

export function blobKey(sha256: string): string {
  return `${blobPrefix}${sha256.slice(0, 2)}/${sha256}`;
}

/** Like Spack's `format_path`: each code point that a file name cannot contain becomes `_`. */
export function pathSafe(text: string): string {
  return text.replace(/[^A-Za-z0-9_+.-]/gu, '_');
}

/** The key under which Spack looks for this spec's manifest. */
export function specManifestKey(spec: {
  readonly name: string;
  readonly version: string;
  readonly hash: string;
}): string {
  const fileName = `${pathSafe(spec.name)}-${pathSafe(spec.version)}-${spec.hash}`;
  return `${specManifestPrefix}${spec.name}/${fileName}${specManifestSuffix}`;
}

/** The key of the pointer to the package index of a view, or to the main index. */
export function indexManifestKey(view: string | undefined): string {
  return view === undefined
    ? `${indexManifestPrefix}index.manifest.json`
    : `${indexManifestPrefix}${view}/index.manifest.json`;
}

export function keyManifestKey(fingerprint: string): string {
  return `${keyManifestPrefix}${fingerprint}${keyManifestSuffix}`;
}

/**
 * The highest generation an index can have. No mirror gets near it; a pointer that claims more is not Slipway's, so nobody
 * can block further generations.
 */
export const maxGeneration = 999_999_999;

/**
 * Where the pointer of this generation is kept. Zero-padded so that keys sort by generation; the name includes `isSigned`,
 * so that signed pointers are found without reading all of them.
 */
export function historyKey(
  view: string | undefined,
  generation: number,
  blobSha256: string,
  isSigned: boolean,
): string {
  const name = `${String(generation).padStart(10, '0')}-${blobSha256.slice(0, 16)}`;
  return `${historyPrefixOf(view)}${name}${isSigned ? '.signed' : ''}.json`;
}

/** An index's name in its pointer and in the history. No view can have the main one's name. */
export function indexNameOf(view: string | undefined): string {
  return view ?? '@main';
}

export function historyPrefixOf(view: string | undefined): string {
  return `${historyPrefix}${indexNameOf(view)}/`;
}

export function pendingKey(publishId: string): string {
  return `${pendingPrefix}${publishId}.json`;
}

/** What a key in a mirror is, judging by its name alone. */
export type MirrorKey =
  | {
      readonly kind: 'spec-manifest';
      readonly packageName: string;
      readonly fileStem: string;
      readonly dagHash: string;
    }
  | { readonly kind: 'index-manifest'; readonly view: string | undefined }
  | { readonly kind: 'key-manifest'; readonly fingerprint: string }
  | { readonly kind: 'key-index-manifest' }
  | { readonly kind: 'blob'; readonly sha256: string }
  | { readonly kind: 'layout' }
  | {
      readonly kind: 'history';
      readonly view: string | undefined;
      readonly generation: number;
      readonly isSigned: boolean;
    }
  | { readonly kind: 'pending'; readonly publishId: string }
  | { readonly kind: 'unknown' };

/** Classifies `key`; `unknown` unless it has exactly the form of its place. Never throws. */
export function classifyKey(key: string): MirrorKey {
  if (key.startsWith(blobPrefix)) {
    const [bucket = '', sha256 = '', ...rest] = key.slice(blobPrefix.length).split('/');
    if (rest.length === 0 && isSha256(sha256) && sha256.startsWith(bucket) && bucket.length === 2) {
      return { kind: 'blob', sha256 };
    }
    return { kind: 'unknown' };
  }
  if (key.startsWith(specManifestPrefix)) return classifySpecManifest(key.slice(specManifestPrefix.length));
  if (key.startsWith(indexManifestPrefix)) {
    const rest = key.slice(indexManifestPrefix.length);
    if (rest === 'index.manifest.json') return { kind: 'index-manifest', view: undefined };
    const [view = '', file, ...more] = rest.split('/');
    if (more.length === 0 && file === 'index.manifest.json' && isViewName(view))
      return { kind: 'index-manifest', view };
    return { kind: 'unknown' };
  }
  if (key === keyIndexManifestKey) return { kind: 'key-index-manifest' };
  if (key.startsWith(keyManifestPrefix) && key.endsWith(keyManifestSuffix)) {
    const fingerprint = key.slice(keyManifestPrefix.length, -keyManifestSuffix.length);
    return fingerprintPattern.test(fingerprint) ? { kind: 'key-manifest', fingerprint } : { kind: 'unknown' };
  }
  if (key === layoutKey) return { kind: 'layout' };
  if (key.startsWith(historyPrefix)) {
    return classifyHistory(key.slice(historyPrefix.length));
  }
  const pending = /^slipway\/pending\/([0-9a-f]{32})\.json$/.exec(key);
  if (pending?.[1] !== undefined) return { kind: 'pending', publishId: pending[1] };
  return { kind: 'unknown' };
}

function classifyHistory(path: string): MirrorKey {
  const match = /^(@main|[^/@]+)\/(\d{10})-[0-9a-f]{16}(\.signed)?\.json$/.exec(path);
  const name = match?.[1];
  const generation = Number(match?.[2]);
  if (name === undefined || (name !== '@main' && !isViewName(name)) || generation > maxGeneration) {
    return { kind: 'unknown' };
  }
  const isSigned = match?.[3] !== undefined;
  return { kind: 'history', view: name === '@main' ? undefined : name, generation, isSigned };
}

function classifySpecManifest(path: string): MirrorKey {
  const [packageName = '', fileName = '', ...rest] = path.split('/');
  const fileStem = fileName.slice(0, -specManifestSuffix.length);
  const dagHash = fileStem.slice(-32);
  const wellFormed =
    rest.length === 0 &&
    fileName.endsWith(specManifestSuffix) &&
    isPackageName(packageName) &&
    isDagHash(dagHash) &&
    /^[A-Za-z0-9_+.-]+$/.test(fileStem) &&
    fileStem.startsWith(`${packageName}-`) &&
    fileStem.at(-33) === '-';
  return wellFormed ? { kind: 'spec-manifest', packageName, fileStem, dagHash } : { kind: 'unknown' };
}
