import { createHash } from 'node:crypto';
import { JsonError, UserError } from '@slipway/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NodeConflictError, NodeMemo, NodeTable, PackageIndex, readSpecDocument } from '../src/index.ts';

const hashOf = (index: number): string =>
  createHash('sha256')
    .update(String(index))
    .digest('hex')
    .slice(0, 32)
    .replace(/[0189]/g, 'z');

/** A random acyclic graph: node i may depend on nodes below i. */
const graphs = fc
  .array(fc.array(fc.nat(), { maxLength: 4 }), { minLength: 1, maxLength: 12 })
  .map((edges) =>
    edges.map((targets, index) => (index === 0 ? [] : targets.map((target) => target % index))),
  );

const nodeText = (index: number, targets: readonly number[]): string =>
  JSON.stringify({
    name: `p${index}`,
    version: '1',
    arch: { platform: 'linux', platform_os: 'debian12', target: 'x86_64' },
    ...(index % 5 === 4 ? { external: { path: '/usr' } } : {}),
    dependencies: [...new Set(targets)].map((target) => ({
      name: `p${target}`,
      hash: hashOf(target),
      parameters: { deptypes: target % 2 === 0 ? ['link'] : ['build'], virtuals: [] },
    })),
    annotations: { original_specfile_version: 5 },
    hash: hashOf(index),
  });

/** A node's spec, with its closure in Spack's order. */
function specOf(graph: readonly (readonly number[])[], root: number): string {
  const order: number[] = [];
  const visit = (index: number): void => {
    if (order.includes(index)) return;
    order.push(index);
    for (const target of graph[index] ?? []) visit(target);
  };
  visit(root);
  const nodes = order.map((index) => nodeText(index, graph[index] ?? [])).join(',');
  return `{"spec":{"_meta":{"version":5},"nodes":[${nodes}]},"buildcache_layout_version":2}`;
}

/** The result of reading: the nodes, or the error. */
function outcome(read: () => { readonly hashes: readonly string[] }): unknown {
  try {
    return read().hashes;
  } catch (error) {
    if (error instanceof NodeConflictError) return 'conflict';
    if (error instanceof JsonError) return error.fault;
    if (error instanceof UserError) return error.code;
    throw error;
  }
}

const mutations = fc.record({ at: fc.nat(), put: fc.string({ maxLength: 3 }), instead: fc.nat(3) });

function mutated(text: string, { at, put, instead }: { at: number; put: string; instead: number }): Buffer {
  const position = at % text.length;
  return Buffer.from(text.slice(0, position) + put + text.slice(position + instead));
}

describe('NodeMemo', () => {
  it('reads each node of a mirror once and then recognizes it', () => {
    fc.assert(
      fc.property(graphs, (graph) => {
        const memo = new NodeMemo();
        const fresh: string[] = [];
        for (const root of graph.keys()) {
          const document = memo.read(Buffer.from(specOf(graph, root)), hashOf(root));
          expect(document.root).toMatchObject({ hash: hashOf(root), name: `p${root}`, version: '1' });
          fresh.push(...document.fresh.map((node) => node.hash));
        }
        expect(fresh).toHaveLength(graph.length);
        expect(memo.table.size).toBe(graph.length);
        for (const index of graph.keys()) {
          const id = memo.table.find(hashOf(index));
          const { source, start, end } = memo.table.jsonOf(id);
          expect(source.toString('utf8', start, end)).toBe(nodeText(index, graph[index] ?? []));
          expect(memo.table.hashOf(id)).toBe(hashOf(index));
          expect(memo.table.isExternal(id)).toBe(index % 5 === 4);
          const edges = Array.from({ length: memo.table.edgeCount(id) }, (_, edge) => edge);
          const targets = [...new Set(graph[index] ?? [])];
          expect(edges.map((edge) => memo.table.hashOf(memo.table.edgeTarget(id, edge)))).toEqual(
            targets.map(hashOf),
          );
          expect(edges.map((edge) => memo.table.edgeDeptypes(id, edge))).toEqual(
            targets.map((target) => (target % 2 === 0 ? 2 : 1)),
          );
        }
      }),
    );
  });

  it('I8: refuses exactly what a fresh memo would, and remembers nothing else', () => {
    fc.assert(
      fc.property(graphs, fc.nat(), mutations, (graph, pick, mutation) => {
        const text = specOf(graph, pick % graph.length);
        const bytes = mutated(text, mutation);
        const memo = new NodeMemo();
        for (const root of graph.keys()) memo.read(Buffer.from(specOf(graph, root)));
        const alone = outcome(() => new NodeMemo().read(bytes));
        const before = memo.table.size;
        const knowing = outcome(() => memo.read(bytes, hashOf(pick % graph.length)));
        // Only together with the others can a node conflict with its hash.
        if (knowing === 'conflict') expect(bytes.equals(Buffer.from(text))).toBe(false);
        else expect(knowing).toEqual(alone);
        if (typeof knowing === 'string') expect(memo.table.size).toBe(before);
        expect(outcome(() => readSpecDocument(bytes))).toEqual(alone);
      }),
      { numRuns: 300 },
    );
  });

  it('shares what it knows with others on the same memory', () => {
    const graph = [[], [0], [0, 1]];
    const first = new NodeMemo(new NodeTable({ expectedNodes: 1 }));
    const second = new NodeMemo(new NodeTable(first.table.memory));
    first.read(Buffer.from(specOf(graph, 1)));
    expect(second.read(Buffer.from(specOf(graph, 2))).fresh.map((node) => node.hash)).toEqual([hashOf(2)]);
    expect(first.read(Buffer.from(specOf(graph, 2))).fresh).toEqual([]);
    const other = specOf(graph, 1).replace('"p0"', '"q0"');
    expect(() => first.read(Buffer.from(other.replace('"name":"p0"', '"name":"q0"')))).toThrow(
      NodeConflictError,
    );
  });
});

describe('an index read in pieces', () => {
  it('I8: equals the one read at once, or is refused alike', () => {
    fc.assert(
      fc.property(
        graphs,
        mutations,
        fc.boolean(),
        fc.integer({ min: 1, max: 400 }),
        (graph, mutation, isWhole, step) => {
          const memo = new NodeMemo();
          const index = new PackageIndex();
          for (const root of graph.keys()) {
            const nodes = new Map(
              readSpecDocument(Buffer.from(specOf(graph, root))).fresh.map((node) => [node.hash, node]),
            );
            index.addEntry(hashOf(root), (hash) => nodes.get(hash));
            if (root % 2 === 0) memo.read(Buffer.from(specOf(graph, root)));
          }
          const text = index.toBytes().toString();
          const bytes = isWhole ? Buffer.from(text) : mutated(text, mutation);
          const whole = outcome(() => ({ hashes: [PackageIndex.parse(bytes).toBytes().toString()] }));
          const inPieces = outcome(() => {
            const { index: read, parser } = PackageIndex.reader(memo.table);
            let done = 0;
            for (let end = step; end < bytes.length; end += step) {
              // A copy, like a stream's window: none of it may be kept.
              const window = Buffer.from(bytes.subarray(done, end));
              done += parser.parse(window, false, done);
              window.fill(0);
            }
            parser.parse(Buffer.from(bytes.subarray(done)), true, done);
            return { hashes: [read.toBytes().toString()] };
          });
          expect(inPieces).toEqual(whole);
        },
      ),
      { numRuns: 300 },
    );
  });
});
