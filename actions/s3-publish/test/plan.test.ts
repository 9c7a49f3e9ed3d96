import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type LocalObject, type Observation, plan, type RemoteObject } from '../src/plan.ts';

const sha = (letter: string): string => letter.repeat(64);
const key = fc.constantFrom(...Array.from({ length: 12 }, (_, index) => `k${index}`));
const digest = fc.constantFrom(sha('a'), sha('b'), sha('c'));
const headers = fc.constantFrom('0'.repeat(16), '1'.repeat(16));
const sizeBytes = fc.constantFrom(0, 1, 20);

const local: fc.Arbitrary<LocalObject> = fc.record({
  key,
  sizeBytes,
  sha256: digest,
  headers,
  cache: fc.constantFrom('immutable', 'document', 'pointer'),
});
const remote: fc.Arbitrary<RemoteObject> = fc.record({
  sizeBytes,
  etag: fc.constantFrom('"1"', '"2"'),
  sha256: fc.option(digest, { nil: undefined }),
  headers: fc.option(headers, { nil: undefined }),
});
const observation: fc.Arbitrary<Observation> = fc
  .record({
    local: fc.uniqueArray(local, { selector: (object) => object.key }),
    remote: fc.array(fc.tuple(key, remote)).map((entries) => new Map(entries)),
    others: fc.uniqueArray(fc.constantFrom('old', 'older', 'oldest')),
    keepsHeaders: fc.boolean(),
  })
  .map(({ others, ...rest }) => ({
    ...rest,
    extraneous: others.map((name) => ({ key: name, sizeBytes: 1 })),
  }));

/** The plan, or undefined if it is refused for immutable objects with different bytes. */
function planned(given: Observation): ReturnType<typeof plan> | undefined {
  try {
    return plan(given);
  } catch (error) {
    if (error instanceof Error && Reflect.get(error, 'code') === 'immutable-conflict') return undefined;
    throw error;
  }
}

describe('the plan', () => {
  test('I1: stores pointers after all objects, and deletes after both', () => {
    const rank = { 'store-object': 0, 'store-pointer': 1, delete: 2 };
    fc.assert(
      fc.property(observation, (given) => {
        const ranks = planned(given)?.steps.map((step) => rank[step.kind]) ?? [];
        expect(ranks).toEqual(ranks.toSorted());
      }),
    );
  });

  test('I2: never overwrites an immutable object, and is refused if one has different bytes', () => {
    fc.assert(
      fc.property(observation, (given) => {
        const conflicts = given.local.filter((object) => {
          const there = given.remote.get(object.key);
          const isSame = there?.sha256 === object.sha256 && there.sizeBytes === object.sizeBytes;
          return object.cache === 'immutable' && there !== undefined && !isSame;
        });
        const made = planned(given);
        expect(made === undefined).toBe(conflicts.length > 0);
        const immutable = new Set(
          given.local.filter(({ cache }) => cache === 'immutable').map((object) => object.key),
        );
        for (const step of made?.steps ?? []) {
          if (step.kind !== 'delete' && immutable.has(step.key)) {
            expect(step.condition).toBe('absent');
            expect(given.remote.has(step.key)).toBe(false);
          }
        }
      }),
    );
  });

  test('I3: replaces a pointer only if it has not changed', () => {
    fc.assert(
      fc.property(observation, (given) => {
        for (const step of planned(given)?.steps ?? []) {
          if (step.kind !== 'store-pointer') continue;
          const seen = given.remote.get(step.key);
          expect(step.condition).toEqual(seen === undefined ? 'absent' : { etag: seen.etag });
        }
      }),
    );
  });

  test('I6: deletes only extraneous objects', () => {
    fc.assert(
      fc.property(observation, (given) => {
        const made = planned(given);
        if (made === undefined) return;
        const deleted = made.steps.filter((step) => step.kind === 'delete').map((step) => step.key);
        expect(deleted).toEqual(given.extraneous.map((object) => object.key).toSorted());
      }),
    );
  });

  test('stores each file unless its object has the same bytes and headers', () => {
    fc.assert(
      fc.property(observation, (given) => {
        const made = planned(given);
        if (made === undefined) return;
        const writes = made.steps.filter((step) => step.kind !== 'delete');
        expect(writes.length + made.unchanged).toBe(given.local.length);
        for (const step of writes) {
          const object = given.local.find((candidate) => candidate.key === step.key);
          const there = given.remote.get(step.key);
          const isSame =
            there?.sha256 === object?.sha256 &&
            there?.sizeBytes === object?.sizeBytes &&
            (!given.keepsHeaders || there?.headers === undefined || there.headers === object?.headers);
          expect(isSame).toBe(false);
        }
      }),
    );
  });

  test('does not depend on the order of the files', () => {
    fc.assert(
      fc.property(observation, (given) => {
        const reversed = {
          ...given,
          local: given.local.toReversed(),
          extraneous: given.extraneous.toReversed(),
        };
        expect(planned(reversed)).toEqual(planned(given));
      }),
    );
  });

  test('is JSON', () => {
    fc.assert(
      fc.property(observation, (given) => {
        const made = planned(given);
        expect(made === undefined ? made : JSON.parse(JSON.stringify(made))).toEqual(made);
      }),
    );
  });

  test('starts with the largest objects', () => {
    const object = (name: string, size: number): LocalObject => ({
      key: name,
      sizeBytes: size,
      sha256: sha('a'),
      headers: '0'.repeat(16),
      cache: 'document',
    });
    const given = {
      local: [object('b', 1), object('a', 1), object('c', 9)],
      remote: new Map(),
      extraneous: [],
      keepsHeaders: true,
    };
    expect(plan(given).steps.map((step) => step.key)).toEqual(['c', 'a', 'b']);
  });

  test('names all conflicts at once, up to a bound', () => {
    const conflicting = Array.from({ length: 60 }, (_, index) => ({
      key: `release-${String(index).padStart(2, '0')}`,
      sizeBytes: 1,
      sha256: sha('a'),
      headers: '0'.repeat(16),
      cache: 'immutable' as const,
    }));
    const there = { sizeBytes: 1, etag: '"1"', sha256: sha('b'), headers: undefined };
    const given = {
      local: conflicting,
      remote: new Map(conflicting.map((object) => [object.key, there])),
      extraneous: [],
      keepsHeaders: true,
    };
    expect(() => plan(given)).toThrow(
      /60 immutable objects[\s\S]*release-00[\s\S]*release-49[\s\S]*and 10 more/,
    );
  });
});
