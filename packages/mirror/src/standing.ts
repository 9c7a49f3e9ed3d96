import type { Clock, ObjectStore } from '@slipway/core';
import { classifyKey, specManifestPrefix } from '@slipway/spack-buildcache';
import { type Finding, finding } from './findings.ts';
import { type CurrentIndex, readCurrentIndex } from './index-advance.ts';
import { indexNameFindings } from './index-audit.ts';
import { type KeptPointer, lineageFinding, listHistory, readIndexPointer } from './index-pointer.ts';
import { excusedHashes, type PendingPublish, readPendingPublishes } from './pending.ts';
import type { SignaturePolicy } from './signature-policy.ts';

const maxObservations = 5;

/** Where a mirror stands, by its index and its names: what a writer must know before it adds to it. */
export interface MirrorStanding {
  readonly current: CurrentIndex;
  /** The key of each stored spec manifest, by DAG hash. */
  readonly stored: ReadonlyMap<string, string>;
  readonly history: readonly KeptPointer[];
  readonly pending: readonly PendingPublish[];
  readonly findings: readonly Finding[];
}

/**
 * Reads the main index and compares it with the names of what is stored, without reading any entry. Where something is
 * wrong it looks again, because another publisher may have been between two of its steps. Throws `UserError`
 * `mirror-refused` for an index that cannot be used at all.
 */
export async function readStanding(
  store: ObjectStore,
  policy: SignaturePolicy,
  clock: Clock,
  options: { readonly replaceUnreadable?: boolean } = {},
): Promise<MirrorStanding> {
  for (let attempt = 1; ; attempt += 1) {
    const standing = await observe(store, policy, clock, options.replaceUnreadable === true);
    const suspicious = standing.findings.some((found) => found.severity === 'error');
    if (!suspicious || attempt >= maxObservations) return standing;
    const now = await readIndexPointer(store, undefined, policy, []);
    if (now?.etag === standing.current.pointer?.etag) return standing;
  }
}

async function observe(
  store: ObjectStore,
  policy: SignaturePolicy,
  clock: Clock,
  replaceUnreadable: boolean,
): Promise<MirrorStanding> {
  // In this order: what the pointer names was stored before it, so a later listing must show it.
  const current = await readCurrentIndex({ store, view: undefined, policy, replaceUnreadable });
  const stored = await listStoredEntries(store);
  const findings: Finding[] = [];
  const pending = await readPendingPublishes(store, policy, findings);
  const history = await listHistory(store, undefined);
  const { pointer, index } = current;
  if (pointer !== undefined) {
    const lineage = lineageFinding(pointer, history);
    if (lineage !== undefined) findings.push(lineage);
    const excused = excusedHashes(pending, {
      nowMs: clock.nowMs(),
      requireSigned: pointer.signedBy !== undefined,
    });
    findings.push(...indexNameFindings({ pointer, index, stored, excused, mayOmit: false }));
  } else if (history.length > 0) {
    findings.push(
      finding('index-missing', undefined, 'the index was there before, and its pointer is gone', rebuildHint),
    );
  }
  return { current, stored, history, pending, findings };
}

const rebuildHint = 'Find out who removed it, then run buildcache-index with operation: rebuild.';

/** The key of each spec manifest of a mirror, by DAG hash. Names of another form are left out. */
export async function listStoredEntries(store: ObjectStore): Promise<ReadonlyMap<string, string>> {
  const keys: string[] = [];
  for await (const { key } of store.list(specManifestPrefix)) keys.push(key);
  const stored = new Map<string, string>();
  for (const key of keys.sort()) {
    const classified = classifyKey(key);
    if (classified.kind === 'spec-manifest') stored.set(classified.dagHash, key);
  }
  return stored;
}
