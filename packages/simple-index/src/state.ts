import { createHash } from 'node:crypto';
import { ownDirectory } from '@slipway/core';
import type { SourceFile } from './files.ts';

/** Where a destination keeps what later runs need to know: nothing that could not be found out again. */
export const stateDirectory = `${ownDirectory}/package-index`;

/** Whose word a SHA-256 is: the server's own, metadata of the object, or bytes that were read. `none`: the server has none. */
export type HashOrigin = 'checksum' | 'metadata' | 'computed' | 'none';

/** What is known of the METADATA file beside a distribution. */
export interface MetadataFacts {
  /** Of the METADATA file. */
  readonly etag: string;
  /** 64 hexadecimal digits in lower case; null if it could not be read. */
  readonly sha256: string | null;
  /** Its `Requires-Python`; null if it has none, or could not be read. */
  readonly requiresPython: string | null;
}

/** What is known of one object under one ETag. */
export interface FileFacts {
  readonly etag: string;
  readonly sizeBytes: number;
  /** When the store last wrote it, in milliseconds since 1970. */
  readonly modifiedAtMs: number;
  /** When these bytes were first seen under this key, in milliseconds since 1970. */
  readonly uploadedAtMs: number;
  /** 64 hexadecimal digits in lower case; null if nobody asked, or if the origin is `none`. */
  readonly sha256: string | null;
  /** Null if nobody asked. */
  readonly hashOrigin: HashOrigin | null;
  /** Null if no METADATA file lies beside it, or if nobody asked for it. */
  readonly metadata: MetadataFacts | null;
}

/** Facts by key: those of some projects, which share a document. */
export type ShardState = ReadonlyMap<string, FileFacts>;

/** A page that was written. */
export interface PageState {
  readonly etag: string;
  /** `pageDigest` of the page and its headers, 64 hexadecimal digits. */
  readonly sha256: string;
}

/** What a page is known by: its content before compression, and the headers that it is stored with. */
export function pageDigest(page: {
  readonly sha256: string;
  readonly contentType: string;
  readonly cacheControl: string;
  readonly gzip: boolean;
}): string {
  return sha256Of(JSON.stringify([page.sha256, page.contentType, page.cacheControl, page.gzip]));
}

/** What a destination knows of a prefix. */
export interface PrefixState {
  /** `prefixFingerprint` of the configuration that the pages were made by. */
  readonly fingerprint: string;
  /** Paths below the prefix where files lie, whether or not a page shows them. */
  readonly directories: readonly string[];
  /** The projects that the root page of each directory lists, by its path. */
  readonly projects: ReadonlyMap<string, readonly string[]>;
  /** Pages of ours, by key. */
  readonly pages: ReadonlyMap<string, PageState>;
}

/** The document, of 256, with the facts of a project's files: two hexadecimal digits. */
export function shardOf(project: string): string {
  return createHash('sha256').update(project).digest('hex').slice(0, 2);
}

/** The key of a shard's document; only the first destination has these. */
export function shardKey(shard: string): string {
  return `${stateDirectory}/files/${shard}.json.gz`;
}

/** The key of the document about a prefix or view, given the directory of its pages. */
export function prefixKey(pages: string): string {
  const name = encodeURIComponent(pages).replaceAll('~', '%7E');
  // File systems store no longer names.
  const short = name.length <= 200 ? name : `${name.slice(0, 100)}~${sha256Of(pages).slice(0, 32)}`;
  return `${stateDirectory}/prefixes/${short === '' ? '~' : short}.json.gz`;
}

/** The key of the document with the splits of the next listing; only the first destination has it. */
export const splitsKey = `${stateDirectory}/splits.json.gz`;

/** Answers about a file; undefined where nobody asked. */
export interface FileAnswers {
  readonly hash?: { readonly sha256: string | null; readonly origin: HashOrigin } | undefined;
  readonly metadata?: Omit<MetadataFacts, 'etag'> | undefined;
}

/** What must be asked for about a file, given what is known of its key. */
export function missingFacts(
  source: SourceFile,
  metadata: { readonly etag: string } | undefined,
  known: FileFacts | undefined,
): { readonly hash: boolean; readonly metadata: boolean } {
  return {
    hash: !isSameObject(source, known) || known.hashOrigin === null,
    metadata: metadata !== undefined && known?.metadata?.etag !== metadata.etag,
  };
}

/**
 * The facts about a listed file: what is known of the same object, and new answers. The time of upload is that of the first sight
 * of these bytes: it stays when the object is copied onto itself, with the same ETag and size or the same SHA-256, although the
 * store's own time moves.
 */
export function currentFacts(
  source: SourceFile,
  metadata: { readonly etag: string } | undefined,
  known: FileFacts | undefined,
  answers: FileAnswers = {},
): FileFacts {
  const isSame = isSameObject(source, known);
  const sha256 = answers.hash === undefined ? (isSame ? known.sha256 : null) : answers.hash.sha256;
  const isCopy = known !== undefined && known.sha256 !== null && known.sha256 === sha256;
  const knownMetadata = known?.metadata?.etag === metadata?.etag ? known?.metadata : undefined;
  return {
    etag: source.etag,
    sizeBytes: source.sizeBytes,
    modifiedAtMs: source.modifiedAtMs,
    uploadedAtMs: isSame || isCopy ? known.uploadedAtMs : source.modifiedAtMs,
    sha256,
    hashOrigin: answers.hash?.origin ?? (isSame ? known.hashOrigin : null),
    metadata:
      metadata === undefined
        ? null
        : answers.metadata === undefined
          ? (knownMetadata ?? null)
          : { etag: metadata.etag, ...answers.metadata },
  };
}

function isSameObject(source: SourceFile, known: FileFacts | undefined): known is FileFacts {
  return known !== undefined && known.etag === source.etag && known.sizeBytes === source.sizeBytes;
}

/** SHA-256 of bytes or of a text in UTF-8, as 64 hexadecimal digits. */
export function sha256Of(content: Uint8Array | string): string {
  return createHash('sha256').update(content).digest('hex');
}
