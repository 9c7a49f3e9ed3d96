import type { SpecNode } from './spec-node.ts';

/** What a node is, apart from its dependencies and JSON. */
export type NodeFacts = Pick<
  SpecNode,
  'name' | 'version' | 'platform' | 'operatingSystem' | 'target' | 'compiler'
>;

/** Reads the text that `formatFacts` made. */
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

/** One fact per line: names and versions never contain line ends, and other facts are cleaned here. */
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
