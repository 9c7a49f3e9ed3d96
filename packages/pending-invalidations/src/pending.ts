import { hash, randomBytes } from 'node:crypto';
import {
  type Clock,
  counted,
  isConditionFailed,
  type ObjectStore,
  RemoteError,
  retrying,
} from '@slipway/core';
import {
  everyPath,
  formatPending,
  maxPendingPaths,
  type PendingPublish,
  parsePending,
  pathDigest,
  pendingInvalidationsKey,
} from './document.ts';

const maxDocumentBytes = 32 * 2 ** 20;
/** Every attempt that fails is a change that somebody else has made, so some publisher always gets on. */
const contentionDeadlineMs = 10 * 60_000;
/** How many publishes are told apart; of more, the oldest are remembered as one wildcard. */
const maxKeptPublishes = 100;
/** A publish that did not say that it is complete may be at work for so long. */
export const publishLivesMs = 6 * 3_600_000;

export interface Replacements {
  /** What will be stored over, stored anew or deleted, as paths of `invalidation-paths`. */
  readonly paths: readonly string[];
  /** The same, where whoever can read the destination must not learn the paths: their digests are kept. */
  readonly hiddenPaths?: readonly string[];
  /** A wildcard for all of them, taken when there are too many. */
  readonly everything: string;
}

/** What one publish replaces, as the destination remembers it. */
export interface Remembered {
  /** Says that this publish replaces nothing more. Not to be called after a failure: a request may still take effect then. */
  complete(): Promise<void>;
}

/** A publish that learns as it goes what it will replace. */
export interface Remembering extends Remembered {
  /** Remembers these paths, before the first of them is replaced. Throws what the store throws; nothing may be replaced then. */
  add(replacements: Omit<Replacements, 'everything'>): Promise<void>;
}

/**
 * Remembers, before the first of them is replaced, what a publish will replace, until an invalidation of it is proven
 * (`forgetProven`). Throws what the store throws; nothing may be replaced then.
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

/** As `rememberReplacements`, for a publish that does not know all of it in advance; `everything` as there. */
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
  // Under this id it may be there already, or be gone because it was at work for so long that it was taken for dead.
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

/** What is pending in a destination. Throws what the store throws, and as `parsePending`. */
export async function readPending(store: ObjectStore): Promise<readonly PendingPublish[]> {
  return (await readDocument(store)).publishes;
}

/** As `readPending`; undefined where no publish has replaced anything yet, or where its record cannot be seen. */
export async function readPendingRecord(store: ObjectStore): Promise<readonly PendingPublish[] | undefined> {
  const { publishes, condition } = await readDocument(store);
  return condition === 'absent' ? undefined : publishes;
}

/**
 * What a CDN must forget because of earlier publishes, given every path that is known to the caller: where one that is
 * pending is not among them, everything.
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

/** What the log of a publish says of the paths that it hands on because of earlier ones. */
export function pendingNotice(paths: readonly string[]): string {
  const what = paths.includes(everyPath)
    ? `invalidation-paths is ${everyPath}, because earlier runs replaced more than is told apart, or what this run does not know, or because ${pendingInvalidationsKey} is damaged`
    : `invalidation-paths has ${counted(paths.length, 'path')} of earlier runs as well`;
  return `${what}: no invalidation is proven for them. With a CDN, give cloudfront-invalidate this destination, and it notes what it has proven; without one, there is nothing to do.`;
}

/** Whether a publish replaces nothing more: it said so, or it has been silent for too long to be alive. */
export function isSettled({ isComplete, beganAtMs }: PendingPublish, nowMs: number): boolean {
  return isComplete || nowMs - beganAtMs > publishLivesMs;
}

/**
 * Forgets what is proven of the publishes that were read before the invalidation was made: no invalidation reaches what is
 * replaced after it. Of publishes that may still have been at work then, nothing is forgotten.
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

/** The publishes with another one, which takes over the paths that complete ones before it have replaced too. */
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
  // Everything, under an identity of its own: what a publish at work notes next takes the place of its own paths alone.
  const rest = {
    id: newId(),
    beganAtMs: publish.beganAtMs,
    isComplete: true,
    paths: [everyPath],
    digests: [],
  };
  // A publish at work keeps its place, or its end would go unseen.
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
    throw new RemoteError('unexpected-response', 'The destination does not say the ETag of an object.', {
      hint: 'Publish to s3:// or file://.',
    });
  }
  return { publishes: parsePending(stored.body), condition: { etag } };
}

/**
 * Without the right to list, S3 answers 403 for an object that is not there. If it is there after all, and may not be read, a
 * write that wants it absent is refused.
 */
async function readUnlessHidden(store: ObjectStore): ReturnType<ObjectStore['read']> {
  try {
    return await store.read(pendingInvalidationsKey, { maxBytes: maxDocumentBytes });
  } catch (error) {
    if (error instanceof RemoteError && error.code === 'access-denied') return undefined;
    throw error;
  }
}

/** Changes the document by compare-and-swap. Does nothing when the change leaves it as it is. */
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
