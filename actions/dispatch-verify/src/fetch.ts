import { lstat, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Clock,
  counted,
  type Environment,
  formatBytes,
  makeDirectories,
  mapConcurrently,
  type ProgressPort,
  printable,
  retrying,
  retryNotice,
  UserError,
  writeError,
} from '@slipway/core';
import { type Refusal, refusal } from '@slipway/dispatch-payload';
import { hasContents } from '@slipway/local-files';
import { Downloader, DownloadFault } from './download.ts';
import type { FetchStep } from './plan.ts';

const concurrency = 4;
const maxAttempts = 4;
const backoff = { leastMs: 250, baseMs: 500, capMs: 10_000 };
/** Holds files until all of them are complete and correct. */
const partialDirectory = '.slipway-fetch';
const placeHint = 'Name a writable directory that has no subdirectory with the name of an artifact.';

export interface FetchPorts {
  readonly clock: Clock;
  readonly progress: ProgressPort;
  readonly environment: Environment;
}

/**
 * Fetches files into a directory. They get their names there only if all of them have the right size and SHA-256 and
 * `beforePlacing` refuses nothing; otherwise no file is left, and the refusals are returned. A file that is already there with the
 * right bytes is not fetched again.
 */
export async function fetchAll(
  steps: readonly FetchStep[],
  directory: string,
  ports: FetchPorts,
  beforePlacing: () => Promise<readonly Refusal[]> = async () => [],
): Promise<readonly Refusal[]> {
  const partial = join(directory, partialDirectory);
  const downloader = new Downloader(ports.environment);
  try {
    // A killed run may have left files there.
    await rm(partial, { recursive: true, force: true });
    makeDirectories(partial, placeHint);
    const missing: FetchStep[] = [];
    for (const step of steps) if (!hasContents(join(directory, step.name), step)) missing.push(step);
    ports.progress.start(
      'Fetch',
      missing.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      'bytes',
    );
    const refusals = await mapConcurrently(missing, concurrency, (step) =>
      fetchPatiently(step, join(partial, step.name), downloader, ports),
    );
    const refused = refusals.filter((found) => found !== undefined);
    if (refused.length > 0) return refused;
    await assertPlaceable(missing, directory);
    const refusedLast = await beforePlacing();
    if (refusedLast.length > 0) return refusedLast;
    for (const { name } of missing) await rename(join(partial, name), join(directory, name));
    if (steps.length > 0) ports.progress.info(fetchedText(steps, missing.length));
    return [];
  } catch (error) {
    throw writeError(directory, error, placeHint);
  } finally {
    downloader.close();
    // The next run removes what this one cannot; the reason for a failure matters more.
    await rm(partial, { recursive: true, force: true }).catch(() => {});
  }
}

/** Refuses a directory that a rename would fail on, before anything is decided. */
async function assertPlaceable(steps: readonly FetchStep[], directory: string): Promise<void> {
  for (const { name } of steps) {
    const path = join(directory, name);
    const present = await lstat(path).catch(() => undefined);
    if (present?.isDirectory() !== true) continue;
    throw new UserError(
      'target-read-only',
      `${printable(path)} cannot be written: a directory has this name`,
      { hint: placeHint },
    );
  }
}

function fetchedText(steps: readonly FetchStep[], fetched: number): string {
  const sizeBytes = steps.reduce((sum, step) => sum + step.sizeBytes, 0);
  const rest = fetched === steps.length ? '' : `, of which ${steps.length - fetched} were already there`;
  return `${counted(steps.length, 'artifact')} with the right SHA-256, ${formatBytes(sizeBytes)} in total${rest}.`;
}

async function fetchPatiently(
  step: FetchStep,
  path: string,
  downloader: Downloader,
  { clock, progress }: FetchPorts,
): Promise<Refusal | undefined> {
  const name = printable(step.name, 200);
  const rule = {
    clock,
    maxAttempts,
    backoff,
    isTransient: (error: unknown) => error instanceof DownloadFault && error.isTransient,
    onRetry: (error: unknown, waitMs: number) => progress.info(`${name}: ${retryNotice(error, waitMs)}`),
  };
  try {
    await retrying(rule, async ({ number }) => {
      if (number > 0) await rm(path, { force: true });
      await downloader.fetch(step.url, path, step, (count) => progress.advance(count));
    });
    return undefined;
  } catch (error) {
    if (!(error instanceof DownloadFault)) throw error;
    await rm(path, { force: true });
    return refusal(error.code, `the artifact "${name}": ${error.message}`);
  }
}
