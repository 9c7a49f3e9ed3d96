import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import {
  layoutDocument,
  layoutKey,
  mediaTypes,
  pathSafe,
  specManifestKey,
  specMediaType,
} from '@slipway/spack-buildcache';
import { pack } from 'tar-stream';
import type { TestSigner } from './clear-sign.ts';
import { writeBlob, writeManifest, writeObject } from './mirror-files.ts';

const architecture = { platform: 'linux', platform_os: 'debian12', target: 'x86_64_v3' };
const installRoot = 'opt/spack/opt/spack/linux-x86_64_v3';

/** A binary that was put into a mirror by `addEntry`. */
export interface SyntheticEntry {
  readonly name: string;
  readonly version: string;
  readonly hash: string;
  readonly manifestKey: string;
  /** JSON of this node and of its whole closure by DAG hash, this one first. */
  readonly nodes: ReadonlyMap<string, string>;
  readonly tarballSha256: string;
  readonly specSha256: string;
}

export interface EntryOptions {
  readonly name: string;
  readonly version?: string;
  readonly dependencies?: readonly {
    readonly entry: SyntheticEntry;
    readonly deptypes?: readonly string[];
  }[];
  /** Variants, which give packages of the same name and version different hashes. */
  readonly parameters?: Readonly<Record<string, string | boolean>>;
  /** The version of the specfile format; 5 by default. */
  readonly specfile?: number;
  /** The version of the format in which the node was first written; that of the specfile by default. */
  readonly asOriginal?: number;
  /** Virtuals that it provides, which nodes list since version 6. */
  readonly provides?: readonly string[];
  /** Installed files other than `.spack/spec.json`, by their path under the prefix. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** Signs the manifest; without it the manifest is unsigned. */
  readonly signer?: TestSigner;
}

/**
 * Puts one package into a mirror or staged tree as Spack would have: a node with the right DAG hash, a spec blob with its closure,
 * a tarball of an installed prefix, and the manifest. The same options produce the same bytes.
 */
export async function addEntry(directory: string, options: EntryOptions): Promise<SyntheticEntry> {
  const { name, version = '1.0', dependencies = [], parameters = {}, specfile = 5 } = options;
  const { hash, json } = specNode({
    name,
    version,
    arch: architecture,
    namespace: 'demo',
    parameters: {
      build_system: 'generic',
      ...parameters,
      cflags: [],
      cppflags: [],
      cxxflags: [],
      fflags: [],
      ldflags: [],
      ldlibs: [],
    },
    package_hash: `${base32(createHash('sha256').update(name).digest())}====`,
    ...(options.provides === undefined ? {} : { provided_virtuals: options.provides }),
    ...(dependencies.length === 0
      ? {}
      : {
          dependencies: dependencies.map(({ entry, deptypes = ['build', 'link'] }) => ({
            name: entry.name,
            hash: entry.hash,
            parameters: { deptypes, virtuals: [] },
          })),
        }),
    annotations: { original_specfile_version: options.asOriginal ?? specfile },
  });
  const nodes = new Map([[hash, json]]);
  for (const { entry } of dependencies) for (const [key, value] of entry.nodes) nodes.set(key, value);
  const tarball = await packPrefix(`${name}-${pathSafe(version)}-${hash}`, {
    '.spack/spec.json': `${specText([...nodes.values()], specfile)}}`,
    'share/name.txt': `${name} ${version}\n`,
    ...options.files,
    // Spack takes the directory that contains this as the prefix.
    '.spack/binary_distribution': `{buildpath: /${installRoot}, relocate_textfiles: []}\n`,
  });
  const spec = gzipSync(`${specText([...nodes.values()], specfile)},"buildcache_layout_version":2}`, {
    level: 6,
  });
  const tarballRecord = writeBlob(directory, tarball, mediaTypes.tarball, 'gzip');
  const specRecord = writeBlob(directory, spec, specMediaType(specfile), 'gzip');
  const manifestKey = specManifestKey({ name, version, hash });
  await writeManifest(
    directory,
    manifestKey,
    { version: 3, data: [tarballRecord, specRecord] },
    options.signer,
  );
  return {
    name,
    version,
    hash,
    manifestKey,
    nodes,
    tarballSha256: tarballRecord.checksum,
    specSha256: specRecord.checksum,
  };
}

export interface StagedPackages {
  readonly count: number;
  /** The packages are named `<prefix>-0`, `<prefix>-1`, … */
  readonly prefix: string;
  /** How many packages each of them depends on; these are the same for every prefix, byte for byte. */
  readonly sharedDependencies?: number;
  readonly signer?: TestSigner;
}

/** Stages many small packages, shared dependencies first. Returns all of them. */
export async function stagePackages(directory: string, options: StagedPackages): Promise<SyntheticEntry[]> {
  const { count, prefix, sharedDependencies = 0, signer } = options;
  const signing = signer === undefined ? {} : { signer };
  writeObject(directory, layoutKey, layoutDocument);
  const shared: SyntheticEntry[] = [];
  for (let index = 0; index < sharedDependencies; index += 1) {
    shared.push(await addEntry(directory, { name: `shared-${index}`, ...signing }));
  }
  const own: SyntheticEntry[] = [];
  for (let index = 0; index < count; index += 1) {
    const dependencies = shared.map((entry) => ({ entry }));
    own.push(await addEntry(directory, { name: `${prefix}-${index}`, dependencies, ...signing }));
  }
  return [...shared, ...own];
}

/** A node with its DAG hash, which is the SHA-1 of its JSON without the hash, in base 32. */
export function specNode(node: Readonly<Record<string, unknown>>): {
  readonly hash: string;
  readonly json: string;
} {
  const text = JSON.stringify(node);
  const hash = base32(createHash('sha1').update(text).digest());
  return { hash, json: `${text.slice(0, -1)},"hash":"${hash}"}` };
}

/** The beginning of a spec document, which the caller closes with `}` or continues with another key. */
function specText(nodes: readonly string[], specfile: number): string {
  return `{"spec":{"_meta":{"version":${specfile}},"nodes":[${nodes.join(',')}]}`;
}

/** A tarball of an installed prefix: the directories on the way to it, then its files, with the dates of 1970. */
export async function packPrefix(
  prefixName: string,
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<Buffer> {
  const archive = pack();
  const seen = new Set<string>();
  const mtime = new Date(0);
  for (const [path, body] of Object.entries(files)) {
    const segments = `${installRoot}/${prefixName}/${path}`.split('/');
    for (let length = 1; length < segments.length; length += 1) {
      const name = `${segments.slice(0, length).join('/')}/`;
      if (seen.has(name)) continue;
      seen.add(name);
      archive.entry({ name, type: 'directory', mode: 0o755, mtime });
    }
    archive.entry({ name: segments.join('/'), mode: 0o644, mtime }, Buffer.from(body));
  }
  archive.finalize();
  return gzipSync(await buffer(archive), { level: 6 });
}

/** Lower-case base 32 of RFC 4648 without padding. */
function base32(bytes: Uint8Array): string {
  const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';
  let text = '';
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += alphabet[(value >> bits) & 31];
    }
  }
  return bits === 0 ? text : text + alphabet[(value << (5 - bits)) & 31];
}
