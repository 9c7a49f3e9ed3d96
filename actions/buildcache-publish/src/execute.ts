import { pathInMirror, rememberingMirror } from '@slipway/buildcache-actions';
import {
  type Clock,
  counted,
  formatBytes,
  isConditionFailed,
  mapConcurrently,
  type ObjectStore,
  type ProgressPort,
  UserError,
  unreachable,
} from '@slipway/core';
import {
  addPublicKeys,
  advanceIndex,
  announcePublish,
  type CurrentIndex,
  ensureLayout,
  type IndexMove,
  type IndexSet,
  type NodeGraph,
  readManifest,
  type SignaturePolicy,
  withdrawAnnouncement,
  writeDocument,
  writeImmutable,
} from '@slipway/mirror';
import type { Signer } from '@slipway/signing';
import { blobKey, layoutKey } from '@slipway/spack-buildcache';
import type { Plan, Step } from './plan.ts';

const concurrentWrites = 16;

export interface Ports {
  readonly staged: ObjectStore;
  readonly mirror: ObjectStore;
  readonly graph: NodeGraph;
  /** Specfile versions of the staged entries, by DAG hash. */
  readonly specfileVersions: ReadonlyMap<string, number>;
  readonly keys: readonly { readonly fingerprint: string; readonly armored: string }[];
  readonly policy: SignaturePolicy;
  readonly signer: Signer | undefined;
  readonly current: CurrentIndex;
  /** See `Observed`. */
  readonly provenIndex: string | undefined;
  readonly clock: Clock;
  readonly progress: ProgressPort;
}

/** What was done, even if a later step failed. */
export interface Result {
  blobsUploaded: number;
  bytesUploaded: number;
  manifestsWritten: number;
  /** Keys whose content was replaced or added under a name that caches may hold. */
  readonly changedKeys: string[];
  readonly moves: { readonly view: string | undefined; readonly move: IndexMove }[];
}

export interface Outcome {
  readonly result: Result;
  readonly error: unknown;
}

/** Carries out a plan, step by step. A failure ends it; everything stored until then is complete. */
export async function execute(plan: Plan, observed: Ports): Promise<Outcome> {
  const result: Result = {
    blobsUploaded: 0,
    bytesUploaded: 0,
    manifestsWritten: 0,
    changedKeys: [],
    moves: [],
  };
  const remembering = rememberingMirror(observed.mirror, observed.clock);
  const ports = { ...observed, mirror: remembering.store };
  try {
    await announce(plan, ports);
    await uploadBlobs(plan, ports, result);
    await remembering.remember(replacedManifests(plan).map(pathInMirror));
    await writeManifests(plan, ports, result);
    for (const step of plan.steps) await finish(step, ports, result);
    await remembering.complete();
    return { result, error: undefined };
  } catch (error) {
    return { result, error };
  }
}

function replacedManifests({ steps }: Plan): readonly string[] {
  return steps.flatMap((step) =>
    step.kind === 'write-manifest' && step.replaces !== undefined ? [step.key] : [],
  );
}

async function announce(plan: Plan, ports: Ports): Promise<void> {
  for (const step of plan.steps) {
    if (step.kind === 'announce') await announcePublish(ports.mirror, step.hashes, ports.signer, ports.clock);
  }
}

async function uploadBlobs(plan: Plan, ports: Ports, result: Result): Promise<void> {
  const { staged, mirror, progress } = ports;
  const blobs = plan.steps.filter((step) => step.kind === 'upload-blob');
  const totalBytes = blobs.reduce((sum, blob) => sum + blob.sizeBytes, 0);
  progress.start(
    `Uploading ${counted(blobs.length, 'blob')}, ${formatBytes(totalBytes)}`,
    totalBytes,
    'bytes',
  );
  await mapConcurrently(blobs, concurrentWrites, async ({ sha256, sizeBytes, mediaType }) => {
    const source = await staged.fileSource?.(blobKey(sha256));
    if (source === undefined) throw changed(blobKey(sha256));
    if (await writeImmutable(mirror, blobKey(sha256), source, mediaType, sha256)) {
      result.blobsUploaded += 1;
      result.bytesUploaded += sizeBytes;
    }
    progress.advance(sizeBytes);
  });
}

