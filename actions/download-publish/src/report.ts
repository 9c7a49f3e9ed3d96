import { counted, formatBytes, type Problem, type SlipwayError } from '@slipway/core';
import { windowAt } from '@slipway/download-window';
import {
  type ActionResult,
  artifactsFile,
  factsSummary,
  reportFile,
  type SummaryBlock,
} from '@slipway/runner';
import type { Cleaned } from './cleanup.ts';
import { bestMs, type Clocks, timeText } from './clocks.ts';
import type { Inputs } from './inputs.ts';
import { type FileLink, linkedArtifacts, linkOutputs, windowFacts, windowOutputs } from './link-list.ts';
import type { Published } from './publish.ts';
import type { Renewed } from './renew.ts';
import type { Verified } from './verify.ts';

const maxRows = 100;

/** What every operation tells. */
export interface Told {
  readonly given: Inputs;
  readonly clocks: Clocks;
  /** Windows that the run was about. */
  readonly windows: readonly number[];
  /** Links of the current window; none where the run failed, so that nobody uses what may not work. */
  readonly links: readonly FileLink[];
  readonly problems: readonly Problem[];
  readonly failure: SlipwayError | undefined;
}

interface Story {
  readonly outputs?: ActionResult['outputs'];
  readonly body: Readonly<Record<string, unknown>>;
  readonly facts: readonly (readonly [string, string])[];
  readonly tables: readonly SummaryBlock[];
  readonly askedFor?: readonly string[];
}

export function reportPublish(told: Told, published: Published): ActionResult {
  const title = titleOf(told, 'Downloads published', 'Publishing downloads failed');
  return result(told, title, publishStory(told, published));
}

/** What was published, and what was deleted. */
export function reportRenew(told: Told, { published, cleaned }: Renewed): ActionResult {
  const stored = publishStory(told, published);
  const deleted: Story | undefined = cleaned && cleanupStory(cleaned);
  return result(told, titleOf(told, 'Downloads renewed', 'Renewing downloads failed'), {
    outputs: { ...stored.outputs, deleted: 0, ...deleted?.outputs },
    body: { ...stored.body, cleanup: deleted?.body },
    facts: [...stored.facts, ...(deleted?.facts ?? [])],
    tables: [...stored.tables, ...(deleted?.tables ?? [])],
  });
}

export function reportVerify(told: Told, { plan, proofs, findings }: Verified): ActionResult {
  const served = (proofs ?? []).filter(({ step }) => step.kind === 'prove-served');
  const proven = served.filter((proof) => proof.served.kind === 'fresh').length;
  const refused = plan.steps.length - plan.steps.filter(({ kind }) => kind === 'prove-served').length;
  const title = titleOf(told, 'Downloads are served', 'Downloads are not served as they must be');
  return result(told, title, {
    outputs: { proven },
    body: { plan, proofs, findings },
    facts: [
      ['Stored as they should be', counted(plan.soundObjects, 'object')],
      ['Served', `${proven} of ${counted(plan.steps.length - refused, 'link')}`],
      ['Asked for that must be refused', counted(refused, 'link')],
    ],
    tables: [
      ...(findings.length === 0
        ? []
        : [
            table(
              ['Code', 'What', 'Where'],
              findings.map(({ code, message, key = '' }) => [code, message, key]),
            ),
          ]),
      windowTable(told),
      ...fileTable(told.links),
    ],
  });
}

export function reportCleanup(told: Told, cleaned: Cleaned): ActionResult {
  const title = titleOf(told, 'Old downloads cleaned up', 'Cleaning up downloads failed');
  return result(told, title, cleanupStory(cleaned));
}

/** The links of all windows, which only this operation shows: whoever reads the summary may download. */
export function reportWindow(told: Told, links: readonly FileLink[]): ActionResult {
  return result(told, 'Download windows', {
    askedFor: ['urls', 'prefixes'],
    body: {},
    facts: [],
    tables: [
      windowTable(told),
      ...(links.length === 0
        ? []
        : [
            table(
              ['Window', 'Platform', 'Link'],
              links.map(({ window, file, key, url }) => [String(window), file.platform, url ?? key]),
            ),
          ]),
    ],
  });
}

