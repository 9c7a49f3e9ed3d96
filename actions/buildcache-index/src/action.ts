import { awsProblems, openSharedStore, openStoreFromSeed } from '@slipway/aws-actions';
import {
  invalidationPathsOutput,
  isOnS3,
  openOptionalSigner,
  passphraseProblem,
  pointerChecksumsOutput,
  reportOutput,
  signerProblems,
  trustProblem,
} from '@slipway/buildcache-actions';
import { counted, type ObjectStore, UserError } from '@slipway/core';
import { detectLayout, serveEntryScan } from '@slipway/mirror';
import { type ActionContext, type ActionResult, defineAction } from '@slipway/runner';
import { type Inputs, inputs } from './inputs.ts';
import { describeIndex, listIndexes } from './list.ts';
import { type Operation, operate, rehearse } from './operate.ts';
import { changesOf } from './plan.ts';
import { report } from './report.ts';
import { isInvalid, parseSelection } from './selection.ts';

export const action = defineAction({
  name: 'buildcache-index',
  description:
    'Updates, rebuilds, rolls back or lists the package index of a Spack mirror, or of one of its views.',
  inputs,
  outputs: {
    changed: { description: 'Whether the index pointer was moved; in a dry run, whether it would be.' },
    added: { description: 'How many entries were added to the index, or would be in a dry run.' },
    removed: { description: 'How many entries were removed from the index, or would be in a dry run.' },
    'index-checksum': {
      description: 'SHA-256 of the package index that the mirror points to after this run.',
    },
    generation: { description: 'The generation of that index.' },
    'invalidation-paths': invalidationPathsOutput,
    'pointer-checksums': pointerChecksumsOutput,
    report: reportOutput,
  },
  checkInputs: (given, surroundings) => {
    const problems = [...awsProblems(given, surroundings, { needed: isOnS3(given.mirror) })];
    const trust = given.operation === 'list' ? undefined : trustProblem(given);
    if (trust !== undefined) problems.push(trust);
    const selection = parseSelection(given.select);
    if (isInvalid(selection)) problems.push(...selection.problems);
    if (given.select.length > 0 && given.view === undefined) {
      problems.push('select is set without view: the main index always has every entry');
    }
    if (given.to !== undefined && given.operation !== 'rollback') {
      problems.push(`to is set, but operation is ${given.operation}, not rollback`);
    }
    if (given.to !== undefined && !/^\d{1,10}$/.test(given.to))
      problems.push(`to: "${given.to}" is not a generation number`);
    const passphrase = passphraseProblem(given);
    if (passphrase !== undefined) problems.push(passphrase);
    return problems;
  },
  checkCostly: signerProblems,
  run,
});

export const worker = (): Promise<void> => serveEntryScan(openStoreFromSeed);

async function run(given: Inputs, context: ActionContext): Promise<ActionResult> {
  const { clock, progress } = context;
  const access = given.operation === 'list' || given.dryRun ? 'read' : 'write';
  const { store, workers } = await openSharedStore(given.mirror, given, context, access, {
    requireExisting: true,
  });
  await requireMirror(store);
  progress.info(`Reading the index of ${store.url}.`);
  const { operation, view } = given;
  const common = { operation, mirror: store.url, view, reportPath: given.report };
  if (operation === 'list') {
    const listed = await listIndexes(given, store, clock);
    for (const index of listed.indexes) progress.info(describeIndex(index));
    return report({ ...common, ...listed, plan: { steps: [] }, move: undefined, pendingPaths: [] });
  }
  const signer = await openOptionalSigner(given, context);
  try {
    const work = given.dryRun ? rehearse : operate;
    const done = await work({ ...given, operation }, { store, signer, clock, progress, workers });
    const { observed, plan, move } = done;
    if (move !== undefined) progress.info(outcome(operation, done));
    for (const unsigned of move === undefined ? [] : (observed.viewsToSign ?? [])) {
      progress.info(
        `Now rebuild the view ${unsigned} with the signing-key: its index is refused until it is signed.`,
      );
    }
    const { pointer } = observed.current;
    return report({
      ...common,
      ...observed,
      indexes: [],
      currentChecksum: pointer?.record.checksum ?? '',
      currentGeneration: pointer?.manifest.lineage?.generation ?? 0,
      plan,
      move,
    });
  } finally {
    signer?.close();
  }
}

/** Throws `UserError` unless the mirror has layout v3: nothing else must get an index by mistake. */
async function requireMirror(store: ObjectStore): Promise<void> {
  switch (await detectLayout(store)) {
    case 'v3':
      return;
    case 'v2':
      throw new UserError('not-supported', `${store.url} has layout v2, which Slipway can only verify`, {
        hint: 'Convert it with "spack buildcache migrate".',
      });
    default:
      throw new UserError('not-a-buildcache', `${store.url} is not a Spack mirror`, {
        hint: 'Check the URL: it is the directory that holds "v3" and "blobs".',
      });
  }
}

function outcome(operation: 'update' | 'rebuild' | 'rollback', { observed, plan, move }: Operation): string {
  const { added, removed } = changesOf(plan);
  switch (operation) {
    case 'update':
      return `Added ${counted(added, 'entry', 'entries')}, removed ${removed}.`;
    case 'rebuild':
      return `Indexed ${counted(move?.entryCount ?? 0, 'entry', 'entries')}.`;
    case 'rollback':
      return `Brought generation ${observed.earlier?.generation} back as generation ${move?.generation}.`;
  }
}
