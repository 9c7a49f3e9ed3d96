import { type ObjectInfo, type ObjectStore, UserError } from '@slipway/core';
import type { SourceFile } from '@slipway/simple-index';

export interface SourceListing {
  readonly files: readonly SourceFile[];
  /** Keys at which the next listing may be split into parts of about the same length. */
  readonly splits: readonly string[];
}

export interface ListingOptions {
  /** Directories to list, without slashes at their ends; empty for the whole store. */
  readonly directories: readonly string[];
  /** The splits of an earlier listing. */
  readonly splits?: readonly string[] | undefined;
  readonly maxFiles: number;
  /** Which objects are kept. By default all. */
  readonly isKept?: ((key: string) => boolean) | undefined;
  readonly onFiles?: ((count: number) => void) | undefined;
}

/** Each part of the next listing has about as many pages of 1,000 keys. */
const keysInPart = 5_000;

/**
 * Lists the objects in some directories of a store, each once although the directories overlap, in the order of their keys. Throws
 * `UserError` `too-large` for more than `maxFiles`, and what `list` throws: half a listing is never returned.
 */
export async function listSource(
  store: ObjectStore,
  { directories, splits, maxFiles, isKept = () => true, onFiles }: ListingOptions,
): Promise<SourceListing> {
  const files: SourceFile[] = [];
  for (const directory of withoutNested(directories)) {
    const prefix = directory === '' ? '' : `${directory}/`;
    for await (const info of store.list(prefix, { splits })) {
      if (!isKept(info.key)) continue;
      if (files.length >= maxFiles) {
        throw new UserError('too-large', `The source has more than ${maxFiles} objects to index.`, {
          hint: 'Are these the right prefixes?',
        });
      }
      files.push(sourceFile(info));
      if (files.length % 1_000 === 0) onFiles?.(1_000);
    }
  }
  onFiles?.(files.length % 1_000);
  files.sort((one, other) => (one.key < other.key ? -1 : 1));
  return { files, splits: splitsOf(files) };
}

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

function splitsOf(files: readonly SourceFile[]): readonly string[] {
  const splits: string[] = [];
  for (let at = keysInPart; at < files.length; at += keysInPart) {
    const key = files[at]?.key ?? '';
    if (/^[ -~]+$/.test(key)) splits.push(key);
  }
  return splits;
}
