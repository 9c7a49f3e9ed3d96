import { type Clock, counted, type ObjectStore, type ProgressPort, UserError } from '@slipway/core';
import type { CurrentIndex } from './current-index.ts';
import { EntryFormats } from './entry-formats.ts';
import { type ScanWorkers, scanEntries } from './entry-scan.ts';
import type { Finding } from './findings.ts';
import { claimOf } from './index-advance.ts';
import { auditIndex } from './index-audit.ts';
import type { KeptIndex } from './index-history.ts';
import { NodeGraph } from './node-graph.ts';
import { refuseOnErrors } from './refusal.ts';
import type { MirrorStanding } from './standing.ts';
import type { TrustSource } from './trust.ts';

export interface IndexProof {
  readonly store: ObjectStore;
  /** Whose signatures of entries count. */
  readonly source: TrustSource;
  readonly standing: Pick<MirrorStanding, 'trust' | 'stored'>;
  /** The index that is to be signed, with its pointer; there is nothing to prove where there is none. */
  readonly claimed: Pick<CurrentIndex, 'index'> & { readonly pointer: KeptIndex | undefined };
  readonly clock: Clock;
  readonly progress: ProgressPort;
  readonly workers: ScanWorkers | undefined;
}

/**
 * Holds an index that nobody signed against every entry that it lists, before a key vouches for it (I4), and returns
 * what it claims (see `claimOf`); undefined where it is signed already. Throws `UserError` `mirror-refused` where they differ, an entry is not
 * sound, or views are there that would stay unsigned. Takes as long as a rebuild; it is needed once, when a mirror gets
 * its first signed index.
 */
export async function proveUnsignedIndex(proof: IndexProof): Promise<string | undefined> {
  const { store, source, standing, claimed, clock, progress, workers } = proof;
  const { pointer, index } = claimed;
  if (pointer === undefined || pointer.signedBy !== undefined) return undefined;
  assertNoUnsignedViews(standing);
  const { stored } = standing;
  const keys = [...index.entries()].map((hash) => stored.get(hash)).filter((key) => key !== undefined);
  const entries = counted(keys.length, 'entry', 'entries');
  progress.info(`The index is not signed. It is held against its ${entries} before it is signed.`);
  progress.start(`Checking ${entries}`, keys.length, 'entries');
  const graph = new NodeGraph(keys.length);
  const formats = new EntryFormats();
  const findings: Finding[] = [];
  await scanEntries(keys, {
    store,
    trust: source,
    tarballs: 'head',
    clock,
    workers,
    nodes: graph.tables,
    onEntry: (entry) => {
      findings.push(...entry.findings);
      formats.note(entry);
      progress.advance(1);
    },
  });
  const names = { stored, excused: new Set<string>(), mustBeSigned: false, mayOmit: true };
  findings.push(...auditIndex({ ...names, pointer, index, graph, formats }));
  const what = 'the index was not signed, because it is not what the entries of the mirror say';
  refuseOnErrors(findings, 'mirror-refused', what);
  return claimOf(pointer);
}

function assertNoUnsignedViews({ trust }: IndexProof['standing']): void {
  const views = trust.views.filter(({ pointer }) => pointer !== undefined && pointer.signedBy === undefined);
  const [first] = views;
  if (first === undefined) return;
  const others = views.length === 1 ? '' : ` and ${counted(views.length - 1, 'other view')}`;
  throw new UserError(
    'mirror-refused',
    `the indexes of this mirror are not signed, and with a signing-key the index of the view ${first.view}${others} would be left so`,
    {
      hint: 'Run buildcache-index with operation: rebuild and the signing-key, first without view, then with each.',
    },
  );
}
