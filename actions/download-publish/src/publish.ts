import {
  asSlipwayError,
  counted,
  formatBytes,
  mapConcurrently,
  type ObjectStore,
  RemoteError,
  type SlipwayError,
} from '@slipway/core';
import {
  invalidationPaths,
  pathsToHandOn,
  pendingNotice,
  readPending,
  rememberReplacements,
} from '@slipway/pending-invalidations';
import type { ActionContext } from '@slipway/runner';
import type { Addresses } from './addresses.ts';
import { replacementsIn, windowPath, windowsToForget } from './cdn-paths.ts';
import { type Clocks, coveredWindows, latestWindow, readClocks, refuseDisagreement } from './clocks.ts';
import { type CacheRules, headersOf } from './headers.ts';
import type { Operation } from './operation.ts';
import { executePublish, type PublishExecution } from './publish-execute.ts';
import { type PublishPlan, planPublish, type SeenObject, type WantedObject } from './publish-plan.ts';
import type { ReleaseFile } from './release-files.ts';
import { shownKey } from './shown.ts';
import { lookAtObject } from './stored-objects.ts';

/** A run in which the windows move on more often than this has files that take longer than a window. */
const maxRounds = 10;
const looksAtOnce = 16;
/** Copying takes some requests more than sending, so that small files are sent again. */
const worthCopyingBytes = 16 * 2 ** 20;
const maxPrintedSteps = 500;
const reasonWords = {
  new: 'new',
  'other-headers': 'other headers',
  replaced: 'replaces other bytes',
} as const;

/** One look at the clocks, and what it led to. */
export interface PublishRound {
  readonly clocks: Clocks;
  readonly plan: PublishPlan;
  /** Windows of which a CDN must forget what it has. */
  readonly toForget: readonly number[];
  /** Undefined for a dry run. */
  readonly execution: PublishExecution | undefined;
}

export interface Published {
  /** The last look at the clocks. */
  readonly clocks: Clocks;
  readonly rounds: readonly PublishRound[];
  /** What a CDN must forget, of this publish and of earlier ones, as `cloudfront-invalidate` takes it. */
  readonly invalidationPaths: string;
  readonly failure: SlipwayError | undefined;
}

/**
 * Stores the files in every window that is to be published. When the windows moved on meanwhile, it goes on with those that
 * have become due, until none is missing. Throws what makes publishing impossible before anything is stored.
 */
export async function publishFiles(
  files: readonly ReleaseFile[],
  addresses: Addresses,
  store: ObjectStore,
  { given, rules, context }: Operation,
): Promise<Published> {
  const pendingPaths = pathsToHandOn(await readPending(store), () => []);
  tellPending();
  const rounds: PublishRound[] = [];
  const done = new Set<number>();
  for (;;) {
    const clocks = await readClocks(context.clock, store);
    const windows = coveredWindows(clocks, rules).filter((window) => !done.has(window));
    if (rounds.length > 0 && windows.length === 0) return published(clocks);
    if (rounds.length === maxRounds) return published(clocks, neverDone());
    try {
      rounds.push(await publishRound(clocks, windows, rounds.length > 0));
    } catch (error) {
      // What was stored in an earlier round is told all the same.
      if (rounds.length === 0) throw error;
      return published(clocks, asSlipwayError(error));
    }
    tellStored(rounds.at(-1)?.execution);
    const failure = rounds.at(-1)?.execution?.failure;
    if (failure !== undefined || given.dryRun) return published(clocks, failure);
    for (const window of windows) done.add(window);
  }

  function published(clocks: Clocks, failure?: SlipwayError): Published {
    const own = rounds.flatMap(({ toForget }) => toForget).map((window) => windowPath(given, window));
    return {
      clocks,
      rounds,
      invalidationPaths: invalidationPaths([...pendingPaths, ...own], given.baseUrl),
      failure,
    };
  }

  function tellPending(): void {
    if (pendingPaths.length === 0) return;
    context.progress.info(pendingNotice(pendingPaths));
  }

  function tellStored(execution: PublishExecution | undefined): void {
    if (execution === undefined) return;
    const { stored, storedByOthers, bytesStored } = execution;
    context.progress.info(`Stored ${counted(stored.length, 'object')}, ${formatBytes(bytesStored)}.`);
    if (storedByOthers.length > 0) {
      context.progress.info(
        `${counted(storedByOthers.length, 'object was', 'objects were')} stored by another run meanwhile.`,
      );
    }
  }

  async function publishRound(
    clocks: Clocks,
    windows: readonly number[],
    isLater: boolean,
  ): Promise<PublishRound> {
    const { progress } = context;
    refuseDisagreement(clocks, rules.toleranceMs);
    if (isLater) progress.info('The windows moved on meanwhile: what is next now is published as well.');
    const wanted = wantedObjects(files, windows, addresses, rules);
    progress.start(`Looking for ${counted(wanted.length, 'object')}`, wanted.length, 'entries');
    const seen = await mapConcurrently(wanted, looksAtOnce, async (object): Promise<SeenObject> => {
      const stored = await lookAtObject(store, object.key, object.sizeBytes);
      progress.advance(1);
      return { wanted: object, stored };
    });
    const minCopyBytes = store.copy === undefined ? Number.POSITIVE_INFINITY : worthCopyingBytes;
    const plan = planPublish(windows, seen, { replace: given.replace, minCopyBytes });
    announce(plan, given.dryRun, context);
    const toForget = windowsToForget(plan.steps, latestWindow(clocks, rules));
    if (given.dryRun) return { clocks, plan, toForget, execution: undefined };
    const remembered = await rememberReplacements(store, replacementsIn(given, toForget), context.clock);
    const execution = await executePublish(plan, { store, progress, concurrency: given.concurrency });
    if (execution.failure !== undefined) return { clocks, plan, toForget, execution };
    try {
      await remembered.complete();
      return { clocks, plan, toForget, execution };
    } catch (error) {
      return { clocks, plan, toForget, execution: { ...execution, failure: asSlipwayError(error) } };
    }
  }
}

/** Each file in each window under each secret; an address that secrets share, once. */
function wantedObjects(
  files: readonly ReleaseFile[],
  windows: readonly number[],
  addresses: Addresses,
  rules: CacheRules,
): readonly WantedObject[] {
  const wanted = new Map<string, WantedObject>();
  for (const window of windows) {
    for (const file of files) {
      const { platform, name, path = '', sizeBytes, sha256 } = file;
      const headers = headersOf(name, window, rules);
      for (const { key } of addresses.of(file, window)) {
        wanted.set(key, { key, window, platform, name, path, sizeBytes, sha256, headers });
      }
    }
  }
  return [...wanted.values()];
}

function announce({ steps, unchanged }: PublishPlan, dryRun: boolean, { progress }: ActionContext): void {
  const verb = dryRun ? 'Would' : 'Will';
  for (const { key, sizeBytes, reason, copyOf } of steps.slice(0, maxPrintedSteps)) {
    const how = copyOf === undefined ? '' : ', a copy';
    progress.info(`${verb} store ${shownKey(key)} (${formatBytes(sizeBytes)}, ${reasonWords[reason]}${how})`);
  }
  if (steps.length > maxPrintedSteps) {
    progress.info(
      `${verb} store ${counted(steps.length - maxPrintedSteps, 'more object')}: the report has them`,
    );
  }
  if (unchanged > 0) progress.info(`${counted(unchanged, 'object is', 'objects are')} there already.`);
}

function neverDone(): RemoteError {
  return new RemoteError('timed-out', 'Storing the files takes longer than a window, again and again.', {
    hint: 'Make window-length longer, or the files fewer.',
  });
}
