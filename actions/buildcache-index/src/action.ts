import { awsProblems, openSharedStore, openStoreFromSeed } from '@slipway/aws-actions';
import {
  invalidationPathsOutput,
  isOnS3,
  openOptionalSigner,
  passphraseProblem,
  pendingMirrorPaths,
  pendingNotice,
  pointerChecksumsOutput,
  reportOutput,
  requireTrustedSigner,
  signerProblems,
  trustProblem,
} from '@slipway/buildcache-actions';
import { counted, type ObjectStore, type ProgressPort, UserError, unreachable } from '@slipway/core';
import {
  assertSignerFor,
  detectLayout,
  type Finding,
  type MirrorStanding,
  openPolicy,
  pinnedFingerprints,
  proveUnsignedIndex,
  readMirrorKeys,
  readStanding,
  type Surroundings,
  serveEntryScan,
} from '@slipway/mirror';
import { type ActionContext, type ActionResult, defineAction } from '@slipway/runner';
import {
  executeRebuild,
  executeRollback,
  executeUpdate,
  type Ports,
  rehearse,
  remembering,
} from './execute.ts';
import { type Inputs, inputs } from './inputs.ts';
import { describeIndex, listIndexes } from './list.ts';
import {
  findRollbackTarget,
  membership,
  presentMembers,
  unsettledEntries,
  unusedPatterns,
} from './observe.ts';
import { type Plan, planRebuild, planUpdate } from './plan.ts';
import { type ReportInput, report } from './report.ts';
import { isInvalid, parseSelection } from './selection.ts';
import type { Target } from './target.ts';

