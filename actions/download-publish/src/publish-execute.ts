import {
  asSlipwayError,
  counted,
  formatBytes,
  mapConcurrently,
  type ObjectStore,
  type ProgressPort,
  RemoteError,
  type SlipwayError,
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
  try {
    await mapConcurrently(steps, ports.concurrency, async (step) => {
      if (await storeObject(step, ports)) {
        stored.push(step.key);
        bytesStored += step.sizeBytes;
      } else storedByOthers.push(step.key);
    });
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

/** Whether this run stored it: false when another did meanwhile, with the same bytes. */
async function storeObject(step: StoreStep, { store, progress }: PublishPorts): Promise<boolean> {
  const { key, path, sizeBytes, sha256, condition } = step;
  const { contentType, ...headers } = step.headers;
  let toldBytes = 0;
  const onBytes = (count: number): void => {
    toldBytes += count;
    progress.advance(count);
  };
  let isOurs = true;
  try {
    const source = { kind: 'file', path, sizeBytes } as const;
    await store.write(key, source, { condition, contentType, cache: 'document', sha256, headers, onBytes });
  } catch (error) {
    if (!(error instanceof RemoteError) || error.code !== 'condition-failed') throw error;
    // Somebody stored or replaced it since it was looked at: another job that publishes the same release.
    const there = await lookAtObject(store, key, sizeBytes);
    if (there.kind === 'missing' || hasOtherBytes(step, there)) throw conflictError([key], error);
    isOurs = false;
  }
  progress.advance(sizeBytes - toldBytes);
  return isOurs;
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
