import { counted, encodeKey, formatBytes, formatDuration, type SlipwayError } from '@slipway/core';
import { cdnPathOf, invalidationPaths } from '@slipway/pending-invalidations';
import {
  type ActionResult,
  factsSummary,
  type ResultFile,
  reportFile,
  type SummaryBlock,
} from '@slipway/runner';
import type { Result } from './execute.ts';
import type { Note } from './notes.ts';
import type { Observation, Plan, Step, WriteStep } from './plan.ts';
import { reasonWords } from './step-text.ts';

export interface ReportInput {
  readonly plan: Plan;
  readonly observation: Observation;
  /** Undefined for a dry run. */
  readonly result: Result | undefined;
  readonly failure: SlipwayError | undefined;
  readonly notes: readonly Note[];
  /** Unpublished credential stores. */
  readonly leftOut: readonly string[];
  /** Paths that earlier publishes replaced and for which no invalidation has been proven. */
  readonly pendingPaths: readonly string[];
  readonly destination: string;
  readonly baseUrl: string | undefined;
  readonly manifestPath: string | undefined;
  readonly reportPath: string | undefined;
  readonly durationMs: number;
}

const maxReportedWrites = 10_000;
const maxRows = 50;
const itemsPerPiece = 1_000;

export function report(input: ReportInput): ActionResult {
  const { plan, result } = input;
  const writes = writesOf(plan);
  const deletions = deletionsOf(plan);
  const stored = result === undefined ? writes.map(({ key }) => key) : [...result.stored.keys()];
  const deleted = result?.deleted ?? deletions.map(({ key }) => key);
  const changedKeys = [...stored, ...deleted].sort();
  return {
    outputs: {
      uploaded: stored.length,
      unchanged: unchangedCount(input),
      deleted: deleted.length,
      'bytes-uploaded': result?.bytesUploaded ?? bytesOf(writes),
      'invalidation-paths': invalidationPaths(
        [...changedKeys.map((key) => cdnPathOf(key, input.baseUrl)), ...input.pendingPaths],
        input.baseUrl,
      ),
    },
    files: [
      {
        output: 'changed-keys',
        path: undefined,
        defaultName: 's3-publish-changed-keys.txt',
        contents: piecesOf(changedKeys, (key) => `${onOneLine(key)}\n`),
      },
      ...(result === undefined ? [] : [manifestFile(input, result)]),
      reportFile('s3-publish', input.reportPath, reportBody(input)),
    ],
    summary: summary(input),
    problems: input.notes,
    failure: input.failure,
  };
}

/** A bucket may hold names with line breaks, which are deleted like others. */
function onOneLine(key: string): string {
  return key.replace(/[\u0000-\u001f\u007f]/g, encodeURIComponent);
}

function unchangedCount({ plan, result }: ReportInput): number {
  return plan.unchanged + (result?.storedByOthers.length ?? 0);
}

/** The stored objects of the source at the end of the run, one per line. */
function manifestFile({ plan, observation, baseUrl, manifestPath }: ReportInput, result: Result): ResultFile {
  const others = new Set(result.storedByOthers);
  const isMissing = new Set<string>();
  for (const { kind, key } of plan.steps) {
    if (kind !== 'delete' && !result.stored.has(key) && !others.has(key)) isMissing.add(key);
  }
  const objects = observation.local
    .filter(({ key }) => !isMissing.has(key))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
  const lines = piecesOf(objects, ({ key, sizeBytes, sha256 }, index) => {
    const etag = result.stored.get(key) ?? (others.has(key) ? undefined : observation.remote.get(key)?.etag);
    const line = JSON.stringify({
      key,
      sizeBytes,
      sha256,
      etag,
      url: baseUrl && `${baseUrl}/${encodeKey(key)}`,
    });
    return `${index === 0 ? '[' : ','}\n${line}`;
  });
  return {
    output: 'manifest',
    path: manifestPath,
    defaultName: 's3-publish-manifest.json',
    contents: {
      *[Symbol.iterator]() {
        if (objects.length === 0) yield '[';
        yield* lines;
        yield '\n]\n';
      },
    },
  };
}

/** The texts of many items in pieces: all at once would take more memory than anything before. */
function piecesOf<Item>(
  items: readonly Item[],
  text: (item: Item, index: number) => string,
): Iterable<string> {
  return {
    *[Symbol.iterator]() {
      for (let start = 0; start < items.length; start += itemsPerPiece) {
        const some = items.slice(start, start + itemsPerPiece);
        yield some.map((item, index) => text(item, start + index)).join('');
      }
    },
  };
}

