import {
  asSlipwayError,
  type Clock,
  type ObjectStore,
  type ProgressPort,
  printable,
  UserError,
} from '@slipway/core';
import { type BuildResult, buildIndex } from '@slipway/index-building';
import { type IndexConfiguration, isBelow, type StoreAddress } from '@slipway/simple-index';
import { Budget } from './budget.ts';
import { R2Store } from './r2-store.ts';
import { S3Source } from './s3-source.ts';
import { type RunSettings, r2Binding, type WorkerEnvironment } from './settings.ts';

/** Writes one line of JSON to the log. Never given a secret. */
export type Log = (
  level: 'info' | 'warn' | 'error',
  event: string,
  facts: Readonly<Record<string, unknown>>,
) => void;

/** What a run came to, as the trigger answers. */
export interface RunSummary {
  readonly isDone: boolean;
  /** Why the run ended before everything was done; undefined if it did not. */
  readonly stopped: string | undefined;
  readonly objects: number;
  readonly written: number;
  readonly deleted: number;
  readonly durationMs: number;
  readonly subrequests: number;
  /** What went wrong. */
  readonly errors: readonly string[];
}

/** Builds the index once, within the budget, and logs what it did. Throws what `buildIndex` throws. */
export async function runIndex(
  environment: WorkerEnvironment,
  settings: RunSettings,
  clock: Clock,
  log: Log,
): Promise<RunSummary> {
  const { configuration } = settings;
  const budget = new Budget(settings.limits, clock, (message, isStop) =>
    log('warn', isStop ? 'budget-stop' : 'budget-warning', { message, subrequests: budget.subrequests }),
  );
  const open = (address: StoreAddress): ObjectStore =>
    openStore(address, environment, settings, clock, budget);
  if (configuration.source === undefined)
    throw new UserError('input-invalid', 'The configuration has no source.');
  const source = open(configuration.source);
  const destinations = configuration.destinations.map(open);
  const progress = progressOf(log, budget);
  const result = await buildIndex(
    { configuration, source, destinations, clock, progress },
    // A Worker holds six connections open; more requests wait.
    { concurrency: 6, mayContinue: () => budget.mayContinue() },
  );
  for (const finding of result.findings) log('warn', 'finding', { ...finding });
  logPrefixes(configuration, result, log);
  return summarize(result, budget, log);
}

function openStore(
  { url, endpointUrl }: StoreAddress,
  environment: WorkerEnvironment,
  { region, credentials }: RunSettings,
  clock: Clock,
  budget: Budget,
): ObjectStore {
  const onRequest = (): void => budget.onRequest();
  const bucket = r2Binding(url, environment);
  if (bucket !== undefined) return new R2Store(bucket, { url, clock, onRequest });
  return new S3Source({ url, endpointUrl, region, credentials, clock, onRequest });
}

function progressOf(log: Log, budget: Budget): ProgressPort {
  return {
    start: (step) =>
      log('info', 'step', { step, elapsedMs: budget.elapsedMs(), subrequests: budget.subrequests }),
    advance() {},
    info: (message) => log('info', 'message', { message }),
    debug() {},
  };
}

/** Pages written and deleted, by destination and the most specific prefix. */
function logPrefixes({ prefixes }: IndexConfiguration, result: BuildResult, log: Log): void {
  const directories = prefixes.map(({ pages }) => pages).sort((one, other) => other.length - one.length);
  for (const { url, written, deleted } of result.destinations) {
    const counts = new Map(directories.map((pages) => [pages, { uploads: 0, deletions: 0 }]));
    const count = (keys: readonly string[], what: 'uploads' | 'deletions'): void => {
      for (const key of keys) {
        const own = counts.get(directories.find((pages) => isBelow(key, pages)) ?? '');
        if (own !== undefined) own[what] += 1;
      }
    };
    count(written, 'uploads');
    count(deleted, 'deletions');
    for (const { pages } of prefixes)
      log('info', 'prefix', { destination: url, prefix: pages, ...counts.get(pages) });
  }
}

function summarize(result: BuildResult, budget: Budget, log: Log): RunSummary {
  const errors = [
    ...result.destinations.flatMap(({ url, error }) =>
      error === undefined ? [] : [`${url}: ${error.message}`],
    ),
    ...result.failures.map(({ key, error }) => `"${printable(key)}": ${error.message}`),
    ...(result.memoryError === undefined ? [] : [result.memoryError.message]),
  ];
  const total = (countOf: (one: BuildResult['destinations'][number]) => number): number =>
    result.destinations.reduce((sum, one) => sum + countOf(one), 0);
  const summary: RunSummary = {
    isDone: result.isDone,
    stopped: budget.stopReason,
    objects: result.objects,
    written: total(({ written }) => written.length),
    deleted: total(({ deleted }) => deleted.length),
    durationMs: budget.elapsedMs(),
    subrequests: budget.subrequests,
    errors,
  };
  log(errors.length > 0 ? 'error' : 'info', 'run', {
    ...summary,
    left: total(({ left }) => left),
    counts: result.counts,
  });
  return summary;
}

/** A log of JSON lines, which Workers Logs and `wrangler tail` read as objects. */
export const consoleLog: Log = (level, event, facts) => {
  // biome-ignore lint/suspicious/noConsole: the console is the log of a Worker.
  console[level](JSON.stringify({ level, event, ...facts }));
};

/** What an error says, for the log. */
export function errorFacts(error: unknown): Readonly<Record<string, unknown>> {
  const { code, message, hint } = asSlipwayError(error);
  return { code, message, hint };
}
