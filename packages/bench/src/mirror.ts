import { createHash } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readdirSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { InternalError, mapConcurrently, UserError } from '@slipway/core';
import type { Signer } from '@slipway/signing';
import {
  blobKey,
  formatKeyIndex,
  formatManifest,
  type IndexableNode,
  indexManifestKey,
  keyIndexManifestKey,
  keyManifestKey,
  layoutDocument,
  layoutKey,
  mediaTypes,
  PackageIndex,
  singleBlobManifest,
} from '@slipway/spack-buildcache';
import { makeEntry } from './entry.ts';
import { type CopiedNode, Environment } from './environment.ts';

/** Entries worked on at once: enough to keep the compressing and signing threads busy. */
const entriesAtOnce = 16;

export interface MirrorOptions {
  /** New or empty. */
  readonly directory: string;
  readonly entryCount: number;
  /** The first entry's place in the endless series, so that two mirrors can be disjoint. */
  readonly firstEntry: number;
  readonly seed: number;
  /** Bytes in each tarball that do not compress. */
  readonly payloadBytes: number;
  /** Signs the manifests; its public key is stored too. */
  readonly signer?: Signer | undefined;
  readonly index: boolean;
}

export interface GeneratedMirror {
  readonly entryCount: number;
  readonly fileCount: number;
  readonly sizeBytes: number;
}

/**
 * Writes a mirror of layout v3 with these entries of the series: copy after copy of the environment, dependencies before their
 * dependents, so that the first entries of the series are a closed mirror however many they are. Deterministic except for
 * signatures. Memory does not grow with the mirror, except that an index keeps about 2 KB per entry. Throws `UserError`
 * `input-invalid` if the directory is not empty.
 */
export async function generateMirror(options: MirrorOptions): Promise<GeneratedMirror> {
  const writer = new MirrorWriter(options.directory);
  writer.write(layoutKey, layoutDocument);
  const environment = Environment.read();
  const indexed = options.index ? new IndexedEntries() : undefined;
  await mapConcurrently(closuresOf(environment, options), entriesAtOnce, async (closure) => {
    const entry = await makeEntry(closure, options.payloadBytes);
    const manifest = await options.signer?.clearSign(entry.manifest);
    writer.writeBlob(entry.tarball);
    writer.writeBlob(entry.spec);
    writer.write(entry.manifestKey, manifest ?? entry.manifest);
    indexed?.add(entry.manifestKey, closure);
  });
  if (options.signer !== undefined) writeKey(writer, options.signer);
  if (indexed !== undefined) writeIndex(writer, indexed.toIndex());
  return { entryCount: options.entryCount, fileCount: writer.fileCount, sizeBytes: writer.sizeBytes };
}

function* closuresOf(environment: Environment, options: MirrorOptions): Generator<CopiedNode[]> {
  const { packages, closures } = environment;
  let copyNumber = -1;
  let nodes: readonly CopiedNode[] = [];
  const end = options.firstEntry + options.entryCount;
  for (let entry = options.firstEntry; entry < end; entry += 1) {
    const wanted = Math.floor(entry / packages.length);
    if (wanted !== copyNumber) {
      copyNumber = wanted;
      nodes = environment.copy(copyNumber, options.seed).nodes;
    }
    const closure = closures[packages[entry % packages.length] ?? -1] ?? [];
    yield closure.map((index) => nodes[index] ?? outsideOfCopy(index));
  }
}

function outsideOfCopy(index: number): never {
  throw new InternalError(`a copy has no node ${index}`);
}

/** The data of the entries written so far that an index needs. */
class IndexedEntries {
  readonly #nodes = new Map<string, IndexableNode>();
  readonly #roots = new Map<string, string>();

  add(manifestKey: string, closure: readonly CopiedNode[]): void {
    for (const { hash, dependencies, json } of closure) {
      if (this.#nodes.has(hash)) continue;
      const edges = dependencies.map((dependency) => ({ hash: dependency, deptypes: 0 }));
      this.#nodes.set(hash, { hash, dependencies: edges, json: Buffer.from(json) });
    }
    this.#roots.set(manifestKey, closure[0]?.hash ?? '');
  }

  /** In the order of the manifests' keys. */
  toIndex(): PackageIndex {
    const index = new PackageIndex();
    const roots = [...this.#roots].sort(([left], [right]) => (left < right ? -1 : 1));
    for (const [, hash] of roots) index.addEntry(hash, (wanted) => this.#nodes.get(wanted));
    return index;
  }
}

function writeKey(writer: MirrorWriter, signer: Signer): void {
  const { armored, fingerprint } = signer.publicKey;
  const key = Buffer.from(armored);
  const keyIndex = Buffer.from(formatKeyIndex([fingerprint]));
  writer.writePointer(keyManifestKey(fingerprint), mediaTypes.key, key);
  writer.writePointer(keyIndexManifestKey, mediaTypes.keyIndex, keyIndex);
}

function writeIndex(writer: MirrorWriter, index: PackageIndex): void {
  const { sha256, sizeBytes } = writer.writeStreamedBlob(index.serialize());
  const manifest = singleBlobManifest(mediaTypes.index, sizeBytes, sha256);
  writer.write(indexManifestKey(undefined), formatManifest(manifest));
}

/** Writes objects of a mirror as files. */
class MirrorWriter {
  readonly #directory: string;
  readonly #made = new Set<string>();
  fileCount = 0;
  sizeBytes = 0;

  constructor(directory: string) {
    mkdirSync(directory, { recursive: true });
    if (readdirSync(directory).length > 0) {
      throw new UserError('input-invalid', `${directory} is not empty`, {
        hint: 'Name a new or empty directory.',
      });
    }
    this.#directory = directory;
  }

  /** The path of a key, whose directory exists. */
  #place(key: string): string {
    const path = join(this.#directory, key);
    const parent = dirname(path);
    if (!this.#made.has(parent)) {
      mkdirSync(parent, { recursive: true });
      this.#made.add(parent);
    }
    return path;
  }

  // Synchronous: the files are small, and the threads that could write them are compressing.
  write(key: string, content: string | Uint8Array): void {
    writeFileSync(this.#place(key), content, { flag: 'wx' });
    this.fileCount += 1;
    this.sizeBytes += content.length;
  }

  writeBlob(blob: { readonly sha256: string; readonly bytes: Uint8Array }): void {
    this.write(blobKey(blob.sha256), blob.bytes);
  }

  /** A blob with the manifest that points at it. */
  writePointer(manifestKey: string, mediaType: Parameters<typeof singleBlobManifest>[0], bytes: Uint8Array) {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    this.writeBlob({ sha256, bytes });
    this.write(manifestKey, formatManifest(singleBlobManifest(mediaType, bytes.length, sha256)));
  }

  /** A blob whose hash is known only after writing. */
  writeStreamedBlob(chunks: Iterable<Uint8Array>): { readonly sha256: string; readonly sizeBytes: number } {
    const partPath = this.#place('blobs/index.part');
    const hash = createHash('sha256');
    let sizeBytes = 0;
    const file = openSync(partPath, 'wx');
    try {
      for (const chunk of chunks) {
        hash.update(chunk);
        writeSync(file, chunk);
        sizeBytes += chunk.length;
      }
    } finally {
      closeSync(file);
    }
    const sha256 = hash.digest('hex');
    renameSync(partPath, this.#place(blobKey(sha256)));
    this.fileCount += 1;
    this.sizeBytes += sizeBytes;
    return { sha256, sizeBytes };
  }
}
