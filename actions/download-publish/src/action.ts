import { openAwsStore, type StoreAccess } from '@slipway/aws-actions';
import { type ObjectStore, UserError, unreachable } from '@slipway/core';
import { type ActionContext, type ActionResult, defineAction, reportOutput } from '@slipway/runner';
import { type Addresses, openAddresses } from './addresses.ts';
import { inputFindings, inputProblems } from './checks.ts';
import { cleanUp } from './cleanup.ts';
import { coveredWindows, currentWindow, readClocks } from './clocks.ts';
import type { CacheRules } from './headers.ts';
import { type Inputs, inputs } from './inputs.ts';
import { linksIn, refuseSecretInLinks } from './link-list.ts';
import { publishFiles } from './publish.ts';
import { type FileNeeds, loadReleaseFiles, type ReleaseFile } from './release-files.ts';
import { renewFiles } from './renew.ts';
import { reportCleanup, reportPublish, reportRenew, reportVerify, reportWindow } from './report.ts';
import { verifyFiles } from './verify.ts';

export const action = defineAction({
  name: 'download-publish',
  description:
    'Publishes files under secret paths that change with the time, proves that they are served, and cleans up old ones.',
  inputs,
  outputs: {
    urls: {
      description: 'Links of the current window, one a line, in the order of the files.',
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
    windows: { description: 'Numbers of the windows that this run was about, one a line.', kind: 'lines' },
    prefixes: {
      description:
        'What the keys of the current window begin with, one a line: the directory that each platform’s files, or each file, is in.',
      kind: 'lines',
      secret: true,
    },
    uploaded: { description: 'How many objects were stored.' },
    unchanged: { description: 'How many were there already, with the same bytes and headers.' },
    'invalidation-paths': {
      description:
        'What a CDN must forget because of this publish and of earlier ones: a path for each window, one a line, for `cloudfront-invalidate`.',
      kind: 'lines',
    },
    deleted: { description: 'How many objects `cleanup` or `renew` deleted.' },
    proven: { description: 'How many links `verify` proved to serve the files.' },
    report: { ...reportOutput, secret: true },
  },
  checkInputs: inputProblems,
  run,
});

/** Opens what the input `destination` names. */
export type OpenDestination = (access: StoreAccess) => Promise<ObjectStore>;

function run(given: Inputs, context: ActionContext): Promise<ActionResult> {
  return operate(given, (access) => openDestination(given, context, access), context);
}

/** Does what the input `operation` says, with the destination that `open` opens. */
export async function operate(
  given: Inputs,
  open: OpenDestination,
  context: ActionContext,
): Promise<ActionResult> {
  switch (given.operation) {
    case 'publish':
      return publish(given, open, context);
    case 'renew':
      return renew(given, open, context);
    case 'verify':
      return verify(given, open, context);
    case 'cleanup':
      return cleanup(given, open, context);
    case 'window':
      return tellWindows(given, context);
    default:
      return unreachable(given.operation);
  }
}

async function publish(given: Inputs, open: OpenDestination, context: ActionContext): Promise<ActionResult> {
  const { rules, addresses, files } = await prepareLinks(given, context, 'bytes');
  const store = await open('write');
  const published = await publishFiles(files, addresses, store, { given, rules, context });
  const { clocks, rounds, failure } = published;
  const links = failure === undefined ? linksIn(currentWindow(clocks, rules), files, addresses) : [];
  const windows = [...new Set(rounds.flatMap(({ plan }) => plan.windows))];
  const problems = inputFindings(given);
  return reportPublish({ given, clocks, windows, links, problems, failure }, published);
}

async function renew(given: Inputs, open: OpenDestination, context: ActionContext): Promise<ActionResult> {
  const { rules, addresses, files } = await prepareLinks(given, context, 'bytes');
  const store = await open('write');
  const renewed = await renewFiles(files, addresses, store, { given, rules, context });
  const { published, cleaned, failure } = renewed;
  const { clocks, rounds } = published;
  const links =
    published.failure === undefined ? linksIn(currentWindow(clocks, rules), files, addresses) : [];
  const windows = [...new Set(rounds.flatMap(({ plan }) => plan.windows))];
  const problems = [...inputFindings(given), ...(cleaned?.problems ?? [])];
  return reportRenew({ given, clocks, windows, links, problems, failure }, renewed);
}

async function verify(given: Inputs, open: OpenDestination, context: ActionContext): Promise<ActionResult> {
  const { rules, addresses, files } = await prepareLinks(given, context, 'facts');
  const store = await open('read');
  const verified = await verifyFiles(files, addresses, store, { given, rules, context });
  const { clocks, plan, findings, failure } = verified;
  const links = failure === undefined ? linksIn(currentWindow(clocks, rules), files, addresses) : [];
  const problems = [...inputFindings(given), ...findings];
  return reportVerify({ given, clocks, windows: plan.windows, links, problems, failure }, verified);
}

async function cleanup(given: Inputs, open: OpenDestination, context: ActionContext): Promise<ActionResult> {
  const store = await open('write');
  const cleaned = await cleanUp(store, { given, rules: rulesOf(given), context });
  const { clocks, plan, problems, failure } = cleaned;
  const windows = plan.steps.map(({ window }) => window);
  return reportCleanup({ given, clocks, windows, links: [], problems, failure }, cleaned);
}

async function tellWindows(given: Inputs, context: ActionContext): Promise<ActionResult> {
  const { rules, addresses, files } = await prepareLinks(given, context, 'names');
  const clocks = await readClocks(context.clock, undefined);
  const windows = coveredWindows(clocks, rules);
  const links = windows.flatMap((window) => linksIn(window, files, addresses));
  const current = currentWindow(clocks, rules);
  for (const { window, file, key, url } of links) {
    context.progress.info(`${window} ${file.platform}: ${url ?? key}`);
  }
  const told = {
    given,
    clocks,
    windows,
    links: links.filter(({ window }) => window === current),
    problems: inputFindings(given),
    failure: undefined,
  };
  return reportWindow(told, links);
}

/** What makes links, and the files that they are for. Throws what is wrong with either. */
async function prepareLinks(
  given: Inputs,
  context: ActionContext,
  needs: FileNeeds,
): Promise<{
  readonly rules: CacheRules;
  readonly addresses: Addresses;
  readonly files: readonly ReleaseFile[];
}> {
  const addresses = await openAddresses(given);
  const files = await loadFiles(given, context, needs);
  refuseSecretInLinks(linksIn(0, files, addresses), given);
  return { rules: rulesOf(given), addresses, files };
}

async function loadFiles(
  given: Inputs,
  { progress, workDirectory }: ActionContext,
  needs: FileNeeds,
): Promise<readonly ReleaseFile[]> {
  if (needs !== 'names') progress.start('Reading the files', undefined, 'bytes');
  const files = await loadReleaseFiles(given, workDirectory, needs, (count) => progress.advance(count));
  if (files.length > 0 || needs === 'names') return files;
  throw new UserError('source-missing', 'The list of artifacts has no file.', {
    hint: 'Check the step that made it.',
  });
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
