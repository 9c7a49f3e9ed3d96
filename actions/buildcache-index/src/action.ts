import { awsProblems, openSharedStore, openStoreFromSeed } from '@slipway/aws-actions';
import {
  isOnS3,
  openOptionalSigner,
  passphraseProblem,
  pointerChecksumsOutput,
  reportOutput,
  requireTrustedSigner,
  signerProblems,
  trustProblem,
} from '@slipway/buildcache-actions';
import { counted, type ObjectStore, UserError, unreachable } from '@slipway/core';
import {
  assertSignerFor,
  type CurrentIndex,
  detectLayout,
  type Finding,
  listHistory,
  listStoredEntries,
  openPolicy,
  readCurrentIndex,
  readIndexPointer,
  readKeptPointer,
  readMirrorKeys,
  type SignaturePolicy,
  serveEntryScan,
} from '@slipway/mirror';
import { type ActionContext, type ActionResult, defineAction } from '@slipway/runner';
import {
  executeRebuild,
  executeRollback,
  executeUpdate,
  type Ports,
  rehearse,
  type Target,
} from './execute.ts';
import { type Inputs, inputs } from './inputs.ts';
import { findRollbackTarget, membership } from './observe.ts';
import { type Plan, planRebuild, planUpdate } from './plan.ts';
import { type ListedIndex, type ReportInput, report } from './report.ts';
import { isInvalid, parseSelection } from './selection.ts';

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
    'invalidation-paths': {
      description: 'Paths that a CDN in front of the mirror must invalidate, one a line.',
    },
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
    return await operate(given, ports, findings);
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

async function operate(given: Inputs, ports: Ports, findings: readonly Finding[]): Promise<ActionResult> {
  const { operation, view } = given;
  const { store, policy, progress } = ports;
  const selection = parseSelection(given.select);
  const target: Target = { view, selection: isInvalid(selection) ? undefined : selection };
  const read = await readCurrentIndex({
    store,
    view,
    policy,
    replaceUnreadable: operation === 'rebuild' || operation === 'list',
  });
  // A rebuild makes every record anew; of a large index the old records would be half of its memory.
  const current = operation === 'rebuild' ? { ...read, index: read.index.withoutNodes() } : read;
  const reported: Omit<ReportInput, 'plan' | 'result'> = {
    operation,
    mirror: store.url,
    view,
    indexes: [],
    currentChecksum: current.pointer?.record.checksum ?? '',
    findings,
    reportPath: given.report,
  };
  if (operation === 'list') {
    const found = [...findings];
    if (current.unreadableEtag !== undefined) await readIndexPointer(store, view, policy, found);
    const indexes = await listIndexes(store, view, current, policy, found);
    for (const index of indexes) {
      progress.info(
        `generation ${index.generation ?? '-'}: ${index.checksum}${index.current ? ' (current)' : ''}`,
      );
    }
    return report({ ...reported, findings: found, plan: { steps: [] }, result: undefined, indexes });
  }
  assertSignerFor(current, ports.signer);
  const stored = await listStoredEntries(store);
  const belongs = membership(view, target.selection, current);
  if (
    view !== undefined &&
    target.selection === undefined &&
    current.pointer === undefined &&
    operation !== 'rollback'
  ) {
    throw new UserError(
      'input-invalid',
      `the view ${view} does not exist yet, and select does not say what belongs to it`,
      {
        hint: 'Give select, for example a package name a line.',
      },
    );
  }
  switch (operation) {
    case 'update': {
      const plan = planUpdate({ view, indexed: current.index.entries(), stored, belongs });
      if (given.dryRun) return dryRun(plan, ports, reported);
      const result = await executeUpdate(target, { ...current, stored }, ports);
      progress.info(`Added ${counted(result.added, 'entry', 'entries')}, removed ${result.removed}.`);
      return report({ ...reported, plan, result });
    }
    case 'rebuild': {
      const plan = planRebuild({ view, stored, belongs });
      if (given.dryRun) return dryRun(plan, ports, reported);
      const result = await executeRebuild(target, { ...current, stored }, ports);
      progress.info(`Indexed ${counted(result.move.entryCount, 'entry', 'entries')}.`);
      return report({ ...reported, plan, result });
    }
    case 'rollback': {
      const to = given.to === undefined ? undefined : Number(given.to);
      const earlier = await findRollbackTarget(store, view, to, current, stored, policy);
      const from = current.pointer?.manifest.lineage?.generation ?? 0;
      const { checksum } = earlier.pointer.record;
      const plan: Plan = { steps: [{ kind: 'roll-back', view, from, to: earlier.generation, checksum }] };
      if (given.dryRun) return report({ ...reported, plan, result: undefined });
      const newest = Math.max(from, (await listHistory(store, view)).at(-1)?.generation ?? 0);
      const result = await executeRollback(target, earlier, current, newest, ports);
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

async function listIndexes(
  store: ObjectStore,
  view: string | undefined,
  current: CurrentIndex,
  policy: SignaturePolicy,
  findings: Finding[],
): Promise<readonly ListedIndex[]> {
  const indexes: ListedIndex[] = [];
  const present = current.pointer;
  for (const kept of await listHistory(store, view)) {
    const pointer = await readKeptPointer(store, kept.key, policy, findings);
    if (pointer === undefined) continue;
    indexes.push({
      generation: kept.generation,
      checksum: pointer.record.checksum,
      sizeBytes: pointer.record.contentLength,
      rolledBackTo: pointer.manifest.lineage?.rolledBackTo,
      signedBy: pointer.signedBy,
      current: present !== undefined && Buffer.compare(present.bytes, pointer.bytes) === 0,
    });
  }
  if (present !== undefined && !indexes.some((index) => index.current)) {
    indexes.push({
      generation: present.manifest.lineage?.generation,
      checksum: present.record.checksum,
      sizeBytes: present.record.contentLength,
      rolledBackTo: present.manifest.lineage?.rolledBackTo,
      signedBy: present.signedBy,
      current: true,
    });
  }
  return indexes;
}
