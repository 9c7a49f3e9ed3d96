import {
  type Clock,
  counted,
  formatBytes,
  mapConcurrently,
  type ObjectStore,
  type ProgressPort,
  printable,
  RemoteError,
  UserError,
} from '@slipway/core';
import { type Remembered, rememberReplacements } from '@slipway/pending-invalidations';
import { cdnPathOf, everythingUnder } from './addresses.ts';
import { checkManyStored, checkStored, hasSameBytes, type Verification } from './check-stored.ts';
import { type HeaderRules, headersOf } from './headers.ts';
import type { InventoryKeeper } from './inventory-keeper.ts';
import { immutableHint, type Plan, type WriteStep } from './plan.ts';

/** A killed run loses at most what was recorded since; the next one asks for those objects one by one. */
const saveInventoryEveryMs = 30_000;
const concurrentDeletions = 16;
/** Some requests' worth: progress is told, and what is gone is known, after each. */
const deletionsPerCall = 4_000;
const maxNamedFailures = 20;

export interface Ports {
  readonly store: ObjectStore;
  readonly rules: HeaderRules;
  readonly pathOf: (key: string) => string;
  readonly inventory: InventoryKeeper;
  readonly verification: Verification;
  /** How many objects the destination had, where all were listed. */
  readonly listedCount: number | undefined;
  readonly concurrency: number;
  readonly baseUrl: string | undefined;
  readonly clock: Clock;
  readonly progress: ProgressPort;
}

/** What was done, also when a later step failed. */
export interface Result {
  /** ETags of what was stored, by key. */
  readonly stored: Map<string, string>;
  bytesUploaded: number;
  /** Immutable objects that another publisher stored meanwhile, with the same bytes. */
  readonly storedByOthers: string[];
  readonly deleted: string[];
  uploadMs: number;
}

export interface Outcome {
  readonly result: Result;
  readonly error: unknown;
}

/**
 * Carries a plan out: a note of what a CDN must forget, objects, pointers once every object is stored and checked, deletions,
 * the inventory. A failure ends it; what is stored until then is complete in itself, and running again does the rest.
 */
export async function execute(plan: Plan, ports: Ports): Promise<Outcome> {
  const result: Result = {
    stored: new Map(),
    bytesUploaded: 0,
    storedByOthers: [],
    deleted: [],
    uploadMs: 0,
  };
  let error: unknown;
  try {
    const remembered = await remember(plan, ports);
    await storeObjects(plan, ports, result);
    await storePointers(plan, ports, result);
    await deleteObjects(plan, ports, result);
    await remembered.complete();
  } catch (thrown) {
    error = thrown;
  }
  await ports.inventory.save();
  return { result, error };
}

/** Before anything is replaced: a run that is killed after it, or whose invalidation fails, leaves no CDN stale unnoticed. */
function remember({ steps }: Plan, { store, baseUrl, clock }: Ports): Promise<Remembered> {
  const pathsOf = (some: Plan['steps']) => some.map(({ key }) => cdnPathOf(key, baseUrl));
  return rememberReplacements(
    store,
    {
      // Of what is deleted nobody could find out the path later.
      paths: pathsOf(steps.filter(({ kind }) => kind === 'delete')),
      // What a site does not link to shall not be found by it.
      hiddenPaths: pathsOf(steps.filter(({ kind }) => kind !== 'delete')),
      everything: everythingUnder(baseUrl),
    },
    clock,
  );
}

async function storeObjects(plan: Plan, ports: Ports, result: Result): Promise<void> {
  const steps = plan.steps.filter((step) => step.kind === 'store-object');
  if (steps.length === 0) return;
  const { clock, progress, inventory } = ports;
  const totalBytes = steps.reduce((sum, step) => sum + step.sizeBytes, 0);
  progress.start(
    `Uploading ${counted(steps.length, 'object')}, ${formatBytes(totalBytes)}`,
    totalBytes,
    'bytes',
  );
  const startedMs = clock.nowMs();
  let savedMs = startedMs;
  try {
    await mapConcurrently(steps, ports.concurrency, async (step) => {
      await storeObject(step, ports, result);
      if (clock.nowMs() - savedMs < saveInventoryEveryMs) return;
      savedMs = clock.nowMs();
      await inventory.save();
    });
  } finally {
    result.uploadMs = clock.nowMs() - startedMs;
  }
  if (ports.verification === 'head') await checkObjects(steps, ports, result);
}

/** All at once, and before any pointer (I1): one listing tells of a thousand. */
async function checkObjects(steps: readonly WriteStep[], ports: Ports, result: Result): Promise<void> {
  ports.progress.start(`Checking ${counted(steps.length, 'object')}`);
  const objects = steps.flatMap(({ key, sizeBytes, sha256, contentEncoding }) => {
    const etag = result.stored.get(key);
    return etag === undefined ? [] : [{ key, sizeBytes, sha256, contentEncoding, etag }];
  });
  await checkManyStored(ports.store, objects, ports);
}

