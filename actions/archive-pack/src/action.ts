import { resolve } from 'node:path';
import { archiveTimeMs } from '@slipway/archive';
import { counted, formatBytes, printable } from '@slipway/core';
import { FileProblems } from '@slipway/local-files';
import { type ActionContext, type ActionResult, defineAction, reportOutput } from '@slipway/runner';
import type { PlanProblem } from './entry-checks.ts';
import { execute, unpackedBytes } from './execute.ts';
import { inputProblems } from './input-checks.ts';
import { type Inputs, inputs } from './inputs.ts';
import { observe } from './observe.ts';
import { type Plan, plan } from './plan.ts';
import { report } from './report.ts';

export const action = defineAction({
  name: 'archive-pack',
  description: 'Packs release files into reproducible zips with a README, and checks every entry.',
  inputs,
  outputs: {
    artifacts: {
      description:
        'Path of the list of artifacts: JSON with the name, path, platform, size and SHA-256 of each zip.',
      kind: 'file',
    },
    paths: { description: 'The paths of the zips, one per line.', kind: 'lines' },
    archives: { description: 'How many zips there are.' },
    unchanged: { description: 'How many of them already existed with the same bytes.' },
    entries: { description: 'How many entries they contain in total.' },
    'total-bytes': { description: 'The total size of the zips in bytes.' },
    report: reportOutput,
  },
  checkInputs: inputProblems,
  run,
});

async function run(given: Inputs, context: ActionContext): Promise<ActionResult> {
  const { workDirectory, progress, clock } = context;
  const startedMs = clock.nowMs();
  const outputDirectory = resolve(workDirectory, given.outputDirectory);
  const observed = await observe(given, outputDirectory, workDirectory);
  const { notices } = observed;
  const { plan: planned, problems } = plan(observed, given);
  refusePlan(problems);
  for (const { message } of notices) progress.info(message);
  const reported = { plan: planned, notices, outputDirectory, workDirectory, reportPath: given.report };
  if (given.dryRun) {
    for (const line of planLines(planned)) progress.info(line);
    return report({ ...reported, result: undefined, durationMs: clock.nowMs() - startedMs });
  }
  const result = await execute(planned, {
    outputDirectory,
    level: given.compressionLevel,
    timeMs: archiveTimeMs(context.environment['SOURCE_DATE_EPOCH']),
    progress,
  });
  for (const { name, sizeBytes, sha256, wasThere } of result.archives) {
    const state = wasThere ? 'unchanged, ' : '';
    progress.info(`${printable(name)}: ${state}${formatBytes(sizeBytes)}, SHA-256 ${sha256}`);
  }
  return report({ ...reported, result, durationMs: clock.nowMs() - startedMs });
}

/** Throws one `UserError` for everything that is wrong with the names. */
function refusePlan(problems: readonly PlanProblem[]): void {
  const found = new FileProblems();
  for (const { code, archive, what } of problems) found.add(code, archive, what);
  found.throwIfAny(
    () => 'Nothing was packed',
    (code) =>
      code === 'name-invalid' || code === 'path-outside'
        ? 'Rename files with "path=name", or leave them out with "!glob".'
        : undefined,
  );
}

function* planLines({ steps }: Plan): Generator<string> {
  for (const step of steps) {
    if (step.kind !== 'write-archive') continue;
    const { name, entries } = step;
    yield `Would pack ${printable(name)}: ${counted(entries.length, 'entry', 'entries')}, ${formatBytes(unpackedBytes(step))} unpacked.`;
    for (const entry of entries.slice(0, 200)) {
      const note = entry.kind === 'file' && entry.executable ? ' (executable)' : '';
      yield `  ${printable(entry.name)}${entry.kind === 'link' ? ` -> ${printable(entry.target)}` : note}`;
    }
    if (entries.length > 200) yield `  and ${counted(entries.length - 200, 'more entry', 'more entries')}`;
  }
}
