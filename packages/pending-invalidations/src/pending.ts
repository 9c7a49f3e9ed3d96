import { hash, randomBytes } from 'node:crypto';
import {
  type Clock,
  counted,
  isConditionFailed,
  type ObjectStore,
  RemoteError,
  retrying,
  UserError,
} from '@slipway/core';
import {
  damagedRecord,
  everyPath,
  formatPending,
  maxPendingPaths,
  type PendingPublish,
  parsePending,
  pathDigest,
  pendingInvalidationsKey,
} from './document.ts';

const maxDocumentBytes = 32 * 2 ** 20;
/** Each failed attempt means that another publisher succeeded, so someone always makes progress. */
const contentionDeadlineMs = 10 * 60_000;
/** The maximum number of separate publishes; beyond it, the oldest are merged into one wildcard. */
const maxKeptPublishes = 100;
/** A publish that did not declare completion may be active for this long. */
export const publishLivesMs = 6 * 3_600_000;

export interface Replacements {
  /** What will be replaced, created or deleted, as paths of `invalidation-paths`. */
  readonly paths: readonly string[];
  /** The same, as digests, if readers of the destination must not learn the paths. */
  readonly hiddenPaths?: readonly string[];
  /** A wildcard for all of them, used if there are too many. */
  readonly everything: string;
}

/** What one publish replaces, as recorded in the destination. */
export interface Remembered {
  /** Declares that this publish replaces nothing more. Not to be called after a failure: a request may still take effect then. */
  complete(): Promise<void>;
}

/** A publish that learns along the way what it will replace. */
export interface Remembering extends Remembered {
  /** Records these paths, before the first of them is replaced. If it throws (what the store throws), nothing may be replaced. */
  add(replacements: Omit<Replacements, 'everything'>): Promise<void>;
}

/**
 * Records what a publish will replace, before it replaces anything, until its invalidation is proven (`forgetProven`). If it throws
 * (what the store throws), nothing may be replaced.
 */
export async function rememberReplacements(
  store: ObjectStore,
  { everything, ...replacements }: Replacements,
  clock: Clock,
): Promise<Remembered> {
  const remembering = beginRemembering(store, everything, clock);
  await remembering.add(replacements);
  return remembering;
}

/** Like `rememberReplacements`, for a publish that does not know everything in advance; `everything` as there. */
export function beginRemembering(store: ObjectStore, everything: string, clock: Clock): Remembering {
  const paths = new Set<string>();
  const digests = new Set<string>();
  const id = newId();
  const beganAtMs = clock.nowMs();
  const noted = (isComplete: boolean): PendingPublish => {
    const fits = paths.size + digests.size <= maxPendingPaths;
    return {
      id,
      beganAtMs,
      isComplete,
      paths: fits ? [...paths] : [everything],
      digests: fits ? [...digests] : [],
    };
  };
  // This id may already be recorded, or be gone because it was active so long that it was presumed dead.
  const note = (isComplete: boolean): Promise<void> =>
    changeDocument(store, clock, (known) =>
      withPublish(
        known.filter((publish) => publish.id !== id),
        noted(isComplete),
      ),
    );
  return {
    async add(replacements) {
      const before = paths.size + digests.size;
      for (const path of replacements.paths) paths.add(path);
      for (const path of replacements.hiddenPaths ?? []) digests.add(pathDigest(path));
      if (paths.size + digests.size > before) await note(false);
    },
    async complete() {
      if (paths.size + digests.size > 0) await note(true);
    },
  };
}

/** What is pending in a destination. Throws what the store and `parsePending` throw. */
export async function readPending(store: ObjectStore): Promise<readonly PendingPublish[]> {
  return (await readDocument(store)).publishes;
}

/** Like `readPending`; undefined if no publish has replaced anything yet, or the record may not be read. */
export async function readPendingRecord(store: ObjectStore): Promise<readonly PendingPublish[] | undefined> {
  const { publishes, condition } = await readDocument(store);
  return condition === 'absent' ? undefined : publishes;
}

/** Whether the record of a destination is damaged, so that the next publish hands on everything. Throws what the store throws. */
export async function isRecordDamaged(store: ObjectStore): Promise<boolean> {
  try {
    const stored = await readUnlessHidden(store);
    return stored !== undefined && parsePending(stored.body) === damagedRecord;
  } catch (error) {
    if (error instanceof UserError && error.code === 'not-supported') return false;
    if (error instanceof UserError && error.code === 'too-large') return true;
    throw error;
  }
}

/**
 * What a CDN must forget because of earlier publishes, given all paths known to the caller: everything, if a pending path is not
 * among them.
 */
export function pathsToHandOn(
  publishes: readonly PendingPublish[],
  known: () => Iterable<string>,
): readonly string[] {
  const found = new Set(publishes.flatMap(({ paths }) => paths));
  const wanted = new Set(publishes.flatMap(({ digests }) => digests));
  if (wanted.size > 0) {
    for (const path of known()) {
      if (wanted.delete(pathDigest(path))) found.add(path);
      if (wanted.size === 0) break;
    }
  }
  if (wanted.size > 0) found.add(everyPath);
  return [...found].sort();
}

