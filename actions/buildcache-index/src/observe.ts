import { pendingMirrorPaths, requireTrustedSigner } from '@slipway/buildcache-actions';
import {
  type Clock,
  counted,
  type ObjectStore,
  type Problem,
  type ProgressPort,
  UserError,
} from '@slipway/core';
import {
  assertSignerFor,
  type CurrentIndex,
  EntryCollection,
  type Finding,
  type IndexProof,
  judgeMirror,
  type MirrorState,
  openPolicy,
  pinnedFingerprints,
  proveUnsignedIndex,
  readIndexSet,
  readMirrorKeys,
  refuseOnErrors,
  type ScanWorkers,
  type SignaturePolicy,
  type TrustSource,
  trustedIndex,
} from '@slipway/mirror';
import type { Signer } from '@slipway/signing';
import type { Inputs } from './inputs.ts';
import type { Observation } from './plan.ts';
import { findRollbackTarget, type RollbackTarget } from './rollback.ts';
import { entryOfKey, parseSelection, unusedPatterns } from './selection.ts';

/** The inputs that say what to do to which index. */
export type Request = Pick<
  Inputs,
  'view' | 'select' | 'to' | 'trustedKeys' | 'allowUnsigned' | 'allowUnpinnedKeys' | 'allowLayoutV2'
> & { readonly operation: Exclude<Inputs['operation'], 'list'> };

export interface Ports {
  readonly store: ObjectStore;
  readonly signer: Signer | undefined;
  readonly clock: Clock;
  readonly progress: ProgressPort;
  readonly workers: ScanWorkers | undefined;
}

/** What a plan is based on and executed with. */
export interface Observed {
  readonly observation: Observation;
  /** For a rebuild without nodes, because the new index does not use them. */
  readonly current: CurrentIndex;
  /** Undefined for a rollback. */
  readonly entries?: EntryCollection;
  /** For a rollback. */
  readonly earlier?: RollbackTarget;
  /** What the present index claims, if it is unsigned and was proven for this run's key. */
  readonly provenIndex?: string | undefined;
  /** Views that stay unsigned although a rebuild signs the main index. */
  readonly viewsToSign?: readonly string[];
  readonly findings: readonly Finding[];
  readonly warnings: readonly Problem[];
  readonly pendingPaths: readonly string[];
}

/** Reads each entry once, however often the mirror is observed. */
export class EntryCache {
  #entries: EntryCollection | undefined;
  readonly #read = new Set<string>();

