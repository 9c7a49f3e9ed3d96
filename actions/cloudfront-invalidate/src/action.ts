import { type CloudFront, distributionSessionPolicy, openCloudFront } from '@slipway/aws';
import { type AwsInputs, awsProblems, openAwsAccess, openAwsStore } from '@slipway/aws-actions';
import { counted, type ObjectStore, printable, unreachable } from '@slipway/core';
import { type ActionContext, type ActionResult, defineAction } from '@slipway/runner';
import { parseStoreUrl } from '@slipway/store';
import { execute } from './execute.ts';
import { type Inputs, inputs } from './inputs.ts';
import { observe } from './observe.ts';
import { strangeTargets } from './parsers.ts';
import { type Plan, plan, type Step } from './plan.ts';
import { report } from './report.ts';

const defaultRegion = 'us-east-1';
const maxPlanLines = 500;

export const action = defineAction({
  name: 'cloudfront-invalidate',
  description:
    'Invalidates paths or cache tags of a CloudFront distribution within a budget, and proves that the new bytes are served.',
  inputs,
  outputs: {
    'invalidation-ids': { description: 'IDs of the invalidations, one per line.', kind: 'lines' },
    'paths-invalidated': { description: 'How many paths and tags were sent to CloudFront.' },
    'billable-paths': { description: 'How many of them this run may add to the bill at most.' },
    status: {
      description: '`Completed`, `InProgress`, `none` if there was nothing to do, `planned` or `failed`.',
    },
    proven: { description: 'How many URLs serve the published bytes.' },
    stale: { description: 'How many URLs serve other bytes.' },
    report: { description: 'Path of the JSON report.', kind: 'file' },
  },
  checkInputs: (given, surroundings) => [
    ...new Set([
      ...awsProblems(awsInputsOf(given), surroundings, { needed: !given.dryRun, defaultRegion }),
      ...awsProblems(destinationInputsOf(given), surroundings, { needed: isOnS3(given.destination) }),
    ]),
    ...proofProblems(given),
    ...[strangeTargets(given.paths, given.baseUrl) ?? []].flat(),
  ],
  run,
});

function proofProblems({ prove, baseUrl }: Inputs): readonly string[] {
  const needed = prove.some(({ place }) => place.kind === 'path') && baseUrl === undefined;
  return needed ? ['prove has paths, but base-url is not given'] : [];
}

function awsInputsOf(given: Inputs): AwsInputs {
  return { ...given, forcePathStyle: false };
}

function destinationInputsOf(given: Inputs): AwsInputs {
  return { ...given, endpointUrl: given.destinationEndpointUrl };
}

function isOnS3(destination: string | undefined): boolean {
  return destination !== undefined && parseStoreUrl(destination).kind === 's3';
}

async function run(given: Inputs, context: ActionContext): Promise<ActionResult> {
  const { clock, progress, environment } = context;
  const { distributionId } = given;
  const startedMs = clock.nowMs();
  const destination = await openDestination(given, context);
  const planned = plan(await observe(given, destination, context));
  const reported = { distributionId, plan: planned, reportPath: given.report };
  describe(planned, given.dryRun, (line) => progress.info(line));
  if (given.dryRun) {
    return report({ ...reported, result: undefined, durationMs: clock.nowMs() - startedMs });
  }
  const result = await execute(planned, {
    openCloudFront: () => openControlPlane(given, context),
    destination,
    clock,
    progress,
    environment,
    waitMs: given.waitDeadline,
    proveMs: given.proveDeadline,
  });
  return report({ ...reported, result, durationMs: clock.nowMs() - startedMs });
}

async function openDestination(given: Inputs, context: ActionContext): Promise<ObjectStore | undefined> {
  const { destination, dryRun } = given;
  if (destination === undefined) return undefined;
  return openAwsStore(destination, destinationInputsOf(given), context, dryRun ? 'read' : 'write');
}

function openControlPlane(given: Inputs, context: ActionContext): Promise<CloudFront> {
  const { distributionId } = given;
  const { region, credentials } = openAwsAccess(awsInputsOf(given), context, {
    defaultRegion,
    scopedPolicy: ({ partition, accountId }) =>
      distributionSessionPolicy({ partition, account: accountId ?? '*', distributionId }),
  });
  return openCloudFront({
    distributionId,
    credentials,
    region,
    endpointUrl: given.endpointUrl,
    proxyEnvironment: context.environment,
  });
}

function describe(
  { steps, targets, tags, billablePaths, wildcards }: Plan,
  dryRun: boolean,
  print: (line: string) => void,
): void {
  const asked = targets.reduce((sum, { covers }) => sum + covers, tags.length);
  if (asked === 0) print('Nothing to invalidate.');
  else {
    const made = targets.filter(({ kind, reason }) => kind === 'prefix' && reason !== 'asked').length;
    print(
      `${counted(asked, 'path')} to invalidate, sent as ${billablePaths.toLocaleString('en-US')}, of them ${counted(wildcards, 'wildcard')}${made === 0 ? '' : ` (${made} made)`}.`,
    );
  }
  const proof = steps.find((step) => step.kind === 'prove');
  if (proof === undefined)
    print('Nothing to prove is given: the run does not check that the new bytes are served.');
  if (!dryRun) return;
  const lines = steps.flatMap(linesOf);
  for (const line of lines.slice(0, maxPlanLines)) print(line);
  if (lines.length > maxPlanLines) print(`… and ${lines.length - maxPlanLines} more lines, in the report.`);
}

function linesOf(step: Step): readonly string[] {
  switch (step.kind) {
    case 'check-cache-tags':
      return ['Would check that the distribution reads cache tags'];
    case 'invalidate':
      return [
        `Would create the invalidation ${step.callerReference} of ${counted(step.batch.length, 'path')}:`,
        ...step.batch.map((path) => `  ${printable(path)}`),
      ];
    case 'wait':
      return ['Would wait until it completes'];
    case 'prove':
      return step.expectations.map(
        ({ url, sha256 }) => `Would prove that ${printable(url)} serves ${sha256}`,
      );
    case 'check-hidden':
      return [`Would check whether the CDN serves ${printable(step.url)}, which it should not`];
    case 'forget-proven':
      return [
        `Would remove ${counted(step.paths.length + step.digests.length, 'path')} of earlier publishes from the pending paths of the destination`,
      ];
    default:
      return unreachable(step);
  }
}
