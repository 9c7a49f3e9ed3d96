import type { Problem, Severity } from '@slipway/core';

/**
 * Every finding about an index, with its severity. Scripts rely on the codes: never rename one or change what it means.
 */
export const indexFindingSeverities = {
  // Keys and names of files.
  'key-hostile': 'warning',
  'name-refused': 'warning',
  'version-unknown': 'notice',
  'name-hidden-from-pip': 'notice',
  'project-collision': 'error',
  'project-elsewhere': 'warning',

  // What pages need.
  'hash-missing': 'warning',
  'hash-required': 'error',
  'facts-missing': 'error',
  'prefix-empty': 'error',
  'copied-page-relative': 'warning',
  'external-missing': 'warning',
  'external-stale': 'warning',
  'external-file': 'warning',

  // Pages of any index, as they are read.
  'page-unreadable': 'error',
  'page-version': 'notice',
  'page-version-unlisted': 'warning',
  'page-link': 'warning',
  'page-name': 'warning',
  'page-hash': 'error',
  'page-yanked': 'warning',
  'page-value': 'warning',
  'page-file-twice': 'warning',

  // What a check finds when it follows pages to files.
  'page-missing': 'error',
  'page-content-type': 'error',
  'page-formats-differ': 'error',
  'page-project-other': 'error',
  'page-link-dead': 'error',
  'page-link-internal': 'error',
  'page-link-climbs': 'warning',
  'page-link-rooted': 'notice',
  'page-link-unchecked': 'warning',
  'page-hash-wrong': 'error',
  'page-size-wrong': 'error',
  'page-hashes-mixed': 'warning',
  'page-file-overwritten': 'error',
  'page-metadata-missing': 'error',
  'page-metadata-hash': 'error',
  'page-metadata-unreadable': 'error',
  'page-metadata-other': 'error',
  'page-metadata-differs': 'error',
  'page-requires-python': 'warning',
  'page-requirements-differ': 'warning',
  'page-check-incomplete': 'warning',

  // State.
  'state-damaged': 'warning',
} as const satisfies Readonly<Record<string, Severity>>;

export type IndexFindingCode = keyof typeof indexFindingSeverities;

/** A finding about files, pages or state of an index. */
export type IndexFinding = Problem<IndexFindingCode>;

/** A finding with the severity of its code. `message` is a sentence without a capital or full stop, and quotes nothing unsafe. */
export function indexFinding(
  code: IndexFindingCode,
  message: string,
  key?: string,
  severity: Severity = indexFindingSeverities[code],
): IndexFinding {
  return { code, severity, message, ...(key === undefined ? {} : { key }) };
}

/** Findings of which many may be made: counted by code, of each code the first ones by key are kept. */
export class FindingList {
  readonly #kept = new Map<IndexFindingCode, IndexFinding[]>();
  readonly #counts = new Map<IndexFindingCode, number>();

  add(finding: IndexFinding): void {
    this.#counts.set(finding.code, (this.#counts.get(finding.code) ?? 0) + 1);
    const kept = this.#kept.get(finding.code) ?? [];
    this.#kept.set(finding.code, kept);
    kept.push(finding);
    // Those that stay do not depend on the order in which a store lists its keys.
    if (kept.length >= 2 * maxKept) kept.sort(byKey).splice(maxKept);
  }

  /** Adds what another list has and counts. */
  addAll(other: FindingList): void {
    const before = new Map(this.#counts);
    for (const finding of other.list()) this.add(finding);
    for (const [code, count] of other.counts()) this.#counts.set(code, (before.get(code) ?? 0) + count);
  }

  /** At most 1,000 of each code, in the order of their keys. */
  list(): readonly IndexFinding[] {
    return [...this.#kept.values()].flatMap((kept) => kept.toSorted(byKey).slice(0, maxKept)).sort(byCode);
  }

  /** How many there are of each code, also of those that are not in the list. */
  counts(): ReadonlyMap<IndexFindingCode, number> {
    return this.#counts;
  }
}

const maxKept = 1_000;
const codes = Object.keys(indexFindingSeverities);

function byKey(a: IndexFinding, b: IndexFinding): number {
  const [one, other] = [`${a.key ?? ''}\n${a.message}`, `${b.key ?? ''}\n${b.message}`];
  return one < other ? -1 : one > other ? 1 : 0;
}

function byCode(a: IndexFinding, b: IndexFinding): number {
  return codes.indexOf(a.code) - codes.indexOf(b.code);
}