function reportBody(input: ReportInput): Readonly<Record<string, unknown>> {
  const { plan, result } = input;
  const writes = writesOf(plan);
  return {
    dryRun: result === undefined,
    destination: input.destination,
    plan: {
      writes: writes.slice(0, maxReportedWrites),
      writesLeftOut: Math.max(0, writes.length - maxReportedWrites),
      deletions: deletionsOf(plan).map(({ key, sizeBytes }) => ({ key, sizeBytes })),
      unchanged: plan.unchanged,
    },
    result: result && {
      uploaded: result.stored.size,
      bytesUploaded: result.bytesUploaded,
      unchanged: unchangedCount(input),
      deleted: result.deleted.length,
    },
    failure: input.failure && { code: input.failure.code, message: input.failure.message },
    pendingPaths: input.pendingPaths,
    leftOut: input.leftOut.slice(0, maxReportedWrites),
    notes: input.notes,
  };
}

function writesOf(plan: Plan): readonly WriteStep[] {
  return plan.steps.filter((step) => step.kind !== 'delete');
}

function deletionsOf(plan: Plan): readonly Step[] {
  return plan.steps.filter(({ kind }) => kind === 'delete');
}

function bytesOf(steps: readonly Step[]): number {
  return steps.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

function summary(input: ReportInput): readonly SummaryBlock[] {
  const { plan, result } = input;
  const writes = writesOf(plan);
  const deletions = deletionsOf(plan);
  const rows: (readonly [string, string])[] = [
    ['Destination', input.destination],
    result === undefined
      ? ['To upload', `${counted(writes.length, 'object')}, ${formatBytes(bytesOf(writes))}`]
      : [
          'Uploaded',
          `${counted(result.stored.size, 'object')}, ${formatBytes(result.bytesUploaded)}${rateText(result)}`,
        ],
    ['Unchanged', `${counted(unchangedCount(input), 'object')}, ${formatBytes(plan.unchangedBytes)}`],
  ];
  if (deletions.length > 0) {
    rows.push(
      result === undefined
        ? ['To delete', counted(deletions.length, 'object')]
        : ['Deleted', counted(result.deleted.length, 'object')],
    );
  }
  if (input.leftOut.length > 0)
    rows.push(['Left out', `${counted(input.leftOut.length, 'store')} of credentials`]);
  if (input.pendingPaths.length > 0)
    rows.push(['Also named for the CDN', counted(input.pendingPaths.length, 'path')]);
  rows.push(['Time', formatDuration(input.durationMs)]);
  return [
    { kind: 'heading', text: titleOf(input) },
    factsSummary(rows),
    ...changesSummary(plan),
    ...input.notes.map(({ message }) => ({ kind: 'text', text: message }) as const),
  ];
}

function titleOf({ result, failure }: ReportInput): string {
  if (result === undefined) return 'Files to be published (dry run)';
  return failure === undefined ? 'Files published' : 'Files not published completely';
}

function rateText({ bytesUploaded, uploadMs }: Result): string {
  if (bytesUploaded === 0 || uploadMs === 0) return '';
  return `, ${formatBytes(Math.round((bytesUploaded / uploadMs) * 1000))}/s`;
}

/** The changes and their reasons: pointers and deletions first, which matter most, then the largest objects. */
function changesSummary({ steps }: Plan): readonly SummaryBlock[] {
  if (steps.length === 0) return [];
  const rank = { 'store-pointer': 0, delete: 1, 'store-object': 2 };
  const rows = steps
    .toSorted((a, b) => rank[a.kind] - rank[b.kind])
    .slice(0, maxRows)
    .map((step) => [
      step.kind === 'delete' ? 'deleted' : reasonWords[step.reason],
      step.kind === 'store-pointer' ? 'pointer' : 'object',
      formatBytes(step.sizeBytes),
      step.key,
    ]);
  const blocks: SummaryBlock[] = [
    // The widest column is last, where it may be cut off.
    {
      kind: 'details',
      summary: 'What changes',
      blocks: [{ kind: 'table', head: ['Why', 'What', 'Size', 'Key'], rows }],
    },
  ];
  if (steps.length > maxRows) {
    blocks.push({
      kind: 'text',
      text: `${counted(steps.length - maxRows, 'more change')} in the JSON report.`,
    });
  }
  return blocks;
}
