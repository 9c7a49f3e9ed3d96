import { type Clock, counted, type ObjectStore, type ProgressPort, UserError } from '@slipway/core';
import type { CurrentIndex } from './current-index.ts';
import { EntryCollection } from './entry-collection.ts';
import type { ScanWorkers } from './entry-scan.ts';
import { claimOf } from './index-advance.ts';
import { auditIndex } from './index-audit.ts';
import type { KeptIndex } from './index-history.ts';
import type { MirrorState } from './mirror-state.ts';
import { refuseOnErrors } from './refusal.ts';
import type { TrustSource } from './trust.ts';

export interface IndexProof {
  readonly store: ObjectStore;
  /** The keys whose signatures of entries count. */
  readonly source: TrustSource;
  readonly state: Pick<MirrorState, 'trust' | 'stored'>;
  /** The index to be signed, with its pointer; without a pointer there is nothing to prove. */
  readonly claimed: Pick<CurrentIndex, 'index'> & { readonly pointer: KeptIndex | undefined };
  readonly clock: Clock;
  readonly progress: ProgressPort;
  readonly workers: ScanWorkers | undefined;
}

/**
 * Compares an unsigned index with every entry that it lists before a key vouches for it (I4), and returns what it
 * claims (see `claimOf`); undefined if it is already signed. Throws `UserError` `mirror-refused` if they differ, if an
 * entry is not sound, or if views would stay unsigned. Takes as long as a rebuild, but only once per mirror.
 */
export async function proveUnsignedIndex(proof: IndexProof): Promise<string | undefined> {
  const { store, source, state, claimed, clock, progress, workers } = proof;
  const { pointer, index } = claimed;
  if (pointer === undefined || pointer.signedBy !== undefined) return undefined;
  assertNoUnsignedViews(state);
  const { stored } = state;
  const keys = [...index.entries()].map((hash) => stored.get(hash)).filter((key) => key !== undefined);
  const entries = counted(keys.length, 'entry', 'entries');
  progress.info(`The index is not signed yet. It is compared with its ${entries} before it is signed.`);
  const read = new EntryCollection(keys.length);
  const scan = { store, trust: source, tarballs: 'head', clock, progress, workers } as const;
  await read.read(keys, `Checking ${entries}`, scan);
  const { graph, formats, findings } = read;
  const names = { stored, excused: new Set<string>(), mustBeSigned: false, mayOmit: true };
  findings.push(...auditIndex({ ...names, pointer, index, graph, formats }));
  const what = 'the index was not signed, because it does not match the entries of the mirror';
  refuseOnErrors(findings, 'mirror-refused', what);
  return claimOf(pointer);
}

function assertNoUnsignedViews({ trust }: IndexProof['state']): void {
  const views = trust.views.filter(({ pointer }) => pointer !== undefined && pointer.signedBy === undefined);
  const [first] = views;
  if (first === undefined) return;
  const others = views.length === 1 ? '' : ` and ${counted(views.length - 1, 'other view')}`;
  throw new UserError(
    'mirror-refused',
    `the indexes of this mirror are not signed, and the index of the view ${first.view}${others} would stay unsigned`,
    {
      hint: 'Run buildcache-index with operation: rebuild and the signing-key, first without view, then with each.',
    },
  );
}