async function writeManifests(plan: Plan, ports: Ports, result: Result): Promise<void> {
  const manifests = plan.steps.filter((step) => step.kind === 'write-manifest');
  ports.progress.start(`Writing ${counted(manifests.length, 'manifest')}`, manifests.length, 'entries');
  const waves = Map.groupBy(manifests, (step) => step.wave);
  for (const wave of [...waves.keys()].sort((a, b) => a - b)) {
    await mapConcurrently(waves.get(wave) ?? [], concurrentWrites, async (step) => {
      await writeManifest(step, ports);
      result.manifestsWritten += 1;
      if (step.replaces !== undefined) result.changedKeys.push(step.key);
      ports.progress.advance(1);
    });
  }
}

async function writeManifest(step: Extract<Step, { kind: 'write-manifest' }>, ports: Ports): Promise<void> {
  const { key, payloadSha256, replaces } = step;
  const staged = await readManifest(ports.staged, key, ports.policy);
  if (staged?.text === undefined || staged.payloadSha256 !== payloadSha256) throw changed(key);
  const condition = replaces === undefined ? 'absent' : { etag: replaces };
  try {
    await writeDocument(ports.mirror, key, staged.bytes, { condition });
  } catch (error) {
    if (replaces !== undefined || !isConditionFailed(error)) throw error;
    // Another publisher may have stored the same entry meanwhile, perhaps with its own signature, which is just as good.
    const present = await readManifest(ports.mirror, key, ports.policy);
    if (present?.text !== undefined && present.payloadSha256 === payloadSha256) return;
    throw new UserError(
      'immutable-conflict',
      `another publisher stored another build of ${key} at the same time`,
      { hint: 'Run this step again: it then compares the two.', cause: error },
    );
  }
}

function changed(key: string): UserError {
  return new UserError('content-invalid', `${key} changed while the buildcache was being published`, {
    hint: 'Make sure that nothing else writes to the staged buildcache, and run this step again.',
  });
}

/** False if the index already has the entry. */
function addEntry(hash: string, index: IndexSet, { graph, specfileVersions }: Ports): boolean {
  const specfileVersion = specfileVersions.get(hash);
  return specfileVersion !== undefined && index.add({ hash, specfileVersion }, graph);
}

/** Runs the steps after the manifests one at a time. */
async function finish(step: Step, ports: Ports, result: Result): Promise<void> {
  const { mirror, clock, progress } = ports;
  switch (step.kind) {
    case 'announce':
    case 'upload-blob':
    case 'write-manifest':
      return;
    case 'add-keys': {
      const keys = ports.keys.filter((key) => step.fingerprints.includes(key.fingerprint));
      result.changedKeys.push(...(await addPublicKeys(mirror, keys, clock)));
      return;
    }
    case 'ensure-layout':
      if (await ensureLayout(mirror)) result.changedKeys.push(layoutKey);
      return;
    case 'advance-index': {
      progress.start(step.view === undefined ? 'Moving the index' : `Moving the index of view ${step.view}`);
      const move = await advanceIndex({
        store: mirror,
        view: step.view,
        policy: ports.policy,
        signer: ports.signer,
        clock,
        seed: step.view === undefined ? ports.current : undefined,
        provenIndex: ports.provenIndex,
        signUnsigned: step.signUnsigned,
        change: ({ index }) => {
          const added = step.hashes.filter((hash) => addEntry(hash, index, ports));
          return added.length === 0 ? undefined : index;
        },
      });
      if (move.moved) result.changedKeys.push(move.pointerKey);
      result.moves.push({ view: step.view, move });
      return;
    }
    case 'withdraw-announcements':
      for (const publishId of step.publishIds) await withdrawAnnouncement(mirror, publishId);
      return;
    default:
      unreachable(step);
  }
}
