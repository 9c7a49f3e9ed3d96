import { counted, formatBytes } from '@slipway/core';
import { publishIdOf } from '@slipway/mirror';
import { type BlobRecord, indexManifestKey, pendingKey } from '@slipway/spack-buildcache';

/** A staged entry that was found sound. */
export interface StagedEntry {
  readonly key: string;
  readonly dagHash: string;
  readonly payloadSha256: string;
  readonly signedBy: string | undefined;
  readonly blobs: readonly BlobRecord[];
  /** DAG hashes of the staged entries that must be stored before this one. */
  readonly dependencies: readonly string[];
}

export interface PresentEntry {
  readonly etag: string;
  /** Undefined if it would be refused today: unsigned, tampered with, or signed by an expired key. */
  readonly payloadSha256: string | undefined;
  readonly signedBy: string | undefined;
}

export interface Observation {
  readonly entries: readonly StagedEntry[];
  /** By manifest key. */
  readonly present: Readonly<Record<string, PresentEntry>>;
  /** SHA-256 of blobs that the mirror already has. */
  readonly presentBlobs: readonly string[];
  /** Trusted public keys of the staged buildcache. */
  readonly keys: readonly string[];
  readonly view: string | undefined;
  /** The main index is unsigned, and there is a key to sign it. */
  readonly signUnsigned: boolean;
  readonly overwrite: boolean;
  /** DAG hashes missing from the main index, and from the view's. */
  readonly unindexed: readonly string[];
  readonly unindexedInView: readonly string[];
  /** Notes of unfinished publishes, with those of their entries that the main index lacks. */
  readonly pending: readonly { readonly publishId: string; readonly unindexed: readonly string[] }[];
}

export type Step =
  | { readonly kind: 'announce'; readonly publishId: string; readonly hashes: readonly string[] }
  | {
      readonly kind: 'upload-blob';
      readonly sha256: string;
      readonly sizeBytes: number;
      readonly mediaType: string;
    }
  | {
      readonly kind: 'write-manifest';
      readonly key: string;
      readonly dagHash: string;
      readonly payloadSha256: string;
      /** ETag of the manifest it replaces; undefined for a new one. */
      readonly replaces: string | undefined;
      /** Manifests need only those of earlier waves. */
      readonly wave: number;
    }
  | { readonly kind: 'add-keys'; readonly fingerprints: readonly string[] }
  | { readonly kind: 'ensure-layout' }
  | {
      readonly kind: 'advance-index';
      readonly view: string | undefined;
      readonly hashes: readonly string[];
      /** The present index is unsigned and gets signed even if nothing is added. */
      readonly signUnsigned: boolean;
    }
  | { readonly kind: 'withdraw-announcements'; readonly publishIds: readonly string[] };

export interface Plan {
  readonly steps: readonly Step[];
  /** Manifest keys whose stored entry is already the same. */
  readonly unchanged: readonly string[];
  /** Manifest keys whose stored entry differs and is kept. */
  readonly kept: readonly string[];
}

/**
 * Stores blobs first, then manifests after their dependencies, keys, and finally the index pointers, so that whatever is
 * stored is complete at every moment.
 */
export function plan(observation: Observation): Plan {
  const unchanged: string[] = [];
  const kept: string[] = [];
  const written: { readonly entry: StagedEntry; readonly replaces: string | undefined }[] = [];
  for (const entry of observation.entries) {
    const present = observation.present[entry.key];
    switch (decide(entry, present, observation.overwrite)) {
      case 'unchanged':
        unchanged.push(entry.key);
        break;
      case 'keep':
        kept.push(entry.key);
        break;
      case 'write':
        written.push({ entry, replaces: present?.etag });
        break;
    }
  }
  const left = new Set(kept);
  const stored = observation.entries.filter((entry) => !left.has(entry.key));
  const hashes = stored.map((entry) => entry.dagHash);
  const steps: Step[] = [];
  // The note covers all entries, not only those left to do, so it is the same as that of an interrupted run.
  const publishId = publishIdOf(hashes);
  if (written.length > 0) steps.push({ kind: 'announce', publishId, hashes });
  steps.push(...blobSteps(stored, observation.presentBlobs), ...manifestSteps(written));
  if (observation.keys.length > 0) steps.push({ kind: 'add-keys', fingerprints: observation.keys });
  steps.push({ kind: 'ensure-layout' });
  const missing = new Set(observation.unindexed);
  steps.push({
    kind: 'advance-index',
    view: undefined,
    hashes: hashes.filter((hash) => missing.has(hash)),
    signUnsigned: observation.signUnsigned,
  });
  if (observation.view !== undefined) {
    const inView = new Set(observation.unindexedInView);
    steps.push({
      kind: 'advance-index',
      view: observation.view,
      hashes: hashes.filter((hash) => inView.has(hash)),
      signUnsigned: false,
    });
  }
  const added = new Set(hashes);
  const settled = observation.pending.filter((note) => note.unindexed.every((hash) => added.has(hash)));
  const publishIds = new Set(settled.map((note) => note.publishId));
  if (written.length > 0) publishIds.add(publishId);
  if (publishIds.size > 0) steps.push({ kind: 'withdraw-announcements', publishIds: [...publishIds] });
  return { steps, unchanged, kept };
}

