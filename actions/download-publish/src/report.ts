import { formatBytes, type Problem, type SlipwayError } from '@slipway/core';
import { windowAt } from '@slipway/download-window';
import {
  type ActionResult,
  artifactsFile,
  factsSummary,
  reportFile,
  type SummaryBlock,
} from '@slipway/runner';
import { inputFindings } from './input-checks.ts';
import type { Inputs } from './inputs.ts';
import { type FileLink, linkedArtifacts, linkOutputs, windowFacts, windowOutputs } from './link-list.ts';
import type { Operation } from './operation.ts';
import { bestMs, type Clocks, currentWindow, timeText } from './window-times.ts';

const maxRows = 100;

/** Common to the reports of all operations. */
export interface ReportedRun {
  readonly given: Inputs;
  readonly clocks: Clocks;
  /** Windows that the run covered. */
  readonly windows: readonly number[];
  /** Links of the current window; none if the run failed, because they may not work. */
  readonly links: readonly FileLink[];
  readonly findings: readonly Problem[];
  readonly failure: SlipwayError | undefined;
}

/** What an operation adds to its report. */
export interface ReportPart {
  readonly outputs?: ActionResult['outputs'];
  readonly body: Readonly<Record<string, unknown>>;
  readonly facts: readonly (readonly [string, string])[];
  readonly tables: readonly SummaryBlock[];
  readonly askedFor?: readonly string[];
}

/** The links of all windows, shown only by the operation `window`: anyone who reads the summary can download. */
export function reportWindow(
  { given, rules }: Pick<Operation, 'given' | 'rules'>,
  clocks: Clocks,
  windows: readonly number[],
  allLinks: readonly FileLink[],
): ActionResult {
  const current = currentWindow(clocks, rules);
  const links = allLinks.filter(({ window }) => window === current);
  const run = { given, clocks, windows, links, findings: [], failure: undefined };
  const rows = allLinks.map(({ window, file, key, url }) => [String(window), file.platform, url ?? key]);
  return result(run, 'Download windows', {
    askedFor: ['urls', 'prefixes'],
    body: {},
    facts: [],
    tables: [windowTable(run), ...(rows.length === 0 ? [] : [table(['Window', 'Platform', 'Link'], rows)])],
  });
}

/** The result of a run: the common report, and a part of its own. */
export function result(
  run: ReportedRun,
  title: string,
  { outputs = {}, body, facts, tables, askedFor = [] }: ReportPart,
): ActionResult {
  const { given, clocks, windows, links, failure } = run;
  const problems = [...inputFindings(given), ...run.findings];
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
    summary: [{ kind: 'heading', text: title }, factsSummary([...facts, ...commonFacts(run)]), ...tables],
    problems,
    askedFor,
    failure,
  };
}

export function titleOf({ given, failure }: ReportedRun, done: string, failed: string): string {
  if (failure !== undefined) return failed;
  return given.dryRun ? `${done} (dry run)` : done;
}

function commonFacts({ given, clocks }: ReportedRun): readonly (readonly [string, string])[] {
  const { machineMs, storeMs } = clocks;
  return [
    ['Scheme', given.scheme],
    ['Time of this machine', timeText(machineMs)],
    ...(storeMs === undefined ? [] : ([['Time of the store', timeText(storeMs)]] as const)),
  ];
}

export function windowTable({ given, clocks, windows }: ReportedRun): SummaryBlock {
  const current = windowAt(Math.max(0, bestMs(clocks)), given.windowLength / 1_000).number;
  return table(
    ['Window', 'From', 'Until', 'Links work until'],
    windows.map((window) => {
      const { number, startsAt, endsAt, linksWorkUntil } = windowFacts(window, given);
      return [number === current ? `${number} (current)` : String(number), startsAt, endsAt, linksWorkUntil];
    }),
  );
}

export function fileTable(links: readonly FileLink[]): readonly SummaryBlock[] {
  if (links.length === 0) return [];
  const rows = links.map(({ file }) => [file.platform, file.name, formatBytes(file.sizeBytes), file.sha256]);
  return [table(['Platform', 'File', 'Size', 'SHA-256'], rows)];
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): SummaryBlock {
  const more =
    rows.length > maxRows ? [[`and ${rows.length - maxRows} more`, ...head.slice(1).map(() => '')]] : [];
  return { kind: 'table', head, rows: [...rows.slice(0, maxRows), ...more] };
}
