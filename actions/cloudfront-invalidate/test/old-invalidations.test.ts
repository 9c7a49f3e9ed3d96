import { createHash } from 'node:crypto';
import { openCloudFront } from '@slipway/aws';
import { silentProgress } from '@slipway/core';
import { CloudFrontDouble, serveLoopback } from '@slipway/testkit';
import { describe, expect, onTestFinished, test } from 'vitest';
import { execute, type Result } from '../src/execute.ts';
import { type PlanInput, plan } from '../src/plan.ts';

const distributionId = 'E1A2B3C4D5E6F7';
const hourMs = 3_600_000;

/** A CDN that serves an old body until as many invalidations as `needed` are completed, and its control plane. */
async function staleCdn(needed: number) {
  let completed = 0;
  const cdn = await serveLoopback(async (_, response) => {
    response.end(completed >= needed ? 'new' : 'old');
  });
  const controlPlane = await CloudFrontDouble.start({
    distributionId,
    // Completed by the clock of the run.
    completesAfterMs: hourMs,
    onCompleted: async () => {
      completed += 1;
    },
  });
  onTestFinished(() => {
    controlPlane.close();
    cdn.close();
  });
  const complete = async (): Promise<void> => {
    for (const invalidation of controlPlane.invalidations) {
      if (invalidation.status === 'InProgress') controlPlane.complete(invalidation, 0);
    }
    while (controlPlane.invalidations.some(({ status }) => status === 'InProgress'))
      await new Promise((resolve) => setImmediate(resolve));
  };
  const startedMs = Date.now();
  let aheadMs = 0;
  const clock = {
    nowMs: () => startedMs + aheadMs,
    random: () => 0.5,
    /** Time passes by waiting alone, and without being waited for; what is in progress is completed in it. */
    sleep: async (ms: number) => {
      aheadMs += ms;
      await complete();
    },
  };
  const given: PlanInput = {
    targets: [{ kind: 'path', name: '/index.json' }],
    pending: { publishes: [], readAtMs: 0, asked: [] },
    tags: [],
    budget: { maxPaths: 200, maxWildcards: 10, minDepth: 1 },
    reference: 'release 7',
    runReference: 'run 1',
    proofs: [],
    baseUrl: cdn.url,
    prefix: '',
    wait: false,
  };
  const sha256 = createHash('sha256').update('new').digest('hex');
  const proven = {
    ...given,
    wait: true,
    proofs: [{ place: { kind: 'path', name: '/index.json' }, sha256 }] as const,
  };
  const run = (input: PlanInput): Promise<Result> =>
    execute(plan(input), {
      openCloudFront: () =>
        openCloudFront({
          distributionId,
          endpointUrl: controlPlane.url,
          credentials: async () => ({
            accessKeyId: 'AKIDEXAMPLE',
            secretAccessKey: 'example',
            expiresAtMs: undefined,
          }),
        }),
      destination: undefined,
      clock,
      progress: silentProgress,
      environment: {},
      waitMs: hourMs,
      proveMs: 1_000,
    });
  return { controlPlane, complete, invalidateOnly: () => run(given), invalidateAndProve: () => run(proven) };
}

const servedOf = (result: Result): readonly string[] => result.proofs.map(({ served }) => served.kind);

describe('an invalidation of the same reference that is there already', () => {
  test('is made anew when it was begun long before and what is served is still old', async () => {
    const cdn = await staleCdn(2);
    await cdn.invalidateOnly();
    cdn.controlPlane.invalidations[0]?.createdAt.setTime(Date.now() - 2 * 60_000);
    const result = await cdn.invalidateAndProve();
    expect(result.failure).toBeUndefined();
    expect(servedOf(result)).toEqual(['fresh']);
    expect(cdn.controlPlane.invalidations).toHaveLength(2);
    expect(result.invalidations).toMatchObject([{ mayBeOld: false, reused: false }]);
  });

  test('is made anew when it was completed before, and what is served is still old', async () => {
    const cdn = await staleCdn(2);
    await cdn.invalidateOnly();
    await cdn.complete();
    const result = await cdn.invalidateAndProve();
    expect(servedOf(result)).toEqual(['fresh']);
    expect(cdn.controlPlane.invalidations).toHaveLength(2);
  });

  test('is enough when what is served is new', async () => {
    const cdn = await staleCdn(1);
    await cdn.invalidateOnly();
    cdn.controlPlane.invalidations[0]?.createdAt.setTime(Date.now() - 2 * 60_000);
    const result = await cdn.invalidateAndProve();
    expect(servedOf(result)).toEqual(['fresh']);
    expect(cdn.controlPlane.invalidations).toHaveLength(1);
  });

  test('is not made anew when it was begun just now: another one would not help either', async () => {
    const cdn = await staleCdn(2);
    await cdn.invalidateOnly();
    const result = await cdn.invalidateAndProve();
    expect(servedOf(result)).toEqual(['stale']);
    expect(cdn.controlPlane.invalidations).toHaveLength(1);
  });
});
