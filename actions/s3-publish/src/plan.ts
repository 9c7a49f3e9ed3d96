import { type CachePolicy, counted, InternalError, printable, UserError } from '@slipway/core';

/** A file of the source, hashed. */
export interface LocalObject {
  readonly key: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** Digest of its intended headers. */
  readonly headers: string;
  /** The only header without which readers cannot use the bytes. */
  readonly contentEncoding?: string | undefined;
  readonly cache: CachePolicy;
}

/** What is known about an object of the destination. */
export interface RemoteObject {
  readonly sizeBytes: number;
  readonly etag: string | undefined;
  /** Undefined if unknown, or if the size already differs from that of the file. */
  readonly sha256: string | undefined;
  /** Digest of its headers; undefined if unknown, in which case they are assumed to be right. */
  readonly headers: string | undefined;
  /** Whether the inventory already has this record. */
  readonly isRecorded?: boolean;
}

export interface Observation {
  readonly local: readonly LocalObject[];
  /** Objects of the destination under the keys of `local`. */
  readonly remote: ReadonlyMap<string, RemoteObject>;
  /** Keys under the destination that have no file and are not excluded; empty unless they will be deleted. */
  readonly extraneous: readonly { readonly key: string; readonly sizeBytes: number }[];
  /** Whether the destination keeps headers with its objects. A directory does not. */
  readonly keepsHeaders: boolean;
}

/** Why an object is stored: it is missing, or has other bytes or other headers. */
export type Reason = 'new' | 'bytes' | 'headers';

interface Write<Kind> {
  readonly kind: Kind;
  readonly key: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** Digest of its new headers. */
  readonly headers: string;
  readonly contentEncoding: string | undefined;
  readonly reason: Reason;
  readonly condition: 'absent' | 'any' | { readonly etag: string };
}

export type WriteStep = Write<'store-object'> | Write<'store-pointer'>;
export type Step = WriteStep | { readonly kind: 'delete'; readonly key: string; readonly sizeBytes: number };

/** What a run will do, in this order: objects, then pointers, then deletions. */
export interface Plan {
  readonly steps: readonly Step[];
  readonly unchanged: number;
  readonly unchangedBytes: number;
}

const maxNamedConflicts = 50;
export const immutableHint =
  'An immutable object needs a new name when its bytes change. Publish it under a new name, or correct the globs of immutable.';

/**
 * Decides what to store and what to delete. Pure. Throws `UserError` `immutable-conflict` that names immutable keys whose objects
 * have different bytes (I2).
 */
export function plan(observation: Observation): Plan {
  const objects: WriteStep[] = [];
  const pointers: WriteStep[] = [];
  const conflicts: string[] = [];
  let unchanged = 0;
  let unchangedBytes = 0;
  for (const local of observation.local) {
    const remote = observation.remote.get(local.key);
    const reason = reasonToStore(local, remote, observation.keepsHeaders);
    if (reason === undefined) {
      unchanged += 1;
      unchangedBytes += local.sizeBytes;
    } else if (local.cache === 'immutable' && remote !== undefined) {
      conflicts.push(local.key);
    } else {
      (local.cache === 'pointer' ? pointers : objects).push(writeStep(local, remote, reason));
    }
  }
  refuseConflicts(conflicts);
  // Largest first, so that none of them is left for the end.
  objects.sort((a, b) => b.sizeBytes - a.sizeBytes || compareKeys(a.key, b.key));
  pointers.sort((a, b) => compareKeys(a.key, b.key));
  const deletions = observation.extraneous
    .map(({ key, sizeBytes }) => ({ kind: 'delete', key, sizeBytes }) as const)
    .sort((a, b) => compareKeys(a.key, b.key));
  return { steps: [...objects, ...pointers, ...deletions], unchanged, unchangedBytes };
}

function reasonToStore(
  local: LocalObject,
  remote: RemoteObject | undefined,
  keepsHeaders: boolean,
): Reason | undefined {
  if (remote === undefined) return 'new';
  if (remote.sha256 !== local.sha256 || remote.sizeBytes !== local.sizeBytes) return 'bytes';
  // Immutable objects cannot be stored again: the same bytes are a success, whatever the headers.
  if (!keepsHeaders || local.cache === 'immutable') return undefined;
  return remote.headers === undefined || remote.headers === local.headers ? undefined : 'headers';
}

function writeStep(local: LocalObject, remote: RemoteObject | undefined, reason: Reason): WriteStep {
  const { key, sizeBytes, sha256, headers, contentEncoding, cache } = local;
  const kind = cache === 'pointer' ? 'store-pointer' : 'store-object';
  const condition = conditionOf(cache, remote);
  return { kind, key, sizeBytes, sha256, headers, contentEncoding, reason, condition };
}

/**
 * Pointers replace exactly what was observed, so that no other publisher's pointer is lost. For other objects, the order does not
 * matter.
 */
function conditionOf(cache: CachePolicy, remote: RemoteObject | undefined): WriteStep['condition'] {
  if (cache === 'document') return 'any';
  if (remote === undefined) return 'absent';
  if (remote.etag === undefined) throw new InternalError('a pointer was observed without its ETag');
  return { etag: remote.etag };
}

function refuseConflicts(keys: readonly string[]): void {
  if (keys.length === 0) return;
  const named = keys.slice(0, maxNamedConflicts).map((key) => `  ${printable(key)}`);
  if (keys.length > named.length) named.push(`  and ${keys.length - named.length} more`);
  throw new UserError(
    'immutable-conflict',
    `${counted(keys.length, 'immutable object is', 'immutable objects are')} already stored with different bytes, so nothing was published:\n${named.join('\n')}`,
    { hint: immutableHint },
  );
}

function compareKeys(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
