import { type Clock, isConditionFailed, type ObjectStore, retrying } from '@slipway/core';
import { maxStateBytes, type ReadState, sha256Of } from '@slipway/simple-index';

/** How documents of one kind are read and written. */
export interface DocumentFormat<State> {
  readonly decode: (bytes: Uint8Array) => ReadState<State>;
  /** Equal states must give equal bytes. */
  readonly encode: (state: State) => Uint8Array;
}

/** A document as it was read. */
export interface KnownDocument<State> {
  readonly key: string;
  /** Undefined for none, and for a damaged one. */
  readonly state: State | undefined;
  /** Undefined if there is no document. */
  readonly etag: string | undefined;
  /** SHA-256 of its bytes. */
  readonly sha256: string | undefined;
  /** Why it cannot be used. */
  readonly damage: string | undefined;
}

const maxAttempts = 12;
const backoff = { baseMs: 50, capMs: 2_000 };

/** Reads a document of state. A damaged one is no error: it is built anew. Throws what the store throws. */
export async function readDocument<State>(
  store: ObjectStore,
  key: string,
  format: Pick<DocumentFormat<State>, 'decode'>,
): Promise<KnownDocument<State>> {
  const stored = await store.read(key, { maxBytes: maxStateBytes });
  if (stored === undefined) {
    return { key, state: undefined, etag: undefined, sha256: undefined, damage: undefined };
  }
  const { etag } = stored.info;
  const sha256 = sha256Of(stored.body);
  const read = format.decode(stored.body);
  return read.kind === 'read'
    ? { key, state: read.value, etag, sha256, damage: undefined }
    : { key, state: undefined, etag, sha256, damage: read.reason };
}

/**
 * Replaces a document by compare-and-swap. `change` makes the new state of the one that is there: of `known` at first, and of what
 * another run has written in the meantime if the swap fails. Returns whether anything was written: the same bytes are left.
 * Throws `RemoteError` `condition-failed` if others are always faster.
 */
export async function changeDocument<State>(
  store: ObjectStore,
  clock: Clock,
  known: KnownDocument<State>,
  format: DocumentFormat<State>,
  change: (current: State | undefined) => State,
): Promise<boolean> {
  let current = known;
  const rule = { clock, backoff, maxAttempts, isTransient: isConditionFailed };
  return retrying(rule, async ({ number }) => {
    if (number > 0) current = await readDocument(store, known.key, format);
    const bytes = format.encode(change(current.state));
    return replaceDocument(store, current, bytes);
  });
}

/**
 * Writes a document over the one that was read. Returns whether anything was written: the same bytes are left. Throws
 * `RemoteError` `condition-failed` if somebody else has changed it since.
 */
export async function replaceDocument(
  store: ObjectStore,
  known: Pick<KnownDocument<unknown>, 'key' | 'etag' | 'sha256'>,
  bytes: Uint8Array,
): Promise<boolean> {
  const sha256 = sha256Of(bytes);
  if (sha256 === known.sha256) return false;
  await store.write(
    known.key,
    { kind: 'bytes', bytes },
    {
      condition: known.etag === undefined ? 'absent' : { etag: known.etag },
      contentType: 'application/gzip',
      cache: 'document',
      headers: { cacheControl: 'no-cache' },
      sha256,
    },
  );
  return true;
}
