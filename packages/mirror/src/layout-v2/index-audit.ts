import { hash as hashOnce } from 'node:crypto';
import type { ObjectStore } from '@slipway/core';
import { parsed } from '../entry-findings.ts';
import { type Finding, finding } from '../findings.ts';
import type { NodeGraph } from '../node-graph.ts';
import { IndexDatabase, maxIndexBytesV2 } from './index-database.ts';
import { indexChecksumKeyV2, indexKeyV2 } from './names.ts';
import { readDocument } from './stored-document.ts';

/** The checksum beside the index is 64 bytes long. */
export const maxChecksumBytes = 1024;

/** `missing`: it does not exist. `refused`: it cannot be used, and a finding says why. */
export type ReadIndexV2 =
  | { readonly kind: 'read'; readonly index: IndexDatabase; readonly checksum: string }
  | { readonly kind: 'missing' }
  | { readonly kind: 'refused' };

/** Reads the index of a layout-v2 mirror and compares it with the checksum beside it. */
export async function readIndexV2(store: ObjectStore, findings: Finding[]): Promise<ReadIndexV2> {
  const stored = await readDocument(store, indexKeyV2, maxIndexBytesV2, 'index-malformed', findings);
  if (stored.kind !== 'read') return stored;
  const checksum = hashOnce('sha256', stored.body);
  const index = parsed(indexKeyV2, 'index-malformed', findings, () => IndexDatabase.parse(stored.body));
  const said = await readDocument(
    store,
    indexChecksumKeyV2,
    maxChecksumBytes,
    'index-checksum-mismatch',
    findings,
  );
  const problem = checksumProblem(said, checksum);
  if (problem !== undefined)
    findings.push(finding('index-checksum-mismatch', indexChecksumKeyV2, problem, rebuildHint));
  return index === undefined ? { kind: 'refused' } : { kind: 'read', index, checksum };
}

function checksumProblem(
  said: Awaited<ReturnType<typeof readDocument>>,
  checksum: string,
): string | undefined {
  switch (said.kind) {
    case 'refused':
      return undefined;
    case 'missing':
      return 'there is an index without its checksum, which tells clients that the index changed';
    case 'read': {
      const text = Buffer.from(said.body).toString('latin1').trimEnd();
      return text === checksum ? undefined : `it is not the SHA-256 of index.json, which is ${checksum}`;
    }
  }
}

export interface IndexAuditInputV2 {
  readonly index: IndexDatabase;
  readonly graph: NodeGraph;
  /** Keys of the specs, by DAG hash. */
  readonly stored: ReadonlyMap<string, string>;
  /** Without a listing, entries that the index leaves out go unnoticed. */
  readonly listed: boolean;
  /** Every spec was read, so the graph is complete. */
  readonly complete: boolean;
}

/** Checks that the index offers exactly the stored specs and describes them as they are. */
export function auditIndexV2(input: IndexAuditInputV2): readonly Finding[] {
  const { index, graph, stored } = input;
  const findings: Finding[] = [];
  const dependents = index.dependents();
  for (const [hash, { node, refCount, inBuildcache }] of index.records()) {
    if (inBuildcache && !stored.has(hash)) {
      const what = `${node.name}@${node.version}/${hash}`;
      findings.push(
        finding(
          'index-names-missing-entry',
          indexKeyV2,
          `it offers ${what}, which is not stored`,
          rebuildHint,
        ),
      );
    }
    const known = graph.find(hash);
    if (known === undefined) {
      if (input.complete && !inBuildcache) {
        const why = `it lists ${node.name}@${node.version}/${hash}, which no stored entry needs`;
        findings.push(finding('index-node-unneeded', indexKeyV2, why));
      }
    } else if (known.name !== node.name || known.version !== node.version) {
      const why = `it describes ${graph.describe(hash)} as ${node.name}@${node.version}`;
      findings.push(finding('index-node-mismatch', indexKeyV2, why));
    }
    const count = dependents.get(hash);
    if (count !== undefined && (refCount < count.least || refCount > count.most)) {
      const why = `it counts ${refCount} dependents of ${node.name}@${node.version}/${hash}, but lists ${count.most}`;
      findings.push(finding('index-count-mismatch', indexKeyV2, why));
    }
  }
  if (!input.listed) return findings;
  for (const [hash, key] of stored) {
    if (!index.hasEntry(hash))
      findings.push(
        finding('index-hides-entry', key, 'it is stored, but the index leaves it out', rebuildHint),
      );
  }
  return findings;
}

const rebuildHint =
  'Find out who changed the mirror; "spack buildcache update-index" of a Spack before 1.0 makes a new index.';
