import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planRebuild, planUpdate } from '../src/plan.ts';
import { isInvalid, parseSelection } from '../src/selection.ts';

const all = () => true;
const storedOf = (...hashes: string[]) => new Map(hashes.map((hash) => [hash, `key-${hash}`]));

describe('the plan of an update', () => {
  it('adds what is stored and not indexed, and removes what is indexed and not stored', () => {
    const observation = {
      view: undefined,
      indexed: ['a', 'b'],
      stored: storedOf('b', 'c', 'd'),
      belongs: all,
    };
    expect(planUpdate(observation)).toEqual({
      steps: [
        { kind: 'read-entries', keys: ['key-c', 'key-d'] },
        { kind: 'change-index', view: undefined, add: ['c', 'd'], remove: ['a'] },
      ],
    });
  });

  it('is empty when index and store agree', () => {
    const observation = { view: undefined, indexed: ['a'], stored: storedOf('a'), belongs: all };
    expect(planUpdate(observation)).toEqual({ steps: [] });
  });

  it('leaves out what does not belong into a view, and keeps what is in it already', () => {
    const belongs = (hash: string) => hash === 'c';
    const observation = { view: 'v', indexed: ['a'], stored: storedOf('a', 'b', 'c'), belongs };
    expect(planUpdate(observation).steps[1]).toMatchObject({ view: 'v', add: ['c'], remove: [] });
  });

  it('I3: carried out, any index names exactly what is stored', () => {
    const hashes = fc.uniqueArray(fc.constantFrom(...'abcdefghij'));
    fc.assert(
      fc.property(hashes, hashes, (indexed, stored) => {
        const now = new Set(indexed);
        for (const step of planUpdate({ view: undefined, indexed, stored: storedOf(...stored), belongs: all })
          .steps) {
          if (step.kind !== 'change-index') continue;
          for (const hash of step.remove) now.delete(hash);
          for (const hash of step.add) now.add(hash);
        }
        expect([...now].sort()).toEqual([...stored].sort());
      }),
    );
  });
});

describe('the plan of a rebuild', () => {
  it('reads and indexes everything that belongs, in the order of the store', () => {
    const observation = {
      view: 'v',
      stored: storedOf('b', 'a', 'x'),
      belongs: (hash: string) => hash !== 'x',
    };
    expect(planRebuild(observation).steps).toEqual([
      { kind: 'read-entries', keys: ['key-b', 'key-a'] },
      { kind: 'replace-index', view: 'v', members: ['b', 'a'] },
    ]);
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

  it('of several patterns takes what any of them takes', () => {
    const selection = parseSelection(['nothing', 'py-numpy']);
    expect(typeof selection === 'function' && selection(entry)).toBe(true);
  });

  it('of no pattern is none', () => {
    expect(parseSelection([])).toBeUndefined();
  });

  it('names every pattern that is none', () => {
    const selection = parseSelection(['ok', 'a b', '/abc', 'x@', '../x']);
    expect(isInvalid(selection) && selection.problems).toHaveLength(4);
  });

  it('I8: of any text neither throws nor takes long', () => {
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