async function storeObject(step: WriteStep, ports: Ports, result: Result): Promise<void> {
  try {
    await store(step, ports, result);
  } catch (error) {
    if (!isConditionFailed(error)) throw error;
    // Only what is immutable has a condition here: somebody stored it since the destination was looked at (I2).
    if (!(await hasSameBytes(ports.store, step))) {
      throw new UserError(
        'immutable-conflict',
        `The immutable object "${printable(step.key)}" is there already with other bytes.`,
        {
          hint: immutableHint,
          cause: error,
        },
      );
    }
    result.storedByOthers.push(step.key);
  }
}

/** Pointers one after the other, so that a failure leaves no doubt about which were replaced. */
async function storePointers(plan: Plan, ports: Ports, result: Result): Promise<void> {
  const steps = plan.steps.filter((step) => step.kind === 'store-pointer');
  if (steps.length === 0) return;
  ports.progress.start(`Replacing ${counted(steps.length, 'pointer')}`, steps.length, 'entries');
  for (const step of steps) {
    try {
      await store(step, ports, result);
    } catch (error) {
      if (!isConditionFailed(error)) throw error;
      // The other publisher's pointer may say the same; or the first answer to our own write was lost.
      if (!(await hasSameBytes(ports.store, step))) throw contention(step.key, error);
      result.storedByOthers.push(step.key);
    }
    ports.progress.advance(1);
  }
}

/** Stores the file of a step and checks it. */
async function store(step: WriteStep, ports: Ports, result: Result): Promise<void> {
  const { key, sizeBytes, sha256 } = step;
  const { cache, contentType, headers } = headersOf(key, ports.rules);
  const source = { kind: 'file', path: ports.pathOf(key), sizeBytes } as const;
  let toldBytes = 0;
  // A part that is sent again is told again.
  const tell = (count: number): void => {
    const more = step.kind === 'store-object' ? Math.min(count, sizeBytes - toldBytes) : 0;
    toldBytes += more;
    if (more > 0) ports.progress.advance(more);
  };
  const { etag } = await ports.store.write(key, source, {
    condition: step.condition,
    contentType,
    cache,
    sha256,
    headers,
    onBytes: tell,
  });
  const isCheckedLater = step.kind === 'store-object' && ports.verification === 'head';
  if (!isCheckedLater) await checkStored(ports.store, step, ports.verification);
  tell(sizeBytes);
  result.stored.set(key, etag);
  result.bytesUploaded += sizeBytes;
  ports.inventory.set(key, { sizeBytes, etag, sha256, headers: step.headers });
}

async function deleteObjects(plan: Plan, ports: Ports, result: Result): Promise<void> {
  const keys = plan.steps.filter((step) => step.kind === 'delete').map(({ key }) => key);
  if (keys.length === 0) return;
  const { progress, inventory } = ports;
  progress.start(`Deleting ${counted(keys.length, 'object')}`, keys.length, 'entries');
  const done = (key: string): void => {
    result.deleted.push(key);
    inventory.forget(key);
    progress.advance(1);
  };
  if (ports.store.deleteMany === undefined) {
    await mapConcurrently(keys, concurrentDeletions, async (key) => {
      await ports.store.delete(key);
      done(key);
    });
    return;
  }
  const failures: NotDeleted[] = [];
  for (let start = 0; start < keys.length; start += deletionsPerCall) {
    const some = keys.slice(start, start + deletionsPerCall);
    const left = await ports.store.deleteMany(some);
    const failed = new Set(left.map(({ key }) => key));
    for (const key of some) if (!failed.has(key)) done(key);
    failures.push(...left);
  }
  if (failures.length > 0) throw notDeleted(failures);
}

interface NotDeleted {
  readonly key: string;
  readonly reason: string;
}

function notDeleted(failures: readonly NotDeleted[]): RemoteError {
  const named = failures
    .slice(0, maxNamedFailures)
    .map(({ key, reason }) => `  ${printable(key)}: ${printable(reason, 200)}`);
  if (failures.length > named.length) named.push(`  and ${failures.length - named.length} more`);
  return new RemoteError(
    'store-failed',
    `${counted(failures.length, 'object was', 'objects were')} not deleted:\n${named.join('\n')}`,
    { hint: 'Everything else was published. Allow s3:DeleteObject for this prefix, and run again.' },
  );
}

function contention(key: string, cause: unknown): RemoteError {
  return new RemoteError(
    'contention',
    `Another publisher replaced the pointer "${printable(key)}" while this run was at work, so it was left as it is.`,
    {
      hint: 'Let one run at a time publish there (concurrency in the workflow), and run again from the newer state.',
      cause,
    },
  );
}

function isConditionFailed(error: unknown): boolean {
  return error instanceof RemoteError && error.code === 'condition-failed';
}
