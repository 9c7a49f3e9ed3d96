import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { printable, systemErrorCode, UserError } from '@slipway/core';
import { type ActionContext, type ActionResult, defineAction } from '@slipway/runner';
import { execute } from './execute.ts';
import { type Inputs, inputs } from './inputs.ts';
import { plan } from './plan.ts';
import { report } from './report.ts';

/** A summary of more files helps nobody. */
const maxFiles = 10_000;

export const action = defineAction({
  name: 'archive-pack',
  description: 'Lists the files of a directory with their sizes.',
  inputs,
  outputs: {
    files: { description: 'How many files were measured.' },
    'total-bytes': { description: 'How many bytes they have together.' },
    report: { description: 'Path of the JSON report.' },
  },
  run,
});

async function run(given: Inputs, context: ActionContext): Promise<ActionResult> {
  const directory = resolve(context.workDirectory, given.directory);
  const planned = plan(await readFileNames(directory), given.suffix);
  if (given.dryRun) return report(planned, undefined, given.report);
  const sizeOf = async (path: string): Promise<number> => (await stat(join(directory, path))).size;
  return report(planned, await execute(planned, sizeOf, context.progress), given.report);
}

/** The names of the files in a directory, without what is in directories below it. */
async function readFileNames(directory: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    const names = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
    if (names.length <= maxFiles) return names;
  } catch (error) {
    throw new UserError(
      'input-invalid',
      `the directory ${printable(directory)} cannot be read (${systemErrorCode(error) ?? 'for an unknown reason'})`,
      { hint: 'Name one that an earlier step of the job has made.', cause: error },
    );
  }
  throw new UserError('too-large', `the directory ${printable(directory)} has more than ${maxFiles} files`);
}
