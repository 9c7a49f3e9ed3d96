import { JsonScanner, UserError } from '@slipway/core';
import { isSha256, readSpecDocument, type SpecNode } from '@slipway/spack-buildcache';
import { type LocationV2, locateV2 } from './names.ts';

/** A spec file of layout v2 holds one spec with its closure; larger files are not read. */
export const maxSpecFileBytes = 16 * 1024 * 1024;
const maxSpecDepth = 32;
const maxLayoutVersion = 2;

export interface SpecFileV2 {
  readonly root: SpecNode;
  /** The root and its whole closure. */
  readonly nodes: readonly SpecNode[];
  /** Where the root's files belong. */
  readonly location: LocationV2;
  /**
   * SHA-256 of the tarball; undefined for files from before Spack 0.19 (buildcache layout 0), which hash something
   * inside the tarball.
   */
  readonly tarballSha256: string | undefined;
}

/**
 * Reads the JSON of a spec file strictly. Each file is read on its own: releases of Spack wrote the same node with
 * different white space and fields, so bytes are not compared between files. Throws `JsonError` or `UserError`
 * `content-invalid` or `name-invalid`.
 */
export function parseSpecFile(json: Uint8Array): SpecFileV2 {
  const document = readSpecDocument(json);
  const byHash = new Map(document.fresh.map((node) => [node.hash, node]));
  const root = byHash.get(document.root.hash);
  if (root === undefined) throw malformed('it has no root');
  const layoutVersion = layoutVersionOf(json);
  const { tarballChecksum } = document;
  if (tarballChecksum === undefined)
    throw malformed('it has no binary_cache_checksum, so nothing ties it to a tarball');
  if (tarballChecksum.algorithm !== 'sha256' || !isSha256(tarballChecksum.hash))
    throw malformed('its binary_cache_checksum is not a SHA-256');
  return {
    root,
    nodes: document.fresh,
    location: locateV2(root, (hash) => byHash.get(hash)),
    tarballSha256: layoutVersion === 0 ? undefined : tarballChecksum.hash,
  };
}

/** The layout version of an already checked document; 0 if it has none. */
function layoutVersionOf(json: Uint8Array): number {
  const scanner = new JsonScanner(json, { maxDepth: maxSpecDepth });
  let version: unknown = 0;
  scanner.object((key) => {
    if (key === 'buildcache_layout_version') version = scanner.value();
    else scanner.skipValue();
  });
  if (typeof version !== 'number' || !Number.isSafeInteger(version) || version < 0)
    throw malformed('its buildcache_layout_version is not a number');
  if (version > maxLayoutVersion) throw malformed(`its buildcache layout is ${version}, not 0, 1 or 2`);
  return version;
}

function malformed(why: string): UserError {
  return new UserError('content-invalid', `the spec is malformed: ${why}`);
}