  /** Reads entries given by DAG hash and key. Throws `UserError` `mirror-refused` if one is not sound. */
  async read(
    candidates: readonly (readonly [string, string])[],
    trust: TrustSource,
    ports: Ports,
  ): Promise<EntryCollection> {
    const unread = candidates.map(([, key]) => key).filter((key) => !this.#read.has(key));
    this.#entries ??= new EntryCollection(unread.length);
    const label = `Reading ${counted(unread.length, 'entry', 'entries')}`;
    await this.#entries.read(unread, label, { ...ports, trust, tarballs: 'head' });
    for (const key of unread) this.#read.add(key);
    refuseOnErrors(
      this.#entries.findings,
      'mirror-refused',
      'the index was left as it is, because entries are not sound',
    );
    return this.#entries;
  }
}

/**
 * Judges the mirror and reads the entries that the index needs. Throws `UserError` `mirror-refused` if anything is not
 * sound or the mirror cannot fulfil the request; nothing has been written then.
 */
export async function observe(request: Request, ports: Ports, cache: EntryCache): Promise<Observed> {
  const mirror = await observeMirror(request, ports);
  switch (request.operation) {
    case 'update':
      return observeUpdate(request, mirror, ports, cache);
    case 'rebuild':
      return observeRebuild(request, mirror, ports, cache);
    case 'rollback':
      return observeRollback(request, mirror, ports);
  }
}

interface ObservedMirror extends Omit<Observed, 'observation' | 'entries'> {
  readonly trust: TrustSource;
  readonly policy: SignaturePolicy;
  readonly state: MirrorState;
}

async function observeMirror(request: Request, ports: Ports): Promise<ObservedMirror> {
  const { store, signer, clock } = ports;
  const { operation, view } = request;
  const keyFindings: Finding[] = [];
  const keys = await readMirrorKeys(store, keyFindings);
  const trust = {
    trustedKeys: request.trustedKeys,
    offeredKeys: [...keys, ...(signer === undefined ? [] : [signer.publicKey])].map((key) => key.armored),
    allowUnsigned: request.allowUnsigned,
  };
  const { policy } = await openPolicy(trust, clock);
  requireTrustedSigner(signer, policy);
  const state = await judgeMirror({
    store,
    policy,
    clock,
    writer: operation,
    view,
    findings: keyFindings,
    surroundings: {
      ...request,
      offeredKeys: keys.map((key) => key.fingerprint),
      pinnedKeys: await pinnedFingerprints(request.trustedKeys),
    },
  });
  const { current, stored, findings } = state;
  assertSignerFor(current, view, signer);
  const warnings = operation === 'rollback' ? [] : unusedPatterns(request.select, stored.values());
  const pendingPaths = await pendingMirrorPaths(store);
  // A rebuild recreates every record; the old ones of a large index would take half of the memory.
  const index = operation === 'rebuild' ? current.index.withoutNodes() : current.index;
  const slim = { ...state, current: { ...current, index } };
  return { trust, policy, state: slim, current: slim.current, findings, warnings, pendingPaths };
}

async function observeUpdate(
  request: Request,
  mirror: ObservedMirror,
  ports: Ports,
  cache: EntryCache,
): Promise<Observed> {
  const { view } = request;
  const { current, state } = mirror;
  const { index, pointer } = current;
  const { belongs } = await membership(request, state, ports.store);
  const provenIndex = ports.signer && (await prove(current, mirror, ports));
  const isForeign = pointer !== undefined && pointer.manifest.lineage === undefined;
  const candidates = [...state.stored].filter(
    ([hash, key]) => !index.isSettled(hash, isForeign) && belongs(hash, key),
  );
  const entries = await cache.read(candidates, mirror.trust, ports);
  const lacking = candidates.flatMap(([hash]) => {
    const version = entries.formats.indexableVersion(hash);
    return version === undefined || index.hasEntryOf(hash, version) ? [] : [hash];
  });
  return {
    ...mirror,
    observation: {
      operation: 'update',
      view,
      indexed: [...index.entries()],
      stored: state.stored,
      lacking,
      signUnsigned: provenIndex !== undefined,
    },
    entries,
    provenIndex,
    findings: [...mirror.findings, ...entries.findings],
  };
}

async function observeRebuild(
  request: Request,
  mirror: ObservedMirror,
  ports: Ports,
  cache: EntryCache,
): Promise<Observed> {
  const { current, state } = mirror;
  const { members, belongs } = await membership(request, state, ports.store);
  const candidates = [...state.stored].filter(([hash, key]) => belongs(hash, key));
  const entries = await cache.read(candidates, mirror.trust, ports);
  const readable = candidates.flatMap(([hash]) =>
    entries.formats.indexableVersion(hash) === undefined ? [] : [hash],
  );
  const isFirstSigned = ports.signer !== undefined && !current.mustBeSigned;
  const unsigned = state.trust.views.filter(({ pointer }) => pointer && pointer.signedBy === undefined);
  return {
    ...mirror,
    observation: { operation: 'rebuild', view: request.view, indexed: [...members], readable },
    entries,
    viewsToSign: isFirstSigned ? unsigned.flatMap((index) => index.view ?? []) : [],
    findings: [...mirror.findings, ...entries.findings],
  };
}

async function observeRollback(request: Request, mirror: ObservedMirror, ports: Ports): Promise<Observed> {
  const { view } = request;
  const { current, state, policy } = mirror;
  const wanted = request.to === undefined ? undefined : Number(request.to);
  const earlier = await findRollbackTarget(ports.store, view, wanted, current, state.stored, policy);
  if (ports.signer !== undefined) await prove(earlier, mirror, ports);
  const from = current.pointer?.manifest.lineage?.generation ?? 0;
  const { generation: to, pointer } = earlier;
  const { checksum } = pointer.record;
  return { ...mirror, observation: { operation: 'rollback', view, from, to, checksum }, earlier };
}

function prove(
  claimed: IndexProof['claimed'],
  { trust: source, state }: ObservedMirror,
  ports: Ports,
): Promise<string | undefined> {
  return proveUnsignedIndex({ ...ports, source, state, claimed });
}

interface Membership {
  /** DAG hashes in the index, or, for a view whose index is refused, in the newest kept one that counts. */
  readonly members: Iterable<string>;
  /**
   * Whether a stored entry belongs in the index: always in the main one; in a view if it is selected or already a member.
   */
  belongs(hash: string, key: string): boolean;
}

async function membership(
  { view, select }: Request,
  { trust, current }: MirrorState,
  store: ObjectStore,
): Promise<Membership> {
  const present = new Set(current.index.entries());
  if (view === undefined) return { members: present, belongs: () => true };
  const { newestKept } = trustedIndex(trust, view);
  const kept =
    current.pointer === undefined && newestKept !== undefined
      ? await readIndexSet(store, newestKept.pointer, [])
      : undefined;
  const members = kept === undefined ? present : new Set(kept.entries());
  const selection = parseSelection(select);
  if (typeof selection === 'function') {
    return { members, belongs: (_, key) => selection(entryOfKey(key)) };
  }
  if (current.pointer === undefined && kept === undefined) {
    throw new UserError(
      'input-invalid',
      current.unreadableEtag === undefined
        ? `the view ${view} does not exist yet, and select does not say what belongs to it`
        : `the index of the view ${view} is refused, so its members are unknown, and select does not name them`,
      { hint: 'Set select, for example to one package name per line.' },
    );
  }
  return { members, belongs: (hash) => members.has(hash) };
}
