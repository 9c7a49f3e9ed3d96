import { hash } from 'node:crypto';
import { pathToFileURL } from 'node:url';
import { systemClock } from '@slipway/core';
import { rememberReplacements } from '@slipway/pending-invalidations';
import { openStore } from '@slipway/store';
import { runAction, temporaryDirectory } from '@slipway/testkit';
import { describe, expect, it } from 'vitest';
import { action } from '../src/action.ts';
import { type PlanInput, plan } from '../src/plan.ts';

const sha256 = hash('sha256', 'new bytes');
const given: PlanInput = {
  targets: [{ kind: 'path', name: '/spack/v3/index' }],
  pending: { publishes: [], readAtMs: 0, asked: [] },
  tags: [],
  budget: { maxPaths: 200, maxWildcards: 10, minDepth: 1 },
  reference: undefined,
  runReference: 'run 1',
  proofs: [],
  baseUrl: undefined,
  prefix: '/spack',
  wait: true,
};
const proofs: PlanInput['proofs'] = [
  { place: { kind: 'path', name: '/v3/a b+c' }, sha256 },
  { place: { kind: 'url', url: 'https://other.example.org/x' }, sha256, sizeBytes: 9 },
];
const referencesOf = (more: Partial<PlanInput>): readonly string[] =>
  plan({ ...given, ...more }).steps.flatMap((step) =>
    step.kind === 'invalidate' ? [step.callerReference] : [],
  );

describe('the plan', () => {
  it('checks tags, invalidates, waits and proves, in that order', () => {
    const planned = plan({ ...given, tags: ['a', 'b'], proofs, baseUrl: 'https://cdn.example.org' });
    expect(planned.steps).toMatchObject([
      { kind: 'check-cache-tags' },
      { kind: 'invalidate', batch: ['/spack/v3/index', '#a', '#b'] },
      { kind: 'wait' },
      {
        kind: 'prove',
        expectations: [
          { url: 'https://cdn.example.org/spack/v3/a%20b%2Bc', sha256 },
          { url: 'https://other.example.org/x', sha256, sizeBytes: 9 },
        ],
      },
    ]);
    expect(planned).toMatchObject({ billablePaths: 3, wildcards: 0 });
    expect(JSON.parse(JSON.stringify(planned))).toEqual(planned);
  });

  it('is empty if there is nothing to do, and leaves out waiting on request', () => {
    expect(plan({ ...given, targets: [] }).steps).toEqual([]);
    expect(plan({ ...given, wait: false }).steps.map(({ kind }) => kind)).toEqual(['invalidate']);
  });

  it('has a batch for each 3,000 paths and 15 wildcards', () => {
    const targets = Array.from({ length: 40 }, (_, index) => ({
      kind: 'prefix' as const,
      name: `/${index}/`,
    }));
    const batches = plan({ ...given, targets }).steps.filter(({ kind }) => kind === 'invalidate');
    expect(batches).toHaveLength(3);
  });

  describe('refers to the same invalidation', () => {
    it('for the same reference and paths, whatever is proven', () => {
      const reference = 'index 1';
      expect(referencesOf({ reference })).toEqual(referencesOf({ reference, runReference: 'run 2' }));
      expect(referencesOf({ reference })).not.toEqual(referencesOf({ reference: 'index 2' }));
      expect(referencesOf({ reference })).not.toEqual(
        referencesOf({ reference, targets: [{ kind: 'path', name: '/spack/other' }] }),
      );
    });

    it('for the same bytes to prove, when there is no reference', () => {
      const proven = { proofs, baseUrl: 'https://cdn.example.org' };
      expect(referencesOf(proven)).toEqual(referencesOf({ ...proven, runReference: 'run 2' }));
      const other = proofs.map((proof) => ({ ...proof, sha256: hash('sha256', 'newer bytes') }));
      expect(referencesOf(proven)).not.toEqual(referencesOf({ ...proven, proofs: other }));
    });

    it('never in two runs, if nothing identifies the publish', () => {
      expect(referencesOf({})).not.toEqual(referencesOf({ runReference: 'run 2' }));
    });
  });

  it('is refused if the budget is too small, with advice', () => {
    const targets = ['/a/x', '/b/y', '/c/z'].map((name) => ({ kind: 'path' as const, name }));
    const budget = { maxPaths: 2, maxWildcards: 10, minDepth: 1 };
    expect(() => plan({ ...given, targets, budget })).toThrow(
      expect.objectContaining({ code: 'plan-refused', message: expect.stringMatching(/max-paths: 2/) }),
    );
    expect(() => plan({ ...given, tags: ['a', 'b'], budget })).toThrow(
      expect.objectContaining({ code: 'plan-refused' }),
    );
    const tilde = [{ kind: 'path' as const, name: '/~a' }];
    expect(() => plan({ ...given, targets: tilde })).toThrow(/"~"/);
  });

  it('refuses two checksums for one URL, and a path without a CDN', () => {
    const two = [
      ...proofs,
      { place: { kind: 'url', url: 'https://other.example.org/x' }, sha256: 'f'.repeat(64) },
    ];
    expect(() =>
      plan({ ...given, proofs: two as PlanInput['proofs'], baseUrl: 'https://cdn.example.org' }),
    ).toThrow(/two checksums/);
    expect(() => plan({ ...given, proofs })).toThrow(/base-url/);
  });
});

it('a destination without any record of a publish is pointed out, and one with a record is not', async () => {
  const destination = pathToFileURL(temporaryDirectory('destination')).href;
  const inputs = { 'distribution-id': 'E1', destination, 'dry-run': 'true' };
  const before = await runAction(action, inputs);
  expect(before.problems).toMatchObject([{ code: 'destination-unknown', severity: 'warning' }]);
  const store = await openStore(destination, {});
  await rememberReplacements(store, { paths: ['/a'], everything: '/*' }, systemClock);
  expect((await runAction(action, inputs)).problems).toEqual([]);
});
