import { hash as hashOnce } from 'node:crypto';
import { runtimeDeptypes, type SpecNode } from '@slipway/spack-buildcache';
import { type Finding, finding } from '../findings.ts';
import { NodeBatch, NodeGraph } from '../node-graph.ts';

/**
 * The distinct nodes of a layout-v2 mirror. Specs must agree about a node in what it is and needs; not in their every
 * byte, because releases of Spack wrote the same node with different fields.
 */
export class NodeCensus {
  readonly graph = new NodeGraph();
  readonly #digests = new Map<string, string>();

  /** Adds the nodes of the spec at `key`. One that another spec describes otherwise is a finding, and stays as it was. */
  add(nodes: readonly SpecNode[], key: string): readonly Finding[] {
    const findings: Finding[] = [];
    const batch = new NodeBatch();
    for (const node of nodes) {
      const digest = digestOf(node);
      const known = this.#digests.get(node.hash);
      if (known === undefined) {
        this.#digests.set(node.hash, digest);
        batch.add({ ...node, json: new Uint8Array() });
      } else if (known !== digest) {
        const why = `it describes ${node.name}/${node.hash} differently than another spec does`;
        findings.push(finding('node-conflict', key, why));
      }
    }
    const buffer = batch.buffer();
    for (const message of batch.messages) this.graph.add(message, buffer);
    return findings;
  }
}

/** Compilers are left out: Spack 1.x made nodes of what were labels. Build dependencies likewise came and went. */
function digestOf(node: SpecNode): string {
  const { name, version, external, platform, operatingSystem, target, dependencies } = node;
  const edges = dependencies.map(({ hash, deptypes }) => [hash, deptypes & runtimeDeptypes] as const);
  const needed = edges.filter(([, deptypes]) => deptypes !== 0).sort(([a], [b]) => (a < b ? -1 : 1));
  const identity = [name, version, external, platform, operatingSystem, target, needed];
  return hashOnce('sha256', JSON.stringify(identity), 'base64');
}
