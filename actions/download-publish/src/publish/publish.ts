import {
  asSlipwayError,
  counted,
  formatBytes,
  type ProgressPort,
  RemoteError,
  type SlipwayError,
} from '@slipway/core';
import { parseKey } from '@slipway/download-window';
import {
  invalidationPaths,
  pathsToHandOn,
  pendingNotice,
  readPending,
  rememberReplacements,
} from '@slipway/pending-invalidations';
import { endAbandonedUploads } from '@slipway/publishing';
import type { FileOperation } from '../operation.ts';
import { shownKey } from '../redacted-links.ts';
import { type Clocks, latestWindow } from '../window-times.ts';
import { replacementsIn, windowPath, windowsToForget } from './cdn-paths.ts';
import { executePublish, type PublishExecution } from './execute.ts';
import { type Observed, observeObjects, observeWindows } from './observe.ts';
import { type PublishPlan, planPublish } from './plan.ts';

/** If more windows than this begin during a run, storing the files takes longer than a window. */
const maxRounds = 10;
/** Copying takes more requests than sending, so small files are sent again. */
const worthCopyingBytes = 16 * 2 ** 20;
const maxPrintedSteps = 500;
const reasonWords = {
  new: 'new',
  'other-headers': 'other headers',
  replaced: 'replaces other bytes',
} as const;

/** One reading of the clocks, and its consequences. */
export interface PublishRound {
  readonly clocks: Clocks;
  readonly plan: PublishPlan;
  /** Windows that a CDN must invalidate. */
  readonly toForget: readonly number[];
  /** Undefined for a dry run. */
  readonly execution: PublishExecution | undefined;
}

export interface Published {
  /** The last reading of the clocks. */
  readonly clocks: Clocks;
  readonly rounds: readonly PublishRound[];
  /** What a CDN must invalidate because of this publish and earlier ones, as input for `cloudfront-invalidate`. */
  readonly invalidationPaths: string;
  readonly failure: SlipwayError | undefined;
}

/**
 * Stores the files in every window that is due, and in windows that become due during the run, until none is missing. Throws before
 * anything is stored if publishing is impossible.
 */
export async function publishFiles(operation: FileOperation): Promise<Published> {
  const { given, context, store, files } = operation;
  const pendingPaths = pathsToHandOn(await readPending(store), () => []);
  if (pendingPaths.length > 0) context.progress.info(pendingNotice(pendingPaths));
  const rounds: PublishRound[] = [];
  const done = new Set<number>();
  const published = (clocks: Clocks, failure?: SlipwayError): Published => {
    const own = rounds.flatMap(({ toForget }) => toForget).map((window) => windowPath(given, window));
    const paths = invalidationPaths([...pendingPaths, ...own], given.baseUrl);
    return { clocks, rounds, invalidationPaths: paths, failure };
  };
  for (;;) {
    const observed = await observeWindows(operation, done);
    const { clocks, windows } = observed;
    if (rounds.length > 0 && windows.length === 0) {
      // Uploads that are old enough to be abandoned belong to past windows.
      const isOurs = (key: string): boolean => parseKey(given, key) !== undefined;
      await endAbandonedUploads(files, isOurs, store, context.progress);
      return published(clocks);
    }
    if (rounds.length === maxRounds) return published(clocks, tooSlow());
    if (rounds.length > 0)
      context.progress.info('The next window became due during the run: it is published too.');
    try {
      rounds.push(await publishRound(observed, operation));
    } catch (error) {
      // What an earlier round stored is still reported.
      if (rounds.length === 0) throw error;
      return published(clocks, asSlipwayError(error));
    }
    const execution = rounds.at(-1)?.execution;
    reportStored(execution, context.progress);
    if (execution?.failure !== undefined || given.dryRun) return published(clocks, execution?.failure);
    for (const window of windows) done.add(window);
  }
}

async function publishRound(observed: Observed, operation: FileOperation): Promise<PublishRound> {
  const { given, rules, context, store } = operation;
  const { clocks, windows } = observed;
  const objects = await observeObjects(observed, operation);
  const minCopyBytes = store.copy === undefined ? Number.POSITIVE_INFINITY : worthCopyingBytes;
  const plan = planPublish(windows, objects, { replace: given.replace, minCopyBytes });
  announce(plan, given.dryRun, context.progress);
  const toForget = windowsToForget(plan.steps, latestWindow(clocks, rules));
  if (given.dryRun) return { clocks, plan, toForget, execution: undefined };
  const remembered = await rememberReplacements(store, replacementsIn(given, toForget), context.clock);
  const ports = { store, progress: context.progress, concurrency: given.concurrency };
  const execution = await executePublish(plan, ports);
  if (execution.failure !== undefined) return { clocks, plan, toForget, execution };
  try {
    await remembered.complete();
    return { clocks, plan, toForget, execution };
  } catch (error) {
    return { clocks, plan, toForget, execution: { ...execution, failure: asSlipwayError(error) } };
  }
}

function announce({ steps, unchanged }: PublishPlan, dryRun: boolean, progress: ProgressPort): void {
  const verb = dryRun ? 'Would' : 'Will';
  for (const { key, sizeBytes, reason, copyOf } of steps.slice(0, maxPrintedSteps)) {
    const how = copyOf === undefined ? '' : ', a copy';
    progress.info(`${verb} store ${shownKey(key)} (${formatBytes(sizeBytes)}, ${reasonWords[reason]}${how})`);
  }
  if (steps.length > maxPrintedSteps) {
    const more = counted(steps.length - maxPrintedSteps, 'more object');
    progress.info(`${verb} store ${more}, listed in the report`);
  }
  if (unchanged > 0) progress.info(`${counted(unchanged, 'object is', 'objects are')} there already.`);
}

function reportStored(execution: PublishExecution | undefined, progress: ProgressPort): void {
  if (execution === undefined) return;
  const { stored, storedByOthers, bytesStored } = execution;
  progress.info(`Stored ${counted(stored.length, 'object')}, ${formatBytes(bytesStored)}.`);
  if (storedByOthers.length === 0) return;
  const others = counted(storedByOthers.length, 'object was', 'objects were');
  progress.info(`${others} stored by another run at the same time.`);
}

function tooSlow(): RemoteError {
  return new RemoteError('timed-out', 'Storing the files repeatedly took longer than a window.', {
    hint: 'Raise window-length, or publish fewer files.',
  });
}
