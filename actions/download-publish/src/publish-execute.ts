import {
  asSlipwayError,
  counted,
  formatBytes,
  isConditionFailed,
  mapConcurrently,
  type ObjectStore,
  type ProgressPort,
  RemoteError,
  type SlipwayError,
  type WriteOptions,
} from '@slipway/core';
import { conflictError, hasOtherBytes, type PublishPlan, type StoreStep } from './publish-plan.ts';
import { shownKey } from './shown.ts';
import { lookAtObject } from './stored-objects.ts';

export interface PublishPorts {
  readonly store: ObjectStore;
  readonly progress: ProgressPort;
  readonly concurrency: number;
}

/** What was done, also when it failed afterwards. */
export interface PublishExecution {
  /** Keys that this run stored. */
  readonly stored: readonly string[];
  /** Keys that another run stored meanwhile, with the same bytes. */
  readonly storedByOthers: readonly string[];
  readonly bytesStored: number;
  readonly failure: SlipwayError | undefined;
}

/**
 * Stores what the plan names and checks that it is there. A failure ends it; every object that was stored until then is whole, and
 * running again stores the others.
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
    const etag = await storeObject(step, etags, ports);
    if (etag === undefined) {
      storedByOthers.push(step.key);
      return;
    }
    etags.set(step.key, etag);
    stored.push(step.key);
    bytesStored += step.sizeBytes;
  };
  try {
    // Copies begin when all that they are of is stored.
    for (const some of [
      steps.filter(({ copyOf }) => copyOf === undefined),
      steps.filter(({ copyOf }) => copyOf !== undefined),
    ]) {
      await mapConcurrently(some, ports.concurrency, store);
    }
    ports.progress.start(`Checking ${counted(steps.length, 'object')}`, steps.length, 'entries');
    await mapConcurrently(steps, ports.concurrency, async (step) => {
      await checkObject(step, ports.store);
      ports.progress.advance(1);
    });
  } catch (error) {
    return { stored, storedByOthers, bytesStored, failure: asSlipwayError(error) };
  }
  return { stored, storedByOthers, bytesStored, failure: undefined };
}

/** The ETag of what this run stored; undefined when another run did meanwhile, with the same bytes. */
async function storeObject(
  step: StoreStep,
  etags: ReadonlyMap<string, string>,
  { store, progress }: PublishPorts,
): Promise<string | undefined> {
  const { key, path, sizeBytes, sha256, condition } = step;
  const { contentType, ...headers } = step.headers;
  let toldBytes = 0;
  const onBytes = (count: number): void => {
    toldBytes += count;
    progress.advance(count);
  };
  const options = { condition, contentType, cache: 'document', sha256, headers, onBytes } as const;
  try {
    const copied = await copyObject(step, etags, store, options);
    const source = { kind: 'file', path, sizeBytes } as const;
    const { etag } = copied ?? (await store.write(key, source, options));
    progress.advance(sizeBytes - toldBytes);
    return etag;
  } catch (error) {
    if (!isConditionFailed(error)) throw error;
    // Somebody stored or replaced it since it was looked at: another job that publishes the same release.
    const there = await lookAtObject(store, key, sizeBytes);
    if (there.kind === 'missing' || hasOtherBytes(step, there)) throw conflictError([key], error);
    progress.advance(sizeBytes - toldBytes);
    return undefined;
  }
}

/** Undefined where the file must be sent: it is no copy, or what it is of was stored by another run, or is not what it was. */
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
    // Whether it is the source or the target that is other than it was, sending the file finds out.
    if (!isConditionFailed(error)) throw error;
    return undefined;
  }
}

async function checkObject({ key, sizeBytes, sha256 }: StoreStep, store: ObjectStore): Promise<void> {
  const info = await store.head(key);
  const isAsSent = info?.sizeBytes === sizeBytes && (info.sha256 ?? sha256) === sha256;
  if (isAsSent) return;
  throw new RemoteError(
    'unexpected-response',
    `${shownKey(key)} was stored, and then ${info === undefined ? 'it is not there' : 'it is another file'}.`,
    { hint: 'Another run may have replaced or removed it: let one at a time publish there, and run again.' },
  );
}
