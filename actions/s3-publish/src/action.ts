import { awsProblems } from '@slipway/aws-actions';
import { serveHashing } from '@slipway/local-files';
import { defineAction, reportOutput } from '@slipway/runner';
import { parseStoreUrl } from '@slipway/store';
import { isWholeBucket, openDestination } from './destination.ts';
import { inputs } from './inputs.ts';
import { publishFiles } from './publish.ts';

export const action = defineAction({
  name: 's3-publish',
  description:
    'Publishes files to S3 or a directory: only what changed by SHA-256, pointers last, and everything checked.',
  inputs,
  outputs: {
    uploaded: { description: 'How many objects were stored, or would be in a dry run.' },
    unchanged: { description: 'How many were already stored with the same bytes and headers.' },
    deleted: { description: 'How many objects were deleted, or would be in a dry run.' },
    'bytes-uploaded': {
      description: 'The total size in bytes of the objects that were stored, or would be in a dry run.',
    },
    'changed-keys': {
      description:
        'Path of a file with the keys that were stored or deleted, or would be in a dry run, one per line.',
      kind: 'file',
    },
    'invalidation-paths': {
      description:
        'Paths that a CDN in front of the destination must invalidate, one per line: what this run stored or deleted, and what earlier runs did, until `cloudfront-invalidate` has proven it (its input `destination`). More than 3,000 become one path that ends in `*`.',
      kind: 'lines',
    },
    manifest: { description: 'Path of the manifest. Empty for a dry run.', kind: 'file' },
    report: reportOutput,
  },
  checkInputs: (given, surroundings) => {
    const needed = parseStoreUrl(given.destination).kind === 's3';
    const problems = [...awsProblems(given, surroundings, { needed })];
    if (given.delete === 'extraneous' && !given.allowRootDelete && isWholeBucket(given.destination)) {
      problems.push(
        'delete is "extraneous", but destination is a whole bucket: give it a prefix, or set allow-root-delete if everything else in the bucket may go',
      );
    }
    return problems;
  },
  run: async (given, context) => publishFiles(given, () => openDestination(given, context), context),
});

export const worker = serveHashing;
