import { awsProblems } from '@slipway/aws-actions';
import { UserError } from '@slipway/core';
import { type ActionContext, type ActionResult, defineAction, reportOutput } from '@slipway/runner';
import { build } from './build.ts';
import { readRequest } from './configuration.ts';
import { type Inputs, inputs } from './inputs.ts';
import { list } from './list.ts';
import { needsS3 } from './stores.ts';

export const action = defineAction({
  name: 'package-index',
  description: 'Makes the Python packages in a bucket or directory an index for pip and uv.',
  inputs,
  outputs: {
    projects: { description: 'How many projects the index shows.' },
    files: { description: 'How many files it shows, those of each prefix counted.' },
    'pages-written': {
      description: 'How many pages were written, in all destinations; in a dry run, would be.',
    },
    'pages-unchanged': { description: 'How many pages were right as they were.' },
    'pages-deleted': { description: 'How many pages were deleted; in a dry run, would be.' },
    'invalidation-paths': {
      description:
        'Paths that a CDN in front of the destination must invalidate, one per line: what this run replaced, or would in a dry run, and what earlier runs did, until `cloudfront-invalidate` has proven it (its input `destination`). More than 3,000 become one path that ends in `*`.',
      kind: 'lines',
    },
    findings: { description: 'How many findings there are about files, names and pages.' },
    report: reportOutput,
  },
  checkInputs: (given, surroundings) => {
    const read = readRequest(given, surroundings.workDirectory);
    if ('problems' in read) return [...awsProblems(given, surroundings, { needed: false }), ...read.problems];
    return awsProblems(given, surroundings, { needed: needsS3(read.request) });
  },
  run,
});

async function run(given: Inputs, context: ActionContext): Promise<ActionResult> {
  const read = readRequest(given, context.workDirectory);
  if ('problems' in read) throw new UserError('input-invalid', read.problems.join('; '));
  return given.operation === 'list'
    ? list(read.request, given, context)
    : build(read.request, given, context);
}
