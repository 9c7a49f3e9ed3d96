import { rememberingMirror } from '@slipway/buildcache-actions';
import { type Clock, counted, type ObjectStore, type ProgressPort, RemoteError } from '@slipway/core';
import {
  advanceIndex,
  type CurrentIndex,
  claimOf,
  type Finding,
  type IndexedEntry,
  type IndexMove,
  IndexSet,
  listStoredEntries,
  movePointer,
  NodeGraph,
  nextLineage,
  refuseOnErrors,
  type ScanWorkers,
  type SignaturePolicy,
  scanEntries,
  type TrustSource,
} from '@slipway/mirror';
import type { Signer } from '@slipway/signing';
import { formatOfSpecfile, indexManifestKey } from '@slipway/spack-buildcache';
import { membership, type RollbackTarget, unsettledEntries } from './observe.ts';
import { type Plan, planRebuild, planUpdate } from './plan.ts';
import type { Target } from './target.ts';

export interface Ports {
  readonly store: ObjectStore;
  readonly trust: TrustSource;
  readonly policy: SignaturePolicy;
  readonly signer: Signer | undefined;
  readonly clock: Clock;
  readonly progress: ProgressPort;
  readonly workers: ScanWorkers | undefined;
}

/** The index as it was read, and what was listed since then, if it was: the key of each stored manifest, by DAG hash. */
export interface Seed extends CurrentIndex {
  readonly stored?: ReadonlyMap<string, string> | undefined;
}

export interface Result {
  readonly move: IndexMove;
  readonly added: number;
  readonly removed: number;
  /** What there is to say of the entries that were read; none of it an error. */
  readonly findings?: readonly Finding[];
}

/** Carries something out so that the mirror remembers which pointers a CDN must forget because of it. */
export async function remembering(
  ports: Ports,
  carryOut: (ports: Ports) => Promise<Result>,
): Promise<Result> {
  const mirror = rememberingMirror(ports.store, ports.clock);
  const result = await carryOut({ ...ports, store: mirror.store });
  await mirror.complete();
  return result;
}

/** Entries read so far; a second attempt reads only what came since. */
class EntryNodes {
  graph = new NodeGraph();
  readonly findings: Finding[] = [];
  /** Of those that were read and can be indexed, by DAG hash. */
  readonly #specfileVersions = new Map<string, number>();
  readonly #read = new Set<string>();

