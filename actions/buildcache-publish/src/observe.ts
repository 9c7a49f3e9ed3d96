import { type Clock, mapConcurrently, type ObjectStore, type ProgressPort } from '@slipway/core';
import {
  closureFindings,
  type Finding,
  finding,
  type IndexSet,
  judgeMirror,
  type MirrorState,
  openPolicy,
  pinnedFingerprints,
  proveUnsignedIndex,
  readManifest,
  readMirrorKeys,
  readStaged,
  refuseOnErrors,
  type ScanWorkers,
  type SignaturePolicy,
  type StagedBuildcache,
} from '@slipway/mirror';
import { blobKey, formatOfSpecfile } from '@slipway/spack-buildcache';
import type { Observation, PresentEntry, StagedEntry } from './plan.ts';

const concurrentRequests = 32;

export interface ObserveOptions {
  readonly staged: ObjectStore;
  readonly mirror: ObjectStore;
  readonly trustedKeys: string;
  /** The public half of the key that signs the index. */
  readonly signerKey: { readonly fingerprint: string; readonly armored: string } | undefined;
  readonly allowUnsigned: boolean;
  readonly allowUnpinnedKeys: boolean;
  readonly allowLayoutV2: boolean;
  readonly overwrite: boolean;
  readonly view: string | undefined;
  readonly clock: Clock;
  readonly progress: ProgressPort;
  readonly workers: ScanWorkers | undefined;
}

export interface Observed {
  readonly observation: Observation;
  readonly staged: StagedBuildcache;
  readonly state: MirrorState;
  readonly policy: SignaturePolicy;
  readonly findings: readonly Finding[];
  /** SHA-256 of the present index, if it is unsigned and was proven for this run's signer. */
  readonly provenIndex: string | undefined;
}

/**
 * Judges the staged buildcache and the mirror. Throws `UserError` `buildcache-refused` or `mirror-refused` if either is not
 * sound; nothing has been written then.
 */
export async function observe(options: ObserveOptions): Promise<Observed> {
  const { mirror, clock, progress } = options;
  const keyFindings: Finding[] = [];
  const mirrorKeys = await readMirrorKeys(mirror, keyFindings);
  const signerKeys = options.signerKey === undefined ? [] : [options.signerKey];
  const staged = await readStaged({
    store: options.staged,
    trustedKeys: options.trustedKeys,
    otherKeys: [...mirrorKeys, ...signerKeys].map((key) => key.armored),
    allowUnsigned: options.allowUnsigned,
    tarballs: 'read',
    clock,
    progress,
    workers: options.workers,
  });
  progress.start('Reading the index of the mirror');
  const trust = {
    trustedKeys: options.trustedKeys,
    offeredKeys: [...mirrorKeys, ...staged.keys.keys, ...signerKeys].map((key) => key.armored),
    allowUnsigned: options.allowUnsigned,
  };
  const { policy } = await openPolicy(trust, clock);
  const stagedKeys = new Map(staged.entries.map((entry) => [entry.dagHash, entry.key]));
  const unsound = 'nothing was published, because the buildcache is not sound';
  refuseOnErrors(staged.findings, 'buildcache-refused', unsound);
  const state = await judgeMirror({
    store: mirror,
    policy,
    clock,
    writer: 'publish',
    view: options.view,
    findings: keyFindings,
    published: new Set(stagedKeys.keys()),
    surroundings: {
      offeredKeys: mirrorKeys.map((key) => key.fingerprint),
      pinnedKeys: await pinnedFingerprints(options.trustedKeys),
      allowUnpinnedKeys: options.allowUnpinnedKeys,
      allowUnsigned: options.allowUnsigned,
      allowLayoutV2: options.allowLayoutV2,
    },
  });
  const closure = closureFindings(staged.graph, stagedKeys, (hash) => state.stored.has(hash));
  const findings = [...staged.findings, ...state.findings, ...closure];
  refuseOnErrors(closure, 'buildcache-refused', 'nothing was published, because dependencies are missing');
  // This happens once in a mirror's life, so one thread is enough.
  const provenIndex =
    options.signerKey &&
    (await proveUnsignedIndex({
      store: mirror,
      source: trust,
      state,
      claimed: state.current,
      clock,
      progress,
      workers: undefined,
    }));
  const observation = {
    ...(await observePresence(options, staged, state, policy)),
    signUnsigned: provenIndex !== undefined,
  };
  return { observation, staged, state, policy, findings, provenIndex };
}

