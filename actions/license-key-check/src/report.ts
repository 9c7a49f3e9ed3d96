import { counted, formatBytes } from '@slipway/core';
import type { ActionResult } from '@slipway/runner';
import type { Execution } from './execute.ts';
import type { Plan } from './plan.ts';

/** What a run tells: outputs, the JSON report, and the summary. Without `execution` it was a dry run. Pure. */
export function report(plan: Plan, execution: Execution | undefined, path: string | undefined): ActionResult {
  const files = (execution?.measured ?? []).toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const totalBytes = files.reduce((total, { sizeBytes }) => total + sizeBytes, 0);
  const sentence =
    execution === undefined
      ? `${counted(plan.steps.length, 'file')} would be measured.`
      : `${counted(files.length, 'file')} with ${formatBytes(totalBytes)} together.`;
  return {
    outputs: { files: files.length, 'total-bytes': totalBytes },
    files: [
      {
        output: 'report',
        path,
        defaultName: 'license-key-check.json',
        contents: `${JSON.stringify({ dryRun: execution === undefined, plan, files, totalBytes }, undefined, 2)}\n`,
      },
    ],
    summary: [
      { kind: 'heading', text: 'Files' },
      { kind: 'text', text: sentence },
      execution === undefined
        ? { kind: 'table', head: ['file'], rows: plan.steps.map(({ path: file }) => [file]) }
        : {
            kind: 'table',
            head: ['file', 'size'],
            rows: files.map((file) => [file.path, formatBytes(file.sizeBytes)]),
          },
    ],
    problems: [],
    failure: execution?.failure,
  };
}
