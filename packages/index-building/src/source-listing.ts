import type { ObjectInfo } from '@slipway/core';
import type { SourceFile } from '@slipway/simple-index';

/** The directories that are below no other. */
export function withoutNested(directories: readonly string[]): readonly string[] {
  const unique = [...new Set(directories)];
  return unique.filter(
    (directory) =>
      !unique.some((other) => other !== directory && (other === '' || directory.startsWith(`${other}/`))),
  );
}

/** The ETag that a store gave for an object; undefined if its listing has none. */
export function storeEtag({ etag, sizeBytes }: Pick<SourceFile, 'etag' | 'sizeBytes'>): string | undefined {
  return etag.startsWith(`${sizeBytes}-`) && /^\d+-\d+$/.test(etag) ? undefined : etag;
}

/** An object as a listing shows it. */
export function sourceFile({ key, sizeBytes, etag, modifiedAtMs }: ObjectInfo): SourceFile {
  // A directory knows no ETags without reading its files: what identifies a file there is its size and the time of its last write.
  return {
    key,
    sizeBytes,
    etag: etag ?? `${sizeBytes}-${modifiedAtMs ?? 0}`,
    modifiedAtMs: modifiedAtMs ?? 0,
  };
}