function publishStory(told: Told, { rounds, invalidationPaths }: Published): Story {
  const executions = rounds.flatMap(({ execution }) => execution ?? []);
  const uploaded = executions.reduce((sum, { stored }) => sum + stored.length, 0);
  const byOthers = executions.reduce((sum, { storedByOthers }) => sum + storedByOthers.length, 0);
  const unchanged = rounds.reduce((sum, { plan }) => sum + plan.unchanged, byOthers);
  const bytes = executions.reduce((sum, { bytesStored }) => sum + bytesStored, 0);
  const planned = rounds.flatMap(({ plan }) => plan.steps);
  return {
    outputs: { uploaded, unchanged, 'invalidation-paths': invalidationPaths },
    body: { rounds, invalidationPaths },
    facts: [
      told.given.dryRun
        ? ['Would be stored', counted(planned.length, 'object')]
        : ['Stored', `${counted(uploaded, 'object')}, ${formatBytes(bytes)}`],
      ['There already', counted(unchanged, 'object')],
    ],
    tables: [windowTable(told), ...fileTable(told.links)],
  };
}

function cleanupStory({ plan, deleted }: Cleaned): Story {
  const total = plan.steps.reduce((sum, { keys }) => sum + keys.length, 0);
  const gone = deleted?.length ?? 0;
  return {
    outputs: { deleted: gone },
    body: { plan, deleted },
    facts: [
      deleted === undefined
        ? ['Would be deleted', counted(total, 'object')]
        : ['Deleted', `${gone} of ${counted(total, 'object')}`],
      ['Windows that stay', String(plan.kept.length)],
      ['Objects of no window', String(plan.strangers.count)],
    ],
    tables:
      plan.steps.length === 0
        ? []
        : [
            table(
              ['Past window', 'Ended', 'Objects', 'Size'],
              plan.steps.map(({ window, endedAtMs, keys, sizeBytes }) => [
                String(window),
                timeText(endedAtMs),
                String(keys.length),
                formatBytes(sizeBytes),
              ]),
            ),
          ],
  };
}

function result(
  told: Told,
  title: string,
  { outputs = {}, body, facts, tables, askedFor = [] }: Story,
): ActionResult {
  const { given, clocks, windows, links, problems, failure } = told;
  const current = windowAt(Math.max(0, bestMs(clocks)), given.windowLength / 1_000);
  const artifacts = linkedArtifacts(links);
  return {
    outputs: {
      ...windowOutputs(current),
      windows: windows.join('\n'),
      ...linkOutputs(links),
      ...outputs,
    },
    files: [
      ...(links.length === 0 ? [] : [artifactsFile('download-artifacts.json', artifacts)]),
      reportFile('download-publish', given.report, {
        operation: given.operation,
        dryRun: given.dryRun,
        scheme: given.scheme,
        destination: given.destination,
        clocks,
        currentWindow: current.number,
        windows: windows.map((window) => windowFacts(window, given)),
        links: links.map(({ window, file, key, url }) => ({
          window,
          platform: file.platform,
          name: file.name,
          key,
          url,
        })),
        ...(artifacts.length === 0 ? {} : { artifacts }),
        ...body,
        problems,
        failure: failure && { code: failure.code, message: failure.message },
      }),
    ],
    summary: [{ kind: 'heading', text: title }, factsSummary([...facts, ...commonFacts(told)]), ...tables],
    problems,
    askedFor,
    failure,
  };
}

function titleOf({ given, failure }: Told, done: string, failed: string): string {
  if (failure !== undefined) return failed;
  return given.dryRun ? `${done} (dry run)` : done;
}

function commonFacts({ given, clocks }: Told): readonly (readonly [string, string])[] {
  const { machineMs, storeMs } = clocks;
  return [
    ['Scheme', given.scheme],
    ['Time of this machine', timeText(machineMs)],
    ...(storeMs === undefined ? [] : ([['Time of the store', timeText(storeMs)]] as const)),
  ];
}

function windowTable({ given, clocks, windows }: Told): SummaryBlock {
  const current = windowAt(Math.max(0, bestMs(clocks)), given.windowLength / 1_000).number;
  return table(
    ['Window', 'From', 'Until', 'Links work until'],
    windows.map((window) => {
      const { number, startsAt, endsAt, linksWorkUntil } = windowFacts(window, given);
      return [number === current ? `${number} (current)` : String(number), startsAt, endsAt, linksWorkUntil];
    }),
  );
}

function fileTable(links: readonly FileLink[]): readonly SummaryBlock[] {
  if (links.length === 0) return [];
  const rows = links.map(({ file }) => [file.platform, file.name, formatBytes(file.sizeBytes), file.sha256]);
  return [table(['Platform', 'File', 'Size', 'SHA-256'], rows)];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): SummaryBlock {
  const more =
    rows.length > maxRows ? [[`and ${rows.length - maxRows} more`, ...head.slice(1).map(() => '')]] : [];
  return { kind: 'table', head, rows: [...rows.slice(0, maxRows), ...more] };
}