  async read(keys: readonly string[], ports: Ports): Promise<void> {
    const unread = keys.filter((key) => !this.#read.has(key));
    if (this.graph.size === 0) this.graph = new NodeGraph(unread.length);
    ports.progress.start(`Reading ${counted(unread.length, 'entry', 'entries')}`, unread.length, 'entries');
    await scanEntries(unread, {
      store: ports.store,
      trust: ports.trust,
      tarballs: 'head',
      clock: ports.clock,
      workers: ports.workers,
      nodes: this.graph.tables,
      onEntry: (entry) => {
        this.#read.add(entry.key);
        this.findings.push(...entry.findings);
        const { dagHash, specfileVersion } = entry;
        if (formatOfSpecfile(specfileVersion ?? 0) !== undefined)
          this.#specfileVersions.set(dagHash, specfileVersion ?? 0);
        ports.progress.advance(1);
      },
    });
    refuseOnErrors(
      this.findings,
      'mirror-refused',
      'the index was left as it is, because entries are not sound',
    );
  }

  /** Those of these that were read and can be indexed. */
  indexable(hashes: readonly string[]): readonly IndexedEntry[] {
    return hashes.flatMap((hash) => {
      const specfileVersion = this.#specfileVersions.get(hash);
      return specfileVersion === undefined ? [] : [{ hash, specfileVersion }];
    });
  }
}

/** Reads what the plan names, and judges it; for a dry run. */
export async function rehearse(plan: Plan, ports: Ports): Promise<void> {
  const nodes = new EntryNodes();
  for (const step of plan.steps) if (step.kind === 'read-entries') await nodes.read(step.keys, ports);
}

/** Carries an update out. When somebody else moves the index meanwhile, it is planned again on the newer one. */
export async function executeUpdate(
  target: Target,
  seed: Seed,
  provenIndex: string | undefined,
  ports: Ports,
): Promise<Result> {
  const nodes = new EntryNodes();
  let added = 0;
  let removed = 0;
  const move = await advanceIndex({
    ...ports,
    view: target.view,
    seed,
    provenIndex,
    change: async (current) => {
      const stored = (current === seed ? seed.stored : undefined) ?? (await listStoredEntries(ports.store));
      const belongs = membership(target, current);
      const isProven = current.pointer !== undefined && claimOf(current.pointer) === provenIndex;
      const plan = planUpdate({
        view: target.view,
        indexed: current.index.entries(),
        unsettled: unsettledEntries(current),
        stored,
        belongs,
        provenIndex: isProven ? provenIndex : undefined,
      });
      for (const step of plan.steps) {
        if (step.kind === 'read-entries') await nodes.read(step.keys, ports);
        if (step.kind !== 'change-index') continue;
        for (const hash of step.remove) current.index.remove(hash);
        const changed = nodes.indexable(step.add).filter((entry) => current.index.add(entry, nodes.graph));
        added = changed.length;
        removed = step.remove.length;
      }
      const isSame = added === 0 && removed === 0 && !isProven;
      return plan.steps.length === 0 || isSame ? undefined : current.index;
    },
  });
  return { move, added, removed, findings: nodes.findings };
}

/** Carries a rebuild out: the index is made from the manifests alone. */
export async function executeRebuild(target: Target, seed: Seed, ports: Ports): Promise<Result> {
  const nodes = new EntryNodes();
  let before = new Set<string>(target.members);
  let members: readonly string[] = [];
  const move = await advanceIndex({
    ...ports,
    view: target.view,
    seed,
    replaceUnreadable: true,
    change: async (current) => {
      if (current.pointer !== undefined) before = new Set(current.index.entries());
      const stored = (current === seed ? seed.stored : undefined) ?? (await listStoredEntries(ports.store));
      const plan = planRebuild({
        view: target.view,
        stored,
        belongs: membership(target, current),
      });
      let index = new IndexSet();
      for (const step of plan.steps) {
        if (step.kind === 'read-entries') await nodes.read(step.keys, ports);
        if (step.kind !== 'replace-index') continue;
        const entries = nodes.indexable(step.members);
        members = entries.map(({ hash }) => hash);
        index = IndexSet.of(entries, current.index.versions, nodes.graph);
      }
      return index;
    },
  });
  const now = new Set(members);
  return {
    move,
    added: members.filter((hash) => !before.has(hash)).length,
    removed: [...before].filter((hash) => !now.has(hash)).length,
    findings: nodes.findings,
  };
}

/** Brings an earlier index back with one conditional write. Throws `RemoteError` `contention` if the index moved. */
export async function executeRollback(
  target: Target,
  earlier: RollbackTarget,
  current: CurrentIndex,
  ports: Ports,
): Promise<Result> {
  const { indexes, record } = earlier.pointer;
  const records = indexes.map((listed) => listed.record);
  const lineage = { ...nextLineage(current, target.view, ports.clock), rolledBackTo: earlier.generation };
  const pointerSha256 = await movePointer({ ...ports, view: target.view }, current, records, lineage);
  if (pointerSha256 === undefined) {
    throw new RemoteError('contention', 'somebody moved the index while it was being rolled back', {
      hint: 'Look at operation: list, and roll back again if that is still what you want.',
    });
  }
  return {
    move: {
      moved: true,
      pointerKey: indexManifestKey(target.view),
      pointerSha256,
      checksum: record.checksum,
      sizeBytes: records.reduce((sum, { contentLength }) => sum + contentLength, 0),
      generation: lineage.generation,
      entryCount: 0,
      retries: 0,
    },
    added: 0,
    removed: 0,
  };
}