export const action = defineAction({
  name: 'buildcache-index',
  description:
    'Updates, rebuilds, rolls back or lists the package index of a Spack mirror, or of one of its views.',
  inputs,
  outputs: {
    changed: { description: 'Whether the index pointer was moved.' },
    added: { description: 'How many entries were added to the index.' },
    removed: { description: 'How many were taken out.' },
    'index-checksum': { description: 'SHA-256 of the package index that the mirror points to now.' },
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
      problems.push('select is given, but no view: the main index always has every entry');
    }
    if (given.to !== undefined && given.operation !== 'rollback') {
      problems.push(`to is given, but operation is ${given.operation}, not rollback`);
    }
    if (given.to !== undefined && !/^\d{1,10}$/.test(given.to))
      problems.push(`to: "${given.to}" is no generation`);
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
  const findings: Finding[] = [];
  progress.info(`Reading the index of ${store.url}.`);
  const keys = await readMirrorKeys(store, findings);
  const offeredKeys = keys.map((key) => key.armored);
  const isList = given.operation === 'list';
  const trust = {
    // A list only shows; where nobody is trusted, the keys of the mirror itself tell who signed what.
    trustedKeys: isList && given.trustedKeys.trim() === '' ? offeredKeys.join('\n') : given.trustedKeys,
    offeredKeys,
    allowUnsigned: given.allowUnsigned || isList,
  };
  const signer = await openOptionalSigner(given, context);
  try {
    if (signer !== undefined) offeredKeys.push(signer.publicKey.armored);
    const { policy } = await openPolicy(trust, clock);
    requireTrustedSigner(signer, policy);
    const ports: Ports = { store, trust, policy, signer, clock, progress, workers };
    if (given.operation === 'list') return await list(given, ports, findings);
    return await operate(given, given.operation, ports, findings, {
      offeredKeys: keys.map((key) => key.fingerprint),
      pinnedKeys: await pinnedFingerprints(given.trustedKeys),
      allowUnpinnedKeys: given.allowUnpinnedKeys,
      allowUnsigned: given.allowUnsigned,
      allowLayoutV2: given.allowLayoutV2,
    });
  } finally {
    signer?.close();
  }
}

/** Throws `UserError` for what has no layout-v3 entries to be indexed, and must not get an index by mistake. */
async function requireMirror(store: ObjectStore): Promise<void> {
  switch (await detectLayout(store)) {
    case 'v3':
      return;
    case 'v2':
      throw new UserError(
        'not-supported',
        `${store.url} is a mirror of layout v2, which Slipway only verifies`,
        {
          hint: 'Convert it with "spack buildcache migrate".',
        },
      );
    default:
      throw new UserError('not-a-buildcache', `${store.url} is no Spack mirror: it has nothing of one`, {
        hint: 'Check the URL: it is the directory that holds "v3" and "blobs".',
      });
  }
}

/** Shows the indexes that are kept, and says what is wrong with them; it writes nothing, so it refuses nothing. */
async function list(given: Inputs, ports: Ports, findings: readonly Finding[]): Promise<ActionResult> {
  const { view } = given;
  const listed = await listIndexes(ports.store, view, ports.policy);
  for (const index of listed.indexes) ports.progress.info(describeIndex(index));
  return report({
    operation: 'list',
    mirror: ports.store.url,
    view,
    indexes: listed.indexes,
    currentChecksum: listed.currentChecksum,
    findings: [...findings, ...listed.findings],
    reportPath: given.report,
    plan: { steps: [] },
    pendingPaths: [],
    result: undefined,
  });
}

async function operate(
  given: Inputs,
  operation: Exclude<Inputs['operation'], 'list'>,
  ports: Ports,
  keyFindings: readonly Finding[],
  surroundings: Surroundings,
): Promise<ActionResult> {
  const { view } = given;
  const { store, policy, progress, clock } = ports;
  const selection = parseSelection(given.select);
  const standing = await readStanding({
    store,
    policy,
    clock,
    writer: operation,
    view,
    findings: keyFindings,
    surroundings,
  });
  const { stored, current } = standing;
  assertSignerFor(current, view, ports.signer);
  const members =
    view === undefined || operation === 'rollback' ? undefined : await presentMembers(standing, view, store);
  const pendingPaths = await pendingMirrorPaths(store);
  if (pendingPaths.length > 0) progress.info(pendingNotice(pendingPaths));
  const target: Target = { view, selection: isInvalid(selection) ? undefined : selection, members };
  const reported: Omit<ReportInput, 'plan' | 'result'> = {
    operation,
    mirror: store.url,
    view,
    indexes: [],
    currentChecksum: current.pointer?.record.checksum ?? '',
    findings: standing.findings,
    pendingPaths,
    warnings: operation === 'rollback' ? [] : unusedPatterns(given.select, stored.values()),
    reportPath: given.report,
  };
  if (
    view !== undefined &&
    target.selection === undefined &&
    operation !== 'rollback' &&
    members === undefined
  ) {
    throw new UserError(
      'input-invalid',
      current.unreadableEtag === undefined
        ? `the view ${view} does not exist yet, and select does not say what belongs to it`
        : `the index of the view ${view} is refused, so nothing says what belongs to it, and neither does select`,
      { hint: 'Give select, for example a package name a line.' },
    );
  }
  const proof = { store, source: ports.trust, standing, clock, progress, workers: ports.workers };
  switch (operation) {
    case 'update': {
      const provenIndex = ports.signer && (await proveUnsignedIndex({ ...proof, claimed: current }));
      const belongs = membership(target, current);
      const indexed = current.index.entries();
      const unsettled = unsettledEntries(current);
      const plan = planUpdate({ view, indexed, unsettled, stored, belongs, provenIndex });
      if (given.dryRun) return dryRun(plan, ports, reported);
      const result = await remembering(ports, (writing) =>
        executeUpdate(target, { ...current, stored }, provenIndex, writing),
      );
      progress.info(`Added ${counted(result.added, 'entry', 'entries')}, removed ${result.removed}.`);
      return report({
        ...reported,
        findings: [...standing.findings, ...(result.findings ?? [])],
        plan,
        result,
      });
    }
    case 'rebuild': {
      const plan = planRebuild({ view, stored, belongs: membership(target, current) });
      if (given.dryRun) return dryRun(plan, ports, reported);
      // A rebuild makes every record anew; of a large index the old records would be half of its memory.
      const seed = { ...current, index: current.index.withoutNodes(), stored };
      const result = await remembering(ports, (writing) => executeRebuild(target, seed, writing));
      progress.info(`Indexed ${counted(result.move.entryCount, 'entry', 'entries')}.`);
      if (!current.mustBeSigned && ports.signer !== undefined) tellOfUnsignedViews(standing, progress);
      return report({
        ...reported,
        findings: [...standing.findings, ...(result.findings ?? [])],
        plan,
        result,
      });
    }
    case 'rollback': {
      const to = given.to === undefined ? undefined : Number(given.to);
      const earlier = await findRollbackTarget(store, view, to, current, stored, policy);
      if (ports.signer !== undefined) await proveUnsignedIndex({ ...proof, claimed: earlier });
      const from = current.pointer?.manifest.lineage?.generation ?? 0;
      const { checksum } = earlier.pointer.record;
      const plan: Plan = { steps: [{ kind: 'roll-back', view, from, to: earlier.generation, checksum }] };
      if (given.dryRun) return report({ ...reported, plan, result: undefined });
      const result = await remembering(ports, (writing) =>
        executeRollback(target, earlier, current, writing),
      );
      progress.info(`Brought generation ${earlier.generation} back as generation ${result.move.generation}.`);
      return report({ ...reported, plan, result });
    }
    default:
      return unreachable(operation);
  }
}

async function dryRun(
  plan: Plan,
  ports: Ports,
  reported: Omit<ReportInput, 'plan' | 'result'>,
): Promise<ActionResult> {
  await rehearse(plan, ports);
  ports.progress.info('Dry run: the index stays as it is.');
  return report({ ...reported, plan, result: undefined });
}

/** Where a rebuild made the first signed index, the views have to follow. */
function tellOfUnsignedViews({ trust }: MirrorStanding, progress: ProgressPort): void {
  const views = trust.views.filter(({ pointer }) => pointer !== undefined && pointer.signedBy === undefined);
  for (const { view } of views) {
    progress.info(
      `Now rebuild the view ${view} with the signing-key: until then its index is refused, because it is not signed.`,
    );
  }
}
