import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changesOf, plan } from '../src/plan.ts';
import { isInvalid, parseSelection } from '../src/selection.ts';

const storedOf = (...hashes: string[]) => new Map(hashes.map((hash) => [hash, `key-${hash}`]));

describe('the plan of an update', () => {
  const update = { operation: 'update', view: undefined, signUnsigned: false } as const;

  it('adds what the index lacks, and removes what is no longer stored', () => {
    const observation = {
      ...update,
      indexed: ['a', 'b'],
      stored: storedOf('b', 'c', 'd'),
      lacking: ['c', 'd'],
    };
    expect(plan(observation)).toEqual({
      steps: [{ kind: 'change-index', view: undefined, add: ['c', 'd'], remove: ['a'], signUnsigned: false }],
    });
  });

  it('is empty when index and store agree', () => {
    expect(plan({ ...update, indexed: ['a'], stored: storedOf('a'), lacking: [] })).toEqual({ steps: [] });
  });

  it('signs a proven index even if nothing else changes', () => {
    const observation = { ...update, indexed: ['a'], stored: storedOf('a'), lacking: [], signUnsigned: true };
    expect(plan(observation).steps).toMatchObject([{ add: [], remove: [], signUnsigned: true }]);
  });

  it('I3: leaves any index with exactly what is stored', () => {
    const hashes = fc.uniqueArray(fc.constantFrom(...'abcdefghij'));
    fc.assert(
      fc.property(hashes, hashes, (indexed, stored) => {
        const lacking = stored.filter((hash) => !indexed.includes(hash));
        const now = new Set(indexed);
        for (const step of plan({ ...update, indexed, stored: storedOf(...stored), lacking }).steps) {
          if (step.kind !== 'change-index') throw new Error(step.kind);
          for (const hash of step.remove) now.delete(hash);
          for (const hash of step.add) now.add(hash);
        }
        expect([...now].sort()).toEqual([...stored].sort());
      }),
    );
  });
});

describe('the plan of a rebuild', () => {
  it('indexes everything that was read, in order, and says what is new and what goes', () => {
    const observation = {
      operation: 'rebuild',
      view: 'v',
      indexed: ['x', 'a'],
      readable: ['b', 'a'],
    } as const;
    expect(plan(observation).steps).toEqual([
      { kind: 'replace-index', view: 'v', members: ['b', 'a'], added: 1, remove: ['x'] },
    ]);
    expect(changesOf(plan(observation))).toEqual({ added: 1, removed: 1 });
  });
});

describe('a selection', () => {
  const entry = { name: 'py-numpy', version: '1.26.4', hash: 'abcdefgh' };
  it.each([
    ['py-numpy', true],
    ['py-*', true],
    ['*', true],
    ['py-numpy@1.26.4', true],
    ['py-numpy@=1.26.4', true],
    ['py-numpy@1.26.*', true],
    ['*@1*', true],
    ['/abcd', true],
    ['/abcdefgh', true],
    ['numpy', false],
    ['py.numpy', false],
    ['py-numpy@1.26', false],
    ['py-numpy@2.*', false],
    ['/bcde', false],
  ])('%s', (pattern, matches) => {
    const selection = parseSelection([pattern]);
    if (selection === undefined || isInvalid(selection)) throw new Error('it was refused');
    expect(selection(entry)).toBe(matches);
  });

  it('by several patterns takes what any of them matches', () => {
    const selection = parseSelection(['nothing', 'py-numpy']);
    expect(typeof selection === 'function' && selection(entry)).toBe(true);
  });

  it('by no pattern is undefined', () => {
    expect(parseSelection([])).toBeUndefined();
  });

  it('names every pattern that is not valid', () => {
    const selection = parseSelection(['ok', 'a b', '/abc', 'x@', '../x']);
    expect(isInvalid(selection) && selection.problems).toHaveLength(4);
  });

  it('I8: by any text neither throws nor takes long', () => {
    const pattern = fc.oneof(
      fc.string(),
      fc
        .array(fc.constantFrom('*', 'a', '-', '.', '@', '/', '(', '+'), { maxLength: 300 })
        .map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(pattern, (text) => {
        const selection = parseSelection([text]);
        if (typeof selection === 'function') selection({ ...entry, name: 'a'.repeat(60) });
      }),
      { numRuns: 500 },
    );
  });
});
