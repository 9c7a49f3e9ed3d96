import type { PackageIndex } from '@slipway/spack-buildcache';
import { parsed } from './entry-findings.ts';
import type { EntryFormats } from './entry-formats.ts';
import { type Finding, finding } from './findings.ts';
import { indexFormatFindings } from './index-formats.ts';
import type { KeptIndex } from './index-history.ts';
import type { IndexSet } from './index-set.ts';
import type { NodeGraph } from './node-graph.ts';

export interface IndexNamesInput {
  readonly pointer: KeptIndex;
  readonly index: IndexSet;
  /** Keys of the spec manifests, by DAG hash. */
  readonly stored: ReadonlyMap<string, string>;
  /** Entries of publishes in progress, which are not indexed yet. */
  readonly excused: ReadonlySet<string>;
  /** Views may leave entries out. */
  readonly mayOmit: boolean;
  /** Then an unsigned pointer's claim of a rollback does not count. */
  readonly mustBeSigned: boolean;
}

export interface IndexAuditInput extends IndexNamesInput {
  readonly graph: NodeGraph;
  readonly formats: EntryFormats;
}

/** Checks that the indexes of a pointer offer exactly the stored entries and describe them as their specs do. */
export function auditIndex(input: IndexAuditInput): Finding[] {
  const findings = [...indexNameFindings(input), ...indexFormatFindings(input)];
  for (const index of input.index.indexes) findings.push(...recordFindings(input, index));
  return findings;
}

/** Checks the records of one index against the specs. */
function recordFindings({ pointer, graph }: IndexAuditInput, index: PackageIndex): readonly Finding[] {
  const findings: Finding[] = [];
  const view = graph.view(index.databaseVersion);
  const edges = new Float64Array(view.size);
  const others = new Map<string, number>();
  for (const hash of index.hashes()) {
    const id = view.find(hash);
    if (id < 0) {
      for (const dependency of dependenciesInIndex(index, hash, pointer, findings)) {
        const known = view.find(dependency);
        if (known >= 0) edges[known] = (edges[known] ?? 0) + 1;
        else others.set(dependency, (others.get(dependency) ?? 0) + 1);
      }
      if (!index.hasEntry(hash)) {
        findings.push(
          finding('index-node-unneeded', pointer.key, `it lists ${hash}, which no stored entry needs`),
        );
      }
      continue;
    }
    view.countEdges(id, edges);
    const json = index.nodeRange(hash);
    if (json === undefined || !view.hasJson(id, json.source, json.start, json.end)) {
      findings.push(
        finding(
          'index-node-mismatch',
          pointer.key,
          `it describes ${graph.describe(hash)} differently than its spec`,
        ),
      );
    }
  }
  for (const hash of index.hashes()) {
    const id = view.find(hash);
    const expected = (id < 0 ? others.get(hash) : edges[id]) ?? 0;
    if (index.refCount(hash) === expected) continue;
    findings.push(
      finding(
        'index-count-mismatch',
        pointer.key,
        `it counts ${index.refCount(hash)} dependents of ${graph.describe(hash)}, but there are ${expected}`,
      ),
    );
  }
  return findings;
}

/** The dependencies of a node that no spec describes, according to the index. */
function dependenciesInIndex(
  index: PackageIndex,
  hash: string,
  pointer: KeptIndex,
  findings: Finding[],
): readonly string[] {
  const node = parsed(pointer.key, 'index-node-mismatch', findings, () => index.node(hash));
  return node?.dependencies.map((dependency) => dependency.hash) ?? [];
}

/** Checks that an index offers only what is stored and leaves nothing out. Needs only names; reads no entries. */
export function indexNameFindings(input: IndexNamesInput): readonly Finding[] {
  const findings: Finding[] = [];
  for (const hash of input.index.entries()) {
    if (input.stored.has(hash)) continue;
    findings.push(
      finding(
        'index-names-missing-entry',
        input.pointer.key,
        `it offers ${hash}, which is not stored`,
        'Run buildcache-index with operation: rebuild, after finding out who changed it.',
      ),
    );
  }
  if (input.mayOmit) return findings;
  const isBelieved = !input.mustBeSigned || input.pointer.signedBy !== undefined;
  const rolledBackTo = isBelieved ? input.pointer.manifest.lineage?.rolledBackTo : undefined;
  for (const [hash, key] of input.stored) {
    if (input.index.hasEntry(hash) || input.excused.has(hash)) continue;
    findings.push(
      rolledBackTo === undefined
        ? finding('index-hides-entry', key, 'it is stored, but the index leaves it out', rebuildHint)
        : finding(
            'entry-withdrawn',
            key,
            `the index leaves it out since it was rolled back to generation ${rolledBackTo}`,
          ),
    );
  }
  return findings;
}

const rebuildHint =
  'Either somebody changed the index, or a publish was interrupted and not run again within a day. To index what is stored, run buildcache-index with operation: update.';
