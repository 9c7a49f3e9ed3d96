import { openAwsStore, type StoreAccess } from '@slipway/aws-actions';
import { type ObjectStore, UserError, unreachable } from '@slipway/core';
import { serveHashing } from '@slipway/local-files';
import { type ActionContext, type ActionResult, defineAction, reportOutput } from '@slipway/runner';
import { openAddresses } from './addresses.ts';
import { cleanUp } from './cleanup/execute.ts';
import { reportCleanup } from './cleanup/report.ts';
import type { CacheRules } from './headers.ts';
import { inputProblems } from './input-checks.ts';
import { type Inputs, inputs } from './inputs.ts';
import { linksIn, refuseSecretInLinks } from './link-list.ts';
import type { FileOperation } from './operation.ts';
import { publishFiles } from './publish/publish.ts';
import { renewFiles } from './publish/renew.ts';
import { reportPublish, reportRenew } from './publish/report.ts';
import { type FileNeeds, loadReleaseFiles } from './release-files.ts';
import { reportWindow } from './report.ts';
import { reportVerify } from './verify/report.ts';
import { verifyFiles } from './verify/verify.ts';
import { coveredWindows, readClocks } from './window-times.ts';

export const action = defineAction({
  name: 'download-publish',
  description:
    'Publishes files under secret paths that change over time, proves that they are served, and cleans up old ones.',
  inputs,
  outputs: {
    urls: {
      description: 'Links of the current window, one per line, in the order of the files.',
      kind: 'lines',
      secret: true,
    },
    artifacts: {
      description: 'Path of the JSON list of the files, each with its key and URL of the current window.',
      kind: 'file',
      secret: true,
    },
    window: { description: 'Number of the current window.' },
    'window-starts-at': { description: 'When the current window began, as `2026-01-01T00:00:00Z`.' },
    'window-ends-at': { description: 'When the current window ends.' },
    windows: { description: 'Numbers of the windows that this run covered, one per line.', kind: 'lines' },
    prefixes: {
      description:
        'Prefixes of the keys of the current window, one per line: the directory of each platform, or of each file.',
      kind: 'lines',
      secret: true,
    },
    uploaded: { description: 'How many objects were stored, or would be in a dry run.' },
    unchanged: { description: 'How many were already stored with the same bytes and headers.' },
    'invalidation-paths': {
      description:
        'Paths that a CDN must invalidate because of this publish and earlier ones, one per line and one for each window, for `cloudfront-invalidate`.',
      kind: 'lines',
    },
    deleted: { description: 'How many objects `cleanup` or `renew` deleted, or would in a dry run.' },
    proven: { description: 'How many links `verify` proved to serve their files.' },
    report: { ...reportOutput, secret: true },
  },
  checkInputs: inputProblems,
  run,
});

export const worker = serveHashing;

/** Opens what the input `destination` names. */
export type OpenDestination = (access: StoreAccess) => Promise<ObjectStore>;

function run(given: Inputs, context: ActionContext): Promise<ActionResult> {
  return operate(given, (access) => openDestination(given, context, access), context);
}

/** Carries out the input `operation`, with the destination that `open` opens. */
export async function operate(
  given: Inputs,
  open: OpenDestination,
  context: ActionContext,
): Promise<ActionResult> {
  const rules = rulesOf(given);
  const withFiles = async (needs: FileNeeds, access: StoreAccess): Promise<FileOperation> => {
    const linked = await prepareLinks(given, context, needs);
    return { given, rules, context, store: await open(access), ...linked };
  };
  switch (given.operation) {
    case 'publish': {
      const operation = await withFiles('bytes', 'write');
      return reportPublish(operation, await publishFiles(operation));
    }
    case 'renew': {
      const operation = await withFiles('bytes', 'write');
      return reportRenew(operation, await renewFiles(operation));
    }
    case 'verify': {
      const operation = await withFiles('facts', 'read');
      return reportVerify(operation, await verifyFiles(operation));
    }
    case 'cleanup': {
      const operation = { given, rules, context, store: await open('write') };
      return reportCleanup(operation, await cleanUp(operation));
    }
    case 'window':
      return showWindows(given, rules, context);
    default:
      return unreachable(given.operation);
  }
}

async function showWindows(given: Inputs, rules: CacheRules, context: ActionContext): Promise<ActionResult> {
  const { addresses, files } = await prepareLinks(given, context, 'names');
  const clocks = await readClocks(context.clock, undefined);
  const windows = coveredWindows(clocks, rules);
  const links = windows.flatMap((window) => linksIn(window, files, addresses));
  return reportWindow({ given, rules }, clocks, windows, links);
}

/** The addresses and the files for links. Throws the problems with either. */
async function prepareLinks(
  given: Inputs,
  context: ActionContext,
  needs: FileNeeds,
): Promise<Pick<FileOperation, 'addresses' | 'files'>> {
  const addresses = await openAddresses(given);
  const files = await loadReleaseFiles(given, context, needs);
  if (files.length === 0 && needs !== 'names') {
    throw new UserError('source-missing', 'The list of artifacts is empty.', {
      hint: 'Check the step that created it.',
    });
  }
  refuseSecretInLinks(linksIn(0, files, addresses), given);
  return { addresses, files };
}

async function openDestination(
  given: Inputs,
  context: ActionContext,
  access: StoreAccess,
): Promise<ObjectStore> {
  const { destination } = given;
  if (destination === undefined) throw new UserError('input-invalid', 'input "destination" is required');
  return openAwsStore(destination, given, context, access);
}

function rulesOf({ windowLength, windows, clockTolerance, grace, maxAge }: Inputs): CacheRules {
  return {
    lengthSeconds: windowLength / 1_000,
    count: windows,
    toleranceMs: clockTolerance,
    graceMs: grace,
    maxAgeSeconds: Math.floor(maxAge / 1_000),
  };
}
