import {
  asSlipwayError,
  counted,
  formatBytes,
  isConditionFailed,
  mapConcurrently,
  type ObjectStore,
  type ProgressPort,
  type SlipwayError,
  type WriteOptions,
} from '@slipway/core';
import { checkStored, storeFile } from '@slipway/publishing';
import { shownKey } from '../redacted-links.ts';
import { conflictError, type PublishPlan, type StoreStep } from './plan.ts';

export interface PublishPorts {
  readonly store: ObjectStore;
  readonly progress: ProgressPort;
  readonly concurrency: number;
}

/** What was done, also when a later step failed. */
export interface PublishExecution {
  /** Keys that this run stored. */
  readonly stored: readonly string[];
  /** Keys that another run stored concurrently, with the same bytes. */
  readonly storedByOthers: readonly string[];
  readonly bytesStored: number;
  readonly failure: SlipwayError | undefined;
}

/**
 * Stores what the plan names and checks that it is stored. A failure ends it; every object stored until then is complete, and a
 * rerun stores the others.
 */
export async function executePublish({ steps }: PublishPlan, ports: PublishPorts): Promise<PublishExecution> {
  const stored: string[] = [];
  const storedByOthers: string[] = [];
  let bytesStored = 0;
  if (steps.length === 0) return { stored, storedByOthers, bytesStored, failure: undefined };
  const totalBytes = steps.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  ports.progress.start(
    `Storing ${counted(steps.length, 'object')}, ${formatBytes(totalBytes)}`,
    totalBytes,
    'bytes',
  );
  const etags = new Map<string, string>();
  const store = async (step: StoreStep): Promise<void> => {
    const etag = await storeStep(step, etags, ports);
    if (etag === undefined) {
      storedByOthers.push(step.key);
      return;
    }
    etags.set(step.key, etag);
    stored.push(step.key);
    bytesStored += step.sizeBytes;
  };
  try {
    // Copies begin once their sources are stored.
    for (const some of [
      steps.filter(({ copyOf }) => copyOf === undefined),
      steps.filter(({ copyOf }) => copyOf !== undefined),
    ]) {
      await mapConcurrently(some, ports.concurrency, store);
    }
    ports.progress.start(`Checking ${counted(steps.length, 'object')}`, steps.length, 'entries');
    await mapConcurrently(steps, ports.concurrency, async ({ key, sizeBytes, sha256 }) => {
      await checkStored(ports.store, { key, shownKey: shownKey(key), sizeBytes, sha256 }, 'head');
      ports.progress.advance(1);
    });
  } catch (error) {
    return { stored, storedByOthers, bytesStored, failure: asSlipwayError(error) };
  }
  return { stored, storedByOthers, bytesStored, failure: undefined };
}

/** The ETag of what this run stored; undefined if another run stored the same bytes concurrently. */
function storeStep(
  step: StoreStep,
  etags: ReadonlyMap<string, string>,
  { store, progress }: PublishPorts,
): Promise<string | undefined> {
  const { contentType, ...headers } = step.headers;
  return storeFile(store, step, {
    condition: step.condition,
    contentType,
    cache: 'document',
    headers,
    onBytes: (count) => progress.advance(count),
    copy: (options) => copyObject(step, etags, store, options),
    conflict: (cause) => conflictError([step.key], cause),
  });
}

/** Undefined if the file must be sent: it is not a copy, another run stored its source, or the source changed. */
async function copyObject(
  { key, copyOf, sizeBytes }: StoreStep,
  etags: ReadonlyMap<string, string>,
  store: ObjectStore,
  options: WriteOptions,
): Promise<{ readonly etag: string } | undefined> {
  const etag = copyOf === undefined ? undefined : etags.get(copyOf);
  if (copyOf === undefined || etag === undefined) return undefined;
  try {
    return await store.copy?.({ key: copyOf, sizeBytes, etag }, key, options);
  } catch (error) {
    // Sending the file shows whether the source or the target has changed.
    if (!isConditionFailed(error)) throw error;
    return undefined;
  }
}
