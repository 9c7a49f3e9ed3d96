import type { PackageIndex } from '@slipway/spack-buildcache';
import type { EntryFormats } from './entry-formats.ts';
import { parsed } from './entry-reader.ts';
import { type Finding, finding } from './findings.ts';
import { indexFormatFindings } from './index-formats.ts';
import type { KeptIndex } from './index-history.ts';
import type { IndexSet } from './index-set.ts';
import type { NodeGraph } from './node-graph.ts';

export interface IndexNamesInput {
  readonly pointer: KeptIndex;
  readonly index: IndexSet;
  /** DAG hashes of the spec manifests, with the key of each. */
  readonly stored: ReadonlyMap<string, string>;
  /** Entries that publishes under way have not indexed yet. */
  readonly excused: ReadonlySet<string>;
  /** A view is meant to leave entries out. */
  readonly mayOmit: boolean;
  /** What an unsigned pointer claims about a rollback is not believed. */
  readonly mustBeSigned: boolean;
}

export interface IndexAuditInput extends IndexNamesInput {
  readonly graph: NodeGraph;
  readonly formats: EntryFormats;
}

/** Whether the indexes of a pointer agree with the manifests: they name what is there, all that is there, and as it is there. */
export function auditIndex(input: IndexAuditInput): Finding[] {
  const findings = [...indexNameFindings(input), ...indexFormatFindings(input)];
  for (const index of input.index.indexes) findings.push(...recordFindings(input, index));
  return findings;
}

/** Whether the records of one index are as the specs say. */
function recordFindings({ pointer, graph }: IndexAuditInput, index: PackageIndex): readonly Finding[] {
  const findings: Finding[] = [];
  const view = graph.view(index.databaseVersion);
  const edges = new Float64Array(view.size);
  /** Of nodes that only the index has. */
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

/** The dependencies of a node that no spec has, as the index itself tells them. */
function dependenciesInIndex(
  index: PackageIndex,
  hash: string,
  pointer: KeptIndex,
  findings: Finding[],
): readonly string[] {
  const node = parsed(pointer.key, 'index-node-mismatch', findings, () => index.node(hash));
  return node?.dependencies.map((dependency) => dependency.hash) ?? [];
}

/** Whether an index offers only what is stored, and leaves out nothing that is. Needs names alone, no entry is read. */
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