/** The log notice about paths passed on from earlier publishes. */
export function pendingNotice(paths: readonly string[]): string {
  const what = paths.includes(everyPath)
    ? `invalidation-paths is ${everyPath}, because earlier runs replaced too many paths to record, or paths that this run does not know, or because ${pendingInvalidationsKey} is damaged`
    : `invalidation-paths includes ${counted(paths.length, 'path')} of earlier runs`;
  return `${what}: their invalidation is not proven yet. With a CDN, set this destination in cloudfront-invalidate, which records what it has proven; without one, there is nothing to do.`;
}

/** Whether a publish replaces nothing more: it declared so, or has been silent too long to be active. */
export function isSettled({ isComplete, beganAtMs }: PendingPublish, nowMs: number): boolean {
  return isComplete || nowMs - beganAtMs > publishLivesMs;
}

/**
 * Forgets what is proven of publishes that were read before the invalidation was created, which does not cover later replacements.
 * Forgets nothing of publishes that may have been active then.
 */
export async function forgetProven(
  store: ObjectStore,
  seen: readonly PendingPublish[],
  isProven: { path(path: string): boolean; digest(digest: string): boolean },
  readAtMs: number,
  clock: Clock,
): Promise<void> {
  const settled = new Set(seen.filter((publish) => isSettled(publish, readAtMs)).map(({ id }) => id));
  if (settled.size === 0) return;
  await changeDocument(store, clock, (known) =>
    known.flatMap((publish) => {
      if (!settled.has(publish.id)) return [publish];
      const paths = publish.paths.filter((path) => !isProven.path(path));
      const digests = publish.digests.filter((digest) => !isProven.digest(digest));
      return paths.length + digests.length === 0 ? [] : [{ ...publish, paths, digests }];
    }),
  );
}

function newId(): string {
  return randomBytes(8).toString('hex');
}

/** Adds a publish, which takes over paths that completed earlier ones also replaced. */
function withPublish(known: readonly PendingPublish[], publish: PendingPublish): readonly PendingPublish[] {
  const taken = new Set([...publish.paths, ...publish.digests, ...publish.paths.map(pathDigest)]);
  const others = known.flatMap((other) => {
    if (!other.isComplete) return [other];
    const paths = other.paths.filter((path) => !taken.has(path));
    const digests = other.digests.filter((digest) => !taken.has(digest));
    return paths.length + digests.length === 0 ? [] : [{ ...other, paths, digests }];
  });
  const count = [...others, publish].reduce(
    (sum, { paths, digests }) => sum + paths.length + digests.length,
    0,
  );
  if (count <= maxPendingPaths && others.length < maxKeptPublishes) return [...others, publish];
  // Everything, under its own id: what an active publish records next only replaces its own paths.
  const rest = {
    id: newId(),
    beganAtMs: publish.beganAtMs,
    isComplete: true,
    paths: [everyPath],
    digests: [],
  };
  // An active publish keeps its place, or its end would be missed.
  const atWork = others.filter(({ isComplete }) => !isComplete).slice(-maxKeptPublishes);
  return [rest, ...atWork.map((other) => ({ ...other, paths: [everyPath], digests: [] })), publish];
}

async function readDocument(store: ObjectStore): Promise<{
  readonly publishes: readonly PendingPublish[];
  readonly condition: 'absent' | { readonly etag: string };
}> {
  const stored = await readUnlessHidden(store);
  if (stored === undefined) return { publishes: [], condition: 'absent' };
  const { etag } = stored.info;
  if (etag === undefined) {
    throw new RemoteError('unexpected-response', 'The destination does not report the ETag of an object.', {
      hint: 'Publish to s3:// or file://.',
    });
  }
  return { publishes: parsePending(stored.body), condition: { etag } };
}

/**
 * Without permission to list, S3 answers 403 for a missing object. If it exists after all but may not be read, a write that
 * requires it absent is refused.
 */
async function readUnlessHidden(store: ObjectStore): ReturnType<ObjectStore['read']> {
  try {
    return await store.read(pendingInvalidationsKey, { maxBytes: maxDocumentBytes });
  } catch (error) {
    if (error instanceof RemoteError && error.code === 'access-denied') return undefined;
    throw error;
  }
}

/** Changes the document by compare-and-swap. Does nothing if the change leaves it as it is. */
async function changeDocument(
  store: ObjectStore,
  clock: Clock,
  change: (known: readonly PendingPublish[]) => readonly PendingPublish[],
): Promise<void> {
  const rule = {
    clock,
    deadlineMs: contentionDeadlineMs,
    backoff: { baseMs: 20, capMs: 1_000 },
    isTransient: isLostRace,
  };
  await retrying(rule, async () => {
    const { publishes, condition } = await readDocument(store);
    const bytes = formatPending(change(publishes));
    if (condition !== 'absent' && Buffer.compare(bytes, formatPending(publishes)) === 0) return;
    await store.write(
      pendingInvalidationsKey,
      { kind: 'bytes', bytes },
      {
        condition,
        contentType: 'application/json',
        cache: 'pointer',
        sha256: hash('sha256', bytes),
        headers: { cacheControl: 'private, no-store' },
      },
    );
  });
}

function isLostRace(error: unknown): boolean {
  return isConditionFailed(error) || (error instanceof RemoteError && error.code === 'contention');
}