/** Finds which staged entries the mirror already has. Takes time in proportion to what is staged, not to the mirror. */
async function observePresence(
  options: ObserveOptions,
  staged: StagedBuildcache,
  state: MirrorState,
  policy: SignaturePolicy,
): Promise<Omit<Observation, 'signUnsigned'>> {
  const { mirror, view, overwrite } = options;
  const entries = staged.entries.map((entry): StagedEntry => {
    const dependencies = staged.graph.runtimeDependencies(entry.dagHash);
    return {
      key: entry.key,
      dagHash: entry.dagHash,
      payloadSha256: entry.payloadSha256 ?? '',
      signedBy: entry.signedBy,
      blobs: entry.blobs,
      dependencies,
    };
  });
  const stored = entries.filter((entry) => state.stored.get(entry.dagHash) === entry.key);
  const present: Record<string, PresentEntry> = {};
  await mapConcurrently(stored, concurrentRequests, async (entry) => {
    const found = await readPresent(mirror, entry.key, policy);
    if (found !== undefined) present[entry.key] = found;
  });
  const sizes = new Map(
    entries.flatMap((entry) => entry.blobs).map((blob) => [blob.checksum, blob.contentLength]),
  );
  const presentBlobs: string[] = [];
  await mapConcurrently(sizes, concurrentRequests, async ([sha256, sizeBytes]) => {
    if ((await mirror.head(blobKey(sha256)))?.sizeBytes === sizeBytes) presentBlobs.push(sha256);
  });
  // An entry too new for every known index is not missing from one.
  const specfileVersions = indexableVersions(staged);
  const lackedBy = (index: IndexSet | undefined): readonly string[] =>
    [...specfileVersions]
      .filter(([hash, version]) => index?.hasEntryOf(hash, version) !== true)
      .map(([hash]) => hash);
  return {
    entries,
    present,
    presentBlobs: presentBlobs.sort(),
    keys: [...staged.keys.keys, ...(options.signerKey ? [options.signerKey] : [])]
      .map((key) => key.fingerprint)
      .filter((fingerprint) => isTrusted(policy, fingerprint)),
    view,
    overwrite,
    pending: state.pending.map((note) => ({
      publishId: note.publishId,
      unindexed: note.hashes.filter((hash) => !state.current.index.hasEntry(hash)),
    })),
    unindexed: lackedBy(state.current.index),
    unindexedInView: lackedBy(state.viewed?.index),
  };
}

/** The specfile versions of the staged entries that belong in an index, by DAG hash. */
export function indexableVersions(staged: StagedBuildcache): ReadonlyMap<string, number> {
  const versions = new Map<string, number>();
  for (const { dagHash, specfileVersion = 0 } of staged.entries) {
    if (formatOfSpecfile(specfileVersion) !== undefined) versions.set(dagHash, specfileVersion);
  }
  return versions;
}

/** Only pinned keys are passed on to clients. */
function isTrusted(policy: SignaturePolicy, fingerprint: string): boolean {
  return policy.keyring?.keys.some((key) => key.publicKey.fingerprint === fingerprint) ?? false;
}

async function readPresent(
  mirror: ObjectStore,
  key: string,
  policy: SignaturePolicy,
): Promise<PresentEntry | undefined> {
  const stored = await readManifest(mirror, key, policy);
  if (stored?.etag === undefined) return undefined;
  const { etag } = stored;
  if (stored.text === undefined) return { etag, payloadSha256: undefined, signedBy: undefined };
  return { etag, payloadSha256: stored.payloadSha256, signedBy: stored.signedBy };
}

/** A finding for each entry that the mirror has with other content. */
export function keptFindings(keys: readonly string[]): readonly Finding[] {
  return keys.map((key) =>
    finding(
      'entry-differs',
      key,
      'the mirror has another build of the same spec, and keeps it',
      'Set overwrite: true to replace it.',
    ),
  );
}
