import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { InternalError } from '@slipway/core';
import {
  blobKey,
  findRecord,
  indexManifestKey,
  mediaTypes,
  PackageIndex,
  parseManifest,
  specManifestPrefix,
} from '@slipway/spack-buildcache';
import { linkedCopy } from './workspace.ts';

const indexPointer = indexManifestKey(undefined);

/** Makes `target` a copy of a mirror without its index. */
export function copyWithoutIndex(mirror: string, target: string): void {
  linkedCopy(mirror, target);
  rmSync(join(target, blobKey(indexChecksum(target))));
  rmSync(join(target, indexPointer));
}

function indexChecksum(mirror: string): string {
  const manifest = parseManifest(readFileSync(join(mirror, indexPointer), 'utf8'));
  const checksum = findRecord(manifest, mediaTypes.index)?.checksum;
  if (checksum === undefined) throw new InternalError('the index pointer of a mirror does not name an index');
  return checksum;
}

/** Throws unless the main index of the mirror has this many binaries. */
export function requireIndexed(mirror: string, entryCount: number): void {
  const index = PackageIndex.parse(readFileSync(join(mirror, blobKey(indexChecksum(mirror)))));
  if (index.entryCount !== entryCount) {
    throw new InternalError(`the index has ${index.entryCount} entries instead of ${entryCount}`);
  }
}

/** Throws unless a sample of the copy's manifests is signed, and its source still is not. */
export function requireSigned(copy: string, source: string): void {
  const isSigned = (path: string): boolean =>
    readFileSync(path, 'utf8').includes('-----BEGIN PGP SIGNATURE-----');
  if (!manifestSample(copy, 50).every(isSigned)) throw new InternalError('a manifest was not signed');
  if (manifestSample(source, 50).some(isSigned)) {
    throw new InternalError('signing a copy has changed its source');
  }
}

/** Paths of up to `count` spec manifests, spread over the mirror. */
export function manifestSample(mirror: string, count: number): string[] {
  const specs = join(mirror, specManifestPrefix);
  const paths = readdirSync(specs, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.spec.manifest.json'))
    .sort();
  const step = Math.max(1, Math.floor(paths.length / count));
  return paths
    .filter((_, index) => index % step === 0)
    .slice(0, count)
    .map((path) => join(specs, path));
}
