import { isAbsolute, join, relative } from 'node:path';
import { type Artifact, counted, formatBytes, formatDuration, type Problem } from '@slipway/core';
import {
  type ActionResult,
  artifactsFile,
  factsSummary,
  reportFile,
  type SummaryBlock,
} from '@slipway/runner';
import { type PackedArchive, type Result, unpackedBytes } from './execute.ts';
import { type Finding, lostExecutableBits } from './findings.ts';
import type { Plan, WriteStep } from './plan.ts';

export interface ReportInput {
  readonly plan: Plan;
  readonly notices: readonly Problem[];
  /** Undefined for a dry run. */
  readonly result: Result | undefined;
  readonly outputDirectory: string;
  readonly workDirectory: string;
  readonly reportPath: string | undefined;
  readonly durationMs: number;
}

const maxReportedEntries = 10_000;
const maxRows = 50;

/** The result of a run: outputs, the list of artifacts, the JSON report and the summary. Pure. */
export function report(input: ReportInput): ActionResult {
  const { plan, result } = input;
  const placed = (result?.archives ?? []).filter(({ wasThere }) => wasThere !== undefined);
  const artifacts = placed.map((archive) => artifactOf(archive, input));
  const isDone = result !== undefined && result.failure === undefined;
  const problems = lostExecutableBits(result?.archives ?? []);
  return {
    outputs: {
      paths: artifacts.map(({ path }) => path).join('\n'),
      archives: placed.length,
      unchanged: placed.filter(({ wasThere }) => wasThere).length,
      entries: placed.reduce((sum, { entries }) => sum + entries.length, 0),
      'total-bytes': placed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    },
    files: [
      ...(isDone ? [artifactsFile('archive-pack-artifacts.json', artifacts)] : []),
      reportFile('archive-pack', input.reportPath, {
        dryRun: result === undefined,
        archives:
          result === undefined ? writesOf(plan).map(plannedReport) : result.archives.map(writtenReport),
        ...(isDone ? { artifacts } : {}),
        notices: input.notices,
        failure: result?.failure && { code: result.failure.code, message: result.failure.message },
        problems,
      }),
    ],
    summary: [...summary(input), ...problemsTable(problems)],
    problems: [...input.notices, ...problems],
    failure: result?.failure,
  };
}

function artifactOf(
  { name, platform, sizeBytes, sha256 }: PackedArchive,
  { outputDirectory, workDirectory }: ReportInput,
): Artifact {
  const path = join(outputDirectory, name);
  const fromWorkspace = relative(workDirectory, path);
  const isBelow = !isAbsolute(fromWorkspace) && !fromWorkspace.startsWith('..');
  return { name, platform, sizeBytes, sha256, path: isBelow ? fromWorkspace : path };
}

function writesOf({ steps }: Plan): readonly WriteStep[] {
  return steps.filter((step) => step.kind === 'write-archive');
}

function plannedReport(step: WriteStep): Readonly<Record<string, unknown>> {
  const { name, platform, minimumBytes, maximumBytes, entries } = step;
  return {
    name,
    platform,
    minimumBytes,
    maximumBytes,
    unpackedBytes: unpackedBytes(step),
    ...someEntries(
      entries.map((entry) => ({
        name: entry.name,
        kind: entry.kind,
        ...(entry.kind === 'link' ? { target: entry.target } : {}),
        ...(entry.kind === 'file' ? { executable: entry.executable } : {}),
        ...(entry.kind === 'file' && entry.source.kind === 'file' ? { path: entry.source.path } : {}),
      })),
    ),
  };
}

function writtenReport(archive: PackedArchive): Readonly<Record<string, unknown>> {
  const { name, platform, sizeBytes, sha256, wasThere, entries } = archive;
  return {
    name,
    platform,
    sizeBytes,
    sha256,
    inPlace: wasThere !== undefined,
    unchanged: wasThere ?? false,
    ...someEntries(entries.map(({ mode, ...entry }) => ({ ...entry, mode: mode.toString(8) }))),
  };
}

function someEntries(entries: readonly object[]): Readonly<Record<string, unknown>> {
  return {
    entries: entries.slice(0, maxReportedEntries),
    entriesLeftOut: Math.max(0, entries.length - maxReportedEntries),
  };
}

function summary(input: ReportInput): readonly SummaryBlock[] {
  const { plan, result, outputDirectory } = input;
  const writes = writesOf(plan);
  return [
    { kind: 'heading', text: titleOf(result) },
    factsSummary([
      ['Directory', outputDirectory],
      ['Zips', counted(writes.length, 'zip')],
      ['Unpacked', formatBytes(writes.reduce((sum, step) => sum + unpackedBytes(step), 0))],
      ['Time', formatDuration(input.durationMs)],
    ]),
    result === undefined
      ? {
          kind: 'table',
          head: ['Zip', 'Platform', 'Entries', 'Unpacked'],
          rows: writes
            .slice(0, maxRows)
            .map((step) => [
              step.name,
              step.platform ?? '',
              step.entries.length.toLocaleString('en-US'),
              formatBytes(unpackedBytes(step)),
            ]),
        }
      : archivesTable(result.archives),
    ...input.notices.map(({ message }) => ({ kind: 'text', text: message }) as const),
  ];
}

function problemsTable(problems: readonly Finding[]): readonly SummaryBlock[] {
  if (problems.length === 0) return [];
  const rows = problems.slice(0, maxRows).map(({ key, message, hint }) => [key ?? '', message, hint ?? '']);
  return [{ kind: 'table', head: ['Warning for', 'What', 'What to do'], rows }];
}

function archivesTable(archives: readonly PackedArchive[]): SummaryBlock {
  return {
    kind: 'table',
    // The widest column is last, where it may be cut off.
    head: ['Zip', 'Platform', 'Entries', 'Unpacked', 'Size', '', 'SHA-256'],
    rows: archives
      .slice(0, maxRows)
      .map((archive) => [
        archive.name,
        archive.platform ?? '',
        archive.entries.length.toLocaleString('en-US'),
        formatBytes(archive.entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)),
        formatBytes(archive.sizeBytes),
        stateOf(archive),
        archive.sha256,
      ]),
  };
}

function stateOf({ wasThere }: PackedArchive): string {
  if (wasThere === undefined) return 'not put in place';
  return wasThere ? 'unchanged' : 'new';
}

function titleOf(result: Result | undefined): string {
  if (result === undefined) return 'Zips to be packed (dry run)';
  return result.failure === undefined ? 'Zips packed' : 'Zips not packed';
}
