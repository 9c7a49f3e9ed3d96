import { type Clock, mapConcurrently, type ObjectStore } from '@slipway/core';
import {
  classifyKey,
  indexManifestKey,
  specManifestKey,
  specManifestPrefix,
} from '@slipway/spack-buildcache';
import { type CurrentIndex, readTrustedIndex } from './current-index.ts';
import { parsed, storeFinding } from './entry-findings.ts';
import { type Finding, finding } from './findings.ts';
import { indexNameFindings } from './index-audit.ts';
import type { IndexSet } from './index-set.ts';
import { type IndexTrust, readIndexTrust } from './index-trust.ts';
import { unknownKeyFinding } from './listing.ts';
import { type Surroundings, surroundingFindings } from './mirror-surroundings.ts';
import { excuseNewerEntries } from './newer-entries.ts';
import { excusedHashes, type PendingPublish, readPendingPublishes } from './pending.ts';
import { refuseOnErrors } from './refusal.ts';
import type { SignaturePolicy } from './signature-policy.ts';

/** What a writer does: `publish` adds entries; the others change only an index. */
export type Writer = 'publish' | 'update' | 'rollback' | 'rebuild';

/** What a writer asks about a mirror before writing to it. */
export interface MirrorQuestion {
  readonly store: ObjectStore;
  readonly policy: SignaturePolicy;
  readonly clock: Clock;
  readonly writer: Writer;
  /** The index to change; for a publish, in addition to the main one. */
  readonly view: string | undefined;
  /** Findings from what was read before, such as the mirror's keys. */
  readonly findings: readonly Finding[];
  readonly surroundings: Surroundings;
  /** DAG hashes to be published. If there is no index yet, these may already be stored. */
  readonly published?: ReadonlySet<string> | undefined;
}

/** The state of a mirror, judging by its indexes and names, before a writer adds to it. */
export interface MirrorState {
  readonly trust: IndexTrust;
  /** The main index for a publish, otherwise the one to change. */
  readonly current: CurrentIndex;
  /** The view that a publish also adds to. */
  readonly viewed: CurrentIndex | undefined;
  /** The key of each stored spec manifest, by DAG hash. */
  readonly stored: ReadonlyMap<string, string>;
  readonly pending: readonly PendingPublish[];
  /** None of them is an error. */
  readonly findings: readonly Finding[];
}

/**
 * Decides whether a writer may write to a mirror; throws `UserError` `mirror-refused` if not. Reads no entries. Publishers may
 * be at work and cause no findings: a publisher announces, stores, moves the pointer, keeps it and removes its note, and this
 * reads in the opposite order.
 *
 * - Nobody may write if keys or another layout were planted, or a note of a publish is forged.
 * - Nobody may write if any index is refused (unsigned, put back, misplaced, gone or unreadable). A rebuild replaces the index
 *   it is for; that of a view, only if the main index is sound.
 * - `publish` also refuses if an index hides what is stored or offers what is not; `update` repairs that.
 */
export async function judgeMirror(question: MirrorQuestion): Promise<MirrorState> {
  const { store, policy, clock, writer, view } = question;
  const surroundings = await surroundingFindings(store, question.surroundings);
  const listed = writer === 'publish' ? await listStoredEntries(store) : undefined;
  const noteFindings: Finding[] = [];
  const pending = await readPendingPublishes(store, policy, noteFindings);
  const trust = await readIndexTrust({ store, policy, requireSigned: false });
  const findings = [
    ...question.findings,
    ...surroundings,
    ...(writer === 'rebuild' ? noteFindings.map(tolerated) : noteFindings),
    ...trustFindings(trust, writer, view),
  ];
  refuse(findings, writer);
  const isRebuild = writer === 'rebuild';
  const changed = writer === 'publish' ? undefined : view;
  const current = await readTrustedIndex(store, trust, changed, isRebuild);
  const viewed =
    writer === 'publish' && view !== undefined ? await readTrustedIndex(store, trust, view) : undefined;
  // Entries are stored before they are indexed, so a listing made after the index was read misses none of them.
  const stored =
    listed === undefined
      ? await listStoredEntries(store)
      : await confirmStored(store, [current, viewed], listed);
  if (writer === 'publish') {
    const excused = excusedHashes(pending, { nowMs: clock.nowMs(), requireSigned: trust.mustBeSigned });
    const named = [
      ...(current.pointer === undefined
        ? unindexedFindings(stored, new Set([...excused, ...(question.published ?? [])]))
        : nameFindings(current, stored, excused, trust, false)),
      ...(viewed === undefined ? [] : nameFindings(viewed, stored, excused, trust, true)),
    ];
    findings.push(...(await excuseNewerEntries(store, policy, named)));
    refuse(findings, writer);
  }
  return { trust, current, viewed, stored, pending, findings };
}

