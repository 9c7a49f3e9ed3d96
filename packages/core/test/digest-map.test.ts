import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DigestMap } from '../src/index.ts';

/** A few digests, some with the same beginning, so that they collide. */
const digests = fc
  .tuple(fc.constantFrom('00000000', 'ffffffff', '00000040'), fc.nat(200))
  .map(([start, number]) => start + number.toString(16).padStart(56, '0'));

describe('DigestMap', () => {
  it('behaves like a Map', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(digests, fc.nat()), { maxLength: 300 }), digests, (pairs, other) => {
        const ours = new DigestMap();
        const theirs = new Map<string, number>();
        for (const [digest, value] of pairs) {
          ours.set(digest, value);
          theirs.set(digest, value);
        }
        expect([...ours]).toEqual([...theirs]);
        expect([...ours.keys()]).toEqual([...theirs.keys()]);
        expect([...ours.values()]).toEqual([...theirs.values()]);
        expect(ours.size).toBe(theirs.size);
        expect(ours.get(other)).toBe(theirs.get(other));
        expect(ours.has(other)).toBe(theirs.has(other));
      }),
    );
  });
});
