import { hash as hashOnce } from 'node:crypto';
import { type NewNode, runtimeDeptypes, type SpecNode } from '@slipway/spack-buildcache';
import { type Finding, finding } from '../findings.ts';
import { NodeGraph } from '../node-graph.ts';

/**
 * The distinct nodes of a layout-v2 mirror. Specs must agree on what a node is and needs, but not byte for byte,
 * because releases of Spack wrote different fields.
 */
export class NodeCensus {
  readonly graph = new NodeGraph();
  readonly #digests = new Map<string, string>();

  /** Adds the nodes of the spec at `key`. A conflict with another spec is a finding, and the first one stays. */
  add(nodes: readonly SpecNode[], key: string): readonly Finding[] {
    const findings: Finding[] = [];
    const added: NewNode[] = [];
    for (const node of nodes) {
      const digest = digestOf(node);
      const known = this.#digests.get(node.hash);
      if (known === undefined) {
        this.#digests.set(node.hash, digest);
        added.push({ node: { ...node, json: noText }, text: noText, hashIsProven: true });
      } else if (known !== digest) {
        const why = `it describes ${node.name}/${node.hash} differently than another spec does`;
        findings.push(finding('node-conflict', key, why));
      }
    }
    this.graph.add(added);
    return findings;
  }
}

/** These nodes are only compared, here; their text is never used. */
const noText = new Uint8Array();

/** Leaves out compilers, which became nodes in Spack 1.x, and build dependencies, which not all releases wrote. */
function digestOf(node: SpecNode): string {
  const { name, version, external, platform, operatingSystem, target, dependencies } = node;
  const edges = dependencies.map(({ hash, deptypes }) => [hash, deptypes & runtimeDeptypes] as const);
  const needed = edges.filter(([, deptypes]) => deptypes !== 0).sort(([a], [b]) => (a < b ? -1 : 1));
  const identity = [name, version, external, platform, operatingSystem, target, needed];
  return hashOnce('sha256', JSON.stringify(identity), 'base64');
}
