/** The part of Cloudflare's R2 binding that the Worker uses, as its runtime API describes it. */
export interface R2Object {
  readonly key: string;
  readonly size: number;
  /** Without quotes. */
  readonly etag: string;
  /** With quotes, as a header has it. */
  readonly httpEtag: string;
  readonly uploaded: Date;
  readonly checksums: { readonly sha256?: ArrayBuffer | undefined };
  readonly httpMetadata?: R2HttpMetadata | undefined;
  readonly customMetadata?: Readonly<Record<string, string>> | undefined;
}

export interface R2ObjectBody extends R2Object {
  readonly body: ReadableStream<Uint8Array>;
  arrayBuffer(): Promise<ArrayBuffer>;
}

export interface R2HttpMetadata {
  readonly contentType?: string | undefined;
  readonly contentLanguage?: string | undefined;
  readonly contentDisposition?: string | undefined;
  readonly contentEncoding?: string | undefined;
  readonly cacheControl?: string | undefined;
  readonly cacheExpiry?: Date | undefined;
}

export interface R2PutOptions {
  readonly onlyIf?: { readonly etagMatches?: string; readonly etagDoesNotMatch?: string };
  readonly httpMetadata: R2HttpMetadata;
  readonly customMetadata: Record<string, string>;
  /** In hexadecimal digits: R2 refuses other bytes. */
  readonly sha256: string;
}

export interface R2Bucket {
  head(key: string): Promise<R2Object | null>;
  get(key: string): Promise<R2ObjectBody | null>;
  /** Resolves to null if `onlyIf` does not hold. */
  put(key: string, value: Uint8Array, options: R2PutOptions): Promise<R2Object | null>;
  delete(key: string): Promise<void>;
  list(options: { readonly prefix: string; readonly cursor?: string }): Promise<{
    readonly objects: readonly R2Object[];
    readonly truncated: boolean;
    readonly cursor?: string | undefined;
  }>;
}