function refuse(findings: readonly Finding[], writer: Writer): void {
  const what =
    writer === 'publish'
      ? 'nothing was published, because the mirror is not sound'
      : 'the index was left as it is, because the mirror is not sound';
  refuseOnErrors(findings, 'mirror-refused', what);
}

/** A rebuild reports what is wrong with indexes that it replaces or does not need, but does not stop for it. */
function trustFindings(trust: IndexTrust, writer: Writer, view: string | undefined): readonly Finding[] {
  const findings = [...trust.findings];
  // If nothing is signed, Spack may have made a view whose name Slipway does not allow.
  if (trust.mustBeSigned) {
    const misnamed = trust.misnamed.map(unknownKeyFinding);
    findings.push(...(writer === 'rebuild' ? misnamed.map(tolerated) : misnamed));
  }
  for (const index of [trust.main, ...trust.views]) {
    const isNeeded = writer !== 'rebuild' || (view !== undefined && index.view === undefined);
    findings.push(...(isNeeded ? index.findings : index.findings.map(tolerated)));
  }
  return findings;
}

function tolerated(found: Finding): Finding {
  return found.severity === 'error' ? { ...found, severity: 'warning' } : found;
}

function nameFindings(
  { pointer, index }: CurrentIndex,
  stored: ReadonlyMap<string, string>,
  excused: ReadonlySet<string>,
  { mustBeSigned }: IndexTrust,
  mayOmit: boolean,
): readonly Finding[] {
  if (pointer === undefined) return [];
  return indexNameFindings({ pointer, index, stored, excused, mayOmit, mustBeSigned });
}

/**
 * If a mirror has entries but no index, a publish would create one that lacks them. Entries of publishes in progress do
 * not count, since those publishes will index them.
 */
export function unindexedFindings(
  stored: ReadonlyMap<string, string>,
  excused: ReadonlySet<string>,
): readonly Finding[] {
  if ([...stored.keys()].every((hash) => excused.has(hash))) return [];
  const what = 'the mirror has entries, but no index';
  const hint = 'Run buildcache-index with operation: update.';
  return [finding('index-missing', indexManifestKey(undefined), what, hint)];
}

/** The key of each spec manifest of a mirror, by DAG hash. Malformed names are left out. */
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

const concurrentConfirmations = 32;
const maxConfirmations = 10_000;

/** `stored`, plus entries that an index offers and that were stored after the listing. */
export async function confirmStored(
  store: ObjectStore,
  indexes: readonly ({ readonly index: IndexSet } | undefined)[],
  stored: ReadonlyMap<string, string>,
): Promise<ReadonlyMap<string, string>> {
  const unlisted = new Map<string, IndexSet>();
  for (const { index } of indexes.filter((one) => one !== undefined)) {
    for (const hash of index.entries()) {
      if (!stored.has(hash) && unlisted.size < maxConfirmations) unlisted.set(hash, index);
    }
  }
  if (unlisted.size === 0) return stored;
  const confirmed = new Map(stored);
  await mapConcurrently(unlisted, concurrentConfirmations, async ([hash, index]) => {
    const node = parsed(indexManifestKey(undefined), 'index-malformed', [], () => index.node(hash));
    if (node === undefined) return;
    const key = specManifestKey(node);
    if (await isThere(store, key)) confirmed.set(hash, key);
  });
  return confirmed;
}

/** Also true for a file that the store refuses to read, which the listing has reported. */
async function isThere(store: ObjectStore, key: string): Promise<boolean> {
  try {
    return (await store.head(key)) !== undefined;
  } catch (error) {
    if (storeFinding(error, key, 'file-unreadable', 'it is too large') === undefined) throw error;
    return true;
  }
}