function decide(
  entry: StagedEntry,
  present: PresentEntry | undefined,
  overwrite: boolean,
): 'unchanged' | 'keep' | 'write' {
  if (present === undefined || present.payloadSha256 === undefined) return 'write';
  if (present.payloadSha256 !== entry.payloadSha256) return overwrite ? 'write' : 'keep';
  // The same entry, now signed: replace the unsigned manifest.
  return present.signedBy === undefined && entry.signedBy !== undefined ? 'write' : 'unchanged';
}

function blobSteps(entries: readonly StagedEntry[], present: readonly string[]): readonly Step[] {
  const known = new Set(present);
  const steps: Step[] = [];
  for (const { blobs } of entries) {
    for (const { checksum, contentLength, mediaType } of blobs) {
      if (known.has(checksum)) continue;
      known.add(checksum);
      steps.push({ kind: 'upload-blob', sha256: checksum, sizeBytes: contentLength, mediaType });
    }
  }
  return steps;
}

function manifestSteps(
  written: readonly { readonly entry: StagedEntry; readonly replaces: string | undefined }[],
): readonly Step[] {
  const entries = new Map(written.map(({ entry }) => [entry.dagHash, entry]));
  const waves = wavesOf(entries);
  return written
    .map(({ entry, replaces }) => ({
      kind: 'write-manifest' as const,
      key: entry.key,
      dagHash: entry.dagHash,
      payloadSha256: entry.payloadSha256,
      replaces,
      wave: waves.get(entry.dagHash) ?? 0,
    }))
    .sort((a, b) => a.wave - b.wave || (a.key < b.key ? -1 : 1));
}

/** The wave of each entry: one more than the highest wave it depends on. Does not recurse. */
function wavesOf(entries: ReadonlyMap<string, StagedEntry>): ReadonlyMap<string, number> {
  const waves = new Map<string, number>();
  for (const root of entries.keys()) {
    const stack = [root];
    const open = new Set<string>();
    for (let hash = stack.at(-1); hash !== undefined; hash = stack.at(-1)) {
      const needed = (entries.get(hash)?.dependencies ?? []).filter((dependency) => entries.has(dependency));
      const unsettled = needed.filter((dependency) => !waves.has(dependency) && !open.has(dependency));
      if (waves.has(hash) || unsettled.length === 0) {
        stack.pop();
        if (!waves.has(hash))
          waves.set(hash, 1 + Math.max(-1, ...needed.map((dependency) => waves.get(dependency) ?? -1)));
        continue;
      }
      open.add(hash);
      stack.push(...unsettled);
    }
  }
  return waves;
}

/** What a plan would do, in the numbers of the outputs. */
export function expectationOf({ steps }: Plan): Expectation {
  const blobs = steps.filter((step) => step.kind === 'upload-blob');
  const manifests = steps.filter((step) => step.kind === 'write-manifest');
  const replaced = manifests.filter((step) => step.replaces !== undefined).map((step) => step.key);
  const moved = steps.filter(
    (step) => step.kind === 'advance-index' && (step.hashes.length > 0 || step.signUnsigned),
  );
  const views = moved.map((step) => (step.kind === 'advance-index' ? step.view : undefined));
  return {
    manifestsWritten: manifests.length,
    blobsUploaded: blobs.length,
    bytesUploaded: blobs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    changedKeys: [...replaced, ...views.map(indexManifestKey)],
  };
}

export interface Expectation {
  readonly manifestsWritten: number;
  readonly blobsUploaded: number;
  readonly bytesUploaded: number;
  /** Keys of the manifests and index pointers that are replaced. */
  readonly changedKeys: readonly string[];
}

/** A plan for the log of a dry run. */
export function describe({ steps }: Plan): readonly string[] {
  return steps.flatMap(describeStep);
}

function describeStep(step: Step): readonly string[] {
  switch (step.kind) {
    case 'announce':
    case 'ensure-layout':
      return [];
    case 'upload-blob':
      return [`Would upload blob ${step.sha256} (${formatBytes(step.sizeBytes)})`];
    case 'write-manifest':
      return [`Would ${step.replaces === undefined ? 'write' : 'replace'} ${step.key}`];
    case 'add-keys':
      return [`Would add the keys ${step.fingerprints.join(', ')}`];
    case 'advance-index': {
      const index = step.view === undefined ? 'the index' : `the index of ${step.view}`;
      const signing = step.signUnsigned ? ['Would sign the index, which has no signature yet'] : [];
      return [`Would add ${counted(step.hashes.length, 'entry', 'entries')} to ${index}`, ...signing];
    }
    case 'withdraw-announcements':
      return deletedKeys([step]).map((key) => `Would delete ${key}`);
  }
}

/** Everything that the plan deletes: notes of finished publishes. */
export function deletedKeys(steps: readonly Step[]): readonly string[] {
  return steps.flatMap((step) =>
    step.kind === 'withdraw-announcements' ? step.publishIds.map(pendingKey) : [],
  );
}
