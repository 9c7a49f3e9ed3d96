import {
  type Collapsed,
  callerReference,
  collapse,
  type InvalidationBudget,
  type InvalidationTarget,
  inBatches,
  isWildcard,
  type PlannedTarget,
} from '@slipway/aws';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const paths = (...names: string[]): InvalidationTarget[] =>
  names.map((name) =>
    name.endsWith('*') ? { kind: 'prefix', name: name.slice(0, -1) } : { kind: 'path', name },
  );
const many = (directory: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${directory}/file-${index}`);
const roomy: InvalidationBudget = { maxPaths: 1000, maxWildcards: 10, minDepth: 1 };

function within(collapsed: Collapsed): readonly PlannedTarget[] {
  if (collapsed.kind !== 'within-budget') throw new Error(JSON.stringify(collapsed));
  return collapsed.targets;
}

const sent = (collapsed: Collapsed): string[] => within(collapsed).flatMap((target) => target.paths);

describe('collapsing paths', () => {
  it('changes nothing within the budget, except for duplicates', () => {
    expect(sent(collapse(paths('/b', '/a', '/a', '/c/*', '/c/d', '/c/e*'), roomy))).toEqual([
      '/a',
      '/b',
      '/c/*',
    ]);
    expect(collapse([], roomy)).toEqual({ kind: 'within-budget', targets: [] });
  });

  it('makes wildcards where they save most, as deep as possible', () => {
    const asked = paths(
      '/index.json',
      ...many('/v3/specs/gcc', 40),
      ...many('/v3/specs/zlib', 3),
      '/v3/layout',
    );
    const budget = { maxPaths: 6, maxWildcards: 1, minDepth: 1 };
    expect(within(collapse(asked, budget))).toMatchObject([
      { name: '/index.json', reason: 'asked' },
      { name: '/v3/layout', reason: 'asked' },
      { kind: 'prefix', name: '/v3/specs/gcc/file-', reason: 'budget', covers: 40 },
      { name: '/v3/specs/zlib/file-0' },
      { name: '/v3/specs/zlib/file-1' },
      { name: '/v3/specs/zlib/file-2' },
    ]);
  });

  it('narrows wildcards while the budget allows it', () => {
    const asked = paths(...many('/m/a', 20), ...many('/m/b', 20), ...many('/m/c/d', 20));
    expect(sent(collapse(asked, { maxPaths: 2, maxWildcards: 1, minDepth: 1 }))).toEqual(['/m/*']);
    expect(sent(collapse(asked, { maxPaths: 3, maxWildcards: 3, minDepth: 1 }))).toEqual([
      '/m/a/file-*',
      '/m/b/file-*',
      '/m/c/d/file-*',
    ]);
  });

  it('uses requested wildcards, which do not count as created', () => {
    const asked = paths('/x/*', '/y/*', ...many('/z', 30));
    expect(sent(collapse(asked, { maxPaths: 3, maxWildcards: 1, minDepth: 1 }))).toEqual([
      '/x/*',
      '/y/*',
      '/z/file-*',
    ]);
  });

  it('reports how close it gets if the budget is too small, and never makes a wildcard wider than allowed', () => {
    const asked = paths(...many('/a', 5), ...many('/b', 5), '/c');
    expect(collapse(asked, { maxPaths: 2, maxWildcards: 5, minDepth: 1 })).toEqual({
      kind: 'over-budget',
      paths: 3,
      wildcards: 2,
    });
    expect(sent(collapse(asked, { maxPaths: 2, maxWildcards: 5, minDepth: 0 }))).toEqual(['/*']);
    expect(collapse(asked, { maxPaths: 10, maxWildcards: 0, minDepth: 1 })).toMatchObject({
      kind: 'over-budget',
      paths: 11,
    });
  });

  it('counts both spellings of a name', () => {
    expect(sent(collapse(paths('/a+b'), { ...roomy, maxPaths: 2 }))).toEqual(['/a+b', '/a%2Bb']);
    expect(collapse(paths('/a+b'), { ...roomy, maxPaths: 1 })).toMatchObject({ kind: 'over-budget' });
    expect(sent(collapse(paths('/d/a+b', '/d/a+c'), { ...roomy, maxPaths: 2 }))).toEqual([
      '/d/a+*',
      '/d/a%2B*',
    ]);
  });

  it('reaches names with "~", which CloudFront cannot name, by a wildcard that ends before it', () => {
    const [wildcard, ...rest] = within(collapse(paths('/a/x~1', '/a/x~2', '/a/x~2'), roomy));
    expect(rest).toEqual([]);
    expect(wildcard).toMatchObject({ paths: ['/a/x*'], reason: 'tilde', covers: 2 });
    expect(collapse(paths('/~user/x'), roomy)).toEqual({ kind: 'too-wide', names: ['/~user/x'] });
    expect(sent(collapse(paths('/~user/x', '/*'), roomy))).toEqual(['/*']);
    expect(sent(collapse(paths('/a~b/*'), { ...roomy, minDepth: 0 }))).toEqual(['/a*']);
  });

  const character = fc.oneof(
    { weight: 30, arbitrary: fc.constantFrom('a', 'b', '+', '😀', '😁') },
    { weight: 1, arbitrary: fc.constant('~') },
  );
  const segment = fc.array(character, { minLength: 1, maxLength: 3 }).map((all) => all.join(''));
  const target = fc
    .record({
      kind: fc.constantFrom('path' as const, 'path' as const, 'path' as const, 'prefix' as const),
      segments: fc.array(segment, { minLength: 1, maxLength: 4 }),
    })
    .map(({ kind, segments }): InvalidationTarget => ({ kind, name: `/${segments.join('/')}` }));
  const budgets = fc.record({
    maxPaths: fc.integer({ min: 1, max: 30 }),
    maxWildcards: fc.integer({ min: 0, max: 6 }),
    minDepth: fc.integer({ min: 0, max: 2 }),
  });

  it('covers everything requested, within the budget, no wider than allowed, in any order', () => {
    let collapsedSome = 0;
    fc.assert(
      fc.property(fc.array(target, { maxLength: 60, size: 'max' }), budgets, (asked, budget) => {
        const collapsed = collapse(asked, budget);
        expect(collapse(asked.toReversed(), budget)).toEqual(collapsed);
        if (collapsed.kind === 'too-wide') {
          for (const name of collapsed.names) expect(name).toContain('~');
          return;
        }
        if (collapsed.kind === 'over-budget') {
          expect(collapsed.paths > budget.maxPaths || collapsed.wildcards > budget.maxWildcards).toBe(true);
          return;
        }
        const { targets } = collapsed;
        const covers = (by: PlannedTarget, { kind, name }: InvalidationTarget): boolean =>
          by.kind === 'prefix' ? name.startsWith(by.name) : kind === 'path' && name === by.name;
        for (const each of asked) expect(targets.some((by) => covers(by, each))).toBe(true);
        const all = targets.flatMap((each) => each.paths);
        expect(all.length).toBeLessThanOrEqual(budget.maxPaths);
        expect(new Set(all).size).toBe(all.length);
        expect(all.join('')).not.toMatch(/~|%7E/);
        const made = targets.filter(({ reason }) => reason !== 'asked');
        expect(made.flatMap((each) => each.paths).length).toBeLessThanOrEqual(budget.maxWildcards);
        for (const { kind, name, covers: count } of made) {
          expect(kind).toBe('prefix');
          expect(name.isWellFormed()).toBe(true);
          expect(count).toBeGreaterThan(0);
          expect(name.split('/').length - 2).toBeGreaterThanOrEqual(budget.minDepth);
        }
        if (made.some(({ reason }) => reason === 'budget')) collapsedSome += 1;
      }),
      { numRuns: 400 },
    );
    expect(collapsedSome).toBeGreaterThan(10);
  });

  it('collapses 100,000 paths in a moment', () => {
    const asked = paths(
      ...Array.from({ length: 100_000 }, (_, index) => `/v3/${index % 1000}/a/b/c/${index}`),
    );
    expect(sent(collapse(asked, { maxPaths: 200, maxWildcards: 10, minDepth: 1 }))).toHaveLength(10);
  });
});

describe('batches', () => {
  it("stay within CloudFront's limits, and contain everything once", () => {
    const all = [...many('/a', 6001), ...many('/w', 31).map((path) => `${path}/*`), '#tag*'];
    const batches = inBatches(all);
    expect(batches).toHaveLength(3);
    for (const batch of batches) {
      expect(batch.filter(isWildcard).length).toBeLessThanOrEqual(15);
      expect(batch.filter((path) => !isWildcard(path)).length).toBeLessThanOrEqual(3000);
    }
    expect(batches.flat().sort()).toEqual([...all].sort());
    expect(inBatches([])).toEqual([]);
  });

  it('have a reference that depends only on their content, not on its order', () => {
    const reference = callerReference(['/a', '/b'], 'index 1', 1);
    expect(reference).toMatch(/^slipway-[0-9a-f]{64}$/);
    expect(callerReference(['/b', '/a'], 'index 1', 1)).toBe(reference);
    const others = [
      callerReference(['/a', '/b'], 'index 2', 1),
      callerReference(['/a', '/b'], 'index 1', 2),
      callerReference(['/a', '/c'], 'index 1', 1),
      callerReference(['/a'], 'index 1', 1),
    ];
    expect(new Set([reference, ...others]).size).toBe(5);
  });
});
