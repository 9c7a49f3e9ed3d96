import type { SpecNode } from './spec-node.ts';

/** What a node is; its dependencies and its JSON are asked for by themselves. */
export type NodeFacts = Pick<
  SpecNode,
  'name' | 'version' | 'platform' | 'operatingSystem' | 'target' | 'compiler'
>;

/** The facts in the text that `formatFacts` made. */
export function parseFacts(text: string): NodeFacts {
  const [name = '', version = '', platform = '', operatingSystem = '', target = '', kind, compiler = ''] =
    text.split('\n');
  return {
    name,
    version,
    platform,
    operatingSystem,
    target,
    compiler: kind === 'hash' ? { hash: compiler } : kind === 'label' ? { label: compiler } : undefined,
  };
}

/** Lines, because none of these has a line end: a version and a name are checked, and the rest is cleaned here. */
export function formatFacts(node: NodeFacts): string {
  const { name, version, platform, operatingSystem, target, compiler } = node;
  const [kind, named] =
    compiler === undefined
      ? ['', '']
      : 'hash' in compiler
        ? ['hash', compiler.hash]
        : ['label', compiler.label];
  const fields = [name, version, platform, operatingSystem, target, kind, named];
  return fields.map((field) => field.replaceAll('\n', ' ')).join('\n');
}
