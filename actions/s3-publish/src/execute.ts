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
import {
  cdnPathOf,
  everythingUnder,
  type Remembered,
  rememberReplacements,
} from '@slipway/pending-invalidations';
import {
  checkManyStored,
  checkStored,
  deleteObjects,
  notDeletedError,
  storeFile,
  type Verification,
} from '@slipway/publishing';
import { type HeaderRules, headersOf } from './headers.ts';
import type { InventoryKeeper } from './inventory-keeper.ts';
import { immutableHint, type Plan, type WriteStep } from './plan.ts';

/** A killed run loses at most the records since the last save; the next run requests those objects one by one. */
const saveInventoryEveryMs = 30_000;

export interface Ports {
  readonly store: ObjectStore;
  readonly rules: HeaderRules;
  readonly pathOf: (key: string) => string;
  readonly inventory: InventoryKeeper;
  readonly verification: Verification;
  /** How many objects the destination had, if all were listed. */
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
  /** Immutable objects that another publisher stored concurrently, with the same bytes. */
  readonly storedByOthers: string[];
  readonly deleted: string[];
  uploadMs: number;
}

export interface Outcome {
  readonly result: Result;
  readonly error: unknown;
}

/**
 * Carries out a plan: records what a CDN must invalidate, stores objects, then pointers once every object is stored and checked,
 * deletes, and writes the inventory. A failure ends it; everything stored until then is complete, and a rerun does the rest.
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
    await deleteObjectsOf(plan, ports, result);
    await remembered.complete();
  } catch (thrown) {
    error = thrown;
  }
  await ports.inventory.save();
  return { result, error };
}

/** Before anything is replaced, so that a killed run, or a failed invalidation, does not leave a CDN stale unnoticed. */
function remember({ steps }: Plan, { store, baseUrl, clock }: Ports): Promise<Remembered> {
  const pathsOf = (some: Plan['steps']) => some.map(({ key }) => cdnPathOf(key, baseUrl));
  return rememberReplacements(
    store,
    {
      // The paths of deleted objects could not be found out later.
      paths: pathsOf(steps.filter(({ kind }) => kind === 'delete')),
      // This must not reveal objects that a site does not link to.
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

/** All at once, before any pointer is stored (I1): one page of a listing shows a thousand objects. */
async function checkObjects(steps: readonly WriteStep[], ports: Ports, result: Result): Promise<void> {
  ports.progress.start(`Checking ${counted(steps.length, 'object')}`);
  const objects = steps.flatMap(({ key, sizeBytes, sha256, contentEncoding }) => {
    const etag = result.stored.get(key);
    return etag === undefined ? [] : [{ key, sizeBytes, sha256, contentEncoding, etag }];
  });
  await checkManyStored(ports.store, objects, ports);
}

async function storeObject(step: WriteStep, ports: Ports, result: Result): Promise<void> {
  // Only immutable objects have a condition here: another publisher stored it after the destination was observed.
  await store(step, ports, result, (cause) => {
    const message = `The immutable object "${printable(step.key)}" already exists with different bytes.`;
    return new UserError('immutable-conflict', message, { hint: immutableHint, cause });
  });
}

/** Stores pointers one after the other, so that a failure leaves no doubt about which were replaced. */
async function storePointers(plan: Plan, ports: Ports, result: Result): Promise<void> {
  const steps = plan.steps.filter((step) => step.kind === 'store-pointer');
  if (steps.length === 0) return;
  ports.progress.start(`Replacing ${counted(steps.length, 'pointer')}`, steps.length, 'entries');
  for (const step of steps) {
    await store(step, ports, result, (cause) => contention(step.key, cause));
    ports.progress.advance(1);
  }
}

/** Stores the file of a step and checks it, unless another publisher stored the same bytes first. */
async function store(
  step: WriteStep,
  ports: Ports,
  result: Result,
  conflict: (cause: unknown) => Error,
): Promise<void> {
  const { key, sizeBytes, sha256, condition } = step;
  const isObject = step.kind === 'store-object';
  const etag = await storeFile(
    ports.store,
    { key, path: ports.pathOf(key), sizeBytes, sha256 },
    {
      ...headersOf(key, ports.rules),
      condition,
      onBytes: (count) => {
        if (isObject) ports.progress.advance(count);
      },
      conflict,
    },
  );
  if (etag === undefined) {
    result.storedByOthers.push(key);
    return;
  }
  const isCheckedLater = isObject && ports.verification === 'head';
  if (!isCheckedLater) await checkStored(ports.store, step, ports.verification);
  result.stored.set(key, etag);
  result.bytesUploaded += sizeBytes;
  ports.inventory.set(key, { sizeBytes, etag, sha256, headers: step.headers });
}

async function deleteObjectsOf(plan: Plan, ports: Ports, result: Result): Promise<void> {
  const keys = plan.steps.filter((step) => step.kind === 'delete').map(({ key }) => key);
  if (keys.length === 0) return;
  const { progress, inventory } = ports;
  progress.start(`Deleting ${counted(keys.length, 'object')}`, keys.length, 'entries');
  const failures = await deleteObjects(ports.store, keys, (key) => {
    result.deleted.push(key);
    inventory.forget(key);
    progress.advance(1);
  });
  if (failures.length === 0) return;
  const hint = 'Everything else was published. Allow s3:DeleteObject for this prefix, and run again.';
  throw notDeletedError(failures, '', hint);
}

function contention(key: string, cause: unknown): RemoteError {
  return new RemoteError(
    'contention',
    `Another publisher replaced the pointer "${printable(key)}" during this run, so it was not written.`,
    {
      hint: 'Let only one run at a time publish there (concurrency in the workflow), and run again from the newer state.',
      cause,
    },
  );
}
