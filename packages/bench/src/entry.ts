import { createCipheriv, createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { InternalError } from '@slipway/core';
import { formatManifest, mediaTypes, specManifestKey } from '@slipway/spack-buildcache';
import type { CopiedNode } from './environment.ts';
import { tarArchive } from './tarball.ts';

const gzipBytes = promisify(gzip);
/** Level, empty file name and no time, as Spack compresses. */
const gzipOptions = { level: 6 } as const;

/** Bytes with the SHA-256 under which they are stored. */
export interface Blob {
  readonly sha256: string;
  readonly bytes: Uint8Array;
}

/** One binary of a mirror, ready to be stored. */
export interface Entry {
  readonly manifestKey: string;
  /** Unsigned. */
  readonly manifest: string;
  readonly tarball: Blob;
  readonly spec: Blob;
}

/**
 * The entry of a spec given as its closure, root first. The tarball holds `payloadBytes` that do not compress besides
 * Spack's own files.
 */
export async function makeEntry(closure: readonly CopiedNode[], payloadBytes: number): Promise<Entry> {
  const [root] = closure;
  if (root === undefined) throw new InternalError('a closure has no root');
  const spec = `{"spec":{"_meta":{"version":5},"nodes":[${closure.map((node) => node.json).join(',')}]}`;
  const [tarball, specBlob] = await Promise.all([
    compress(packInstallation(root, `${spec}}`, payloadBytes)),
    compress(Buffer.from(`${spec},"buildcache_layout_version":2}`)),
  ]);
  const manifest = formatManifest({
    version: 3,
    data: [
      { ...blobRecord(tarball), mediaType: mediaTypes.tarball },
      { ...blobRecord(specBlob), mediaType: mediaTypes.spec },
    ],
  });
  return { manifestKey: specManifestKey(root), manifest, tarball, spec: specBlob };
}

async function compress(content: Uint8Array): Promise<Blob> {
  const bytes = await gzipBytes(content, gzipOptions);
  return { sha256: createHash('sha256').update(bytes).digest('hex'), bytes };
}

function blobRecord({ bytes, sha256 }: Blob) {
  return { contentLength: bytes.length, compression: 'gzip', checksumAlgorithm: 'sha256', checksum: sha256 };
}

/** The members in the order in which Spack packs them: its own files first, how to relocate them last. */
function packInstallation(root: CopiedNode, specFile: string, payloadBytes: number): Buffer {
  const installation = `${root.platformDirectory}/${root.name}-${root.version}-${root.hash}`;
  const prefix = `opt/spack/${installation}/`;
  const distribution = `{sbang_install_path: /opt/spack/bin/sbang, buildpath: /opt/spack, spackprefix: /opt/spack, relative_prefix: ${installation}, hardlinks_deduped: true, hash_to_prefix: {${root.hash}: /opt/spack/${installation}}, relocate_binaries: [], relocate_links: [], relocate_textfiles: []}\n`;
  return tarArchive([
    { path: 'opt/' },
    { path: 'opt/spack/' },
    { path: `opt/spack/${root.platformDirectory}/` },
    { path: prefix },
    { path: `${prefix}.spack/` },
    { path: `${prefix}.spack/spec.json`, body: Buffer.from(specFile) },
    { path: `${prefix}bin/` },
    { path: `${prefix}bin/${root.name}`, body: noise(root.hash, payloadBytes), executable: true },
    { path: `${prefix}.spack/binary_distribution`, body: Buffer.from(distribution) },
  ]);
}

/** Bytes that do not compress, always the same for one seed. */
function noise(seed: string, sizeBytes: number): Buffer {
  const key = createHash('sha256').update(seed).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(sizeBytes));
}
