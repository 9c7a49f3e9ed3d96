import { awsProblems, openAwsStore } from '@slipway/aws-actions';
import {
  invalidationPathsOutput,
  isOnS3,
  passphraseProblem,
  pointerChecksumsOutput,
  reportOutput,
  signerProblems,
  trustProblem,
} from '@slipway/buildcache-actions';
import { serveEntryScan } from '@slipway/mirror';
import { defineAction } from '@slipway/runner';
import { openLocalStore } from '@slipway/store/local';
import { inputs } from './inputs.ts';
import { publishBuildcache } from './publish.ts';

export const action = defineAction({
  name: 'buildcache-publish',
  description:
    'Publishes a staged Spack buildcache to a mirror: verified, and with an index that keeps every publisher’s entries.',
  inputs,
  outputs: {
    published: { description: 'How many entries were written, or would be in a dry run.' },
    'already-published': { description: 'How many entries the mirror already had, with the same content.' },
    kept: { description: 'How many entries the mirror has with other content, which was kept.' },
    'blobs-uploaded': { description: 'How many blobs were uploaded, or would be in a dry run.' },
    'bytes-uploaded': { description: 'Total size of these blobs in bytes.' },
    'index-checksum': {
      description: 'SHA-256 of the package index that the mirror points to after this run.',
    },
    'invalidation-paths': invalidationPathsOutput,
    'pointer-checksums': pointerChecksumsOutput,
    report: reportOutput,
  },
  checkInputs: (given, surroundings) => [
    ...[trustProblem(given), passphraseProblem(given)].filter((problem) => problem !== undefined),
    ...awsProblems(given, surroundings, { needed: isOnS3(given.mirror) }),
  ],
  checkCostly: signerProblems,
  run: (given, context) =>
    publishBuildcache(
      given,
      () => openAwsStore(given.mirror, given, context, given.dryRun ? 'read' : 'write'),
      context,
    ),
});

export const worker = (): Promise<void> =>
  serveEntryScan(async ({ url }: { readonly url: string }) => openLocalStore(url));
