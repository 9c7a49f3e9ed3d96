import { createHash } from 'node:crypto';
import { pathToFileURL } from 'node:url';
import { openCloudFront } from '@slipway/aws';
import { type ObjectStore, silentProgress } from '@slipway/core';
import { readPending, rememberReplacements } from '@slipway/pending-invalidations';
import { openStore } from '@slipway/store';
import { CloudFrontDouble, cloudFrontRefusal, serveLoopback, temporaryDirectory } from '@slipway/testkit';
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
    /** Time passes only by waiting, immediately; invalidations in progress complete in it. */
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
  const run = (input: PlanInput, destination?: ObjectStore): Promise<Result> =>
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
      destination,
      clock,
      progress: silentProgress,
      environment: {},
      waitMs: hourMs,
      proveMs: 1_000,
    });
  return {
    controlPlane,
    complete,
    invalidateOnly: () => run(given),
    invalidateAndProve: () => run(proven),
    /** The same, for what a publish has replaced in a destination. Returns which paths are pending there afterwards. */
    async invalidatePending() {
      const destination = await openStore(pathToFileURL(temporaryDirectory('destination')).href);
      const replaced = { everything: '/*', paths: ['/index.json'] };
      await (await rememberReplacements(destination, replaced, clock)).complete();
      const pending = { publishes: await readPending(destination), readAtMs: clock.nowMs(), asked: [] };
      const result = await run({ ...proven, pending }, destination);
      return { result, left: (await readPending(destination)).flatMap(({ paths }) => paths) };
    },
  };
}

const servedOf = (result: Result): readonly string[] => result.proofs.map(({ served }) => served.kind);

describe('an existing invalidation with the same reference', () => {
  test('is created again if it began long before and the old bytes are still served', async () => {
    const cdn = await staleCdn(2);
    await cdn.invalidateOnly();
    cdn.controlPlane.invalidations[0]?.createdAt.setTime(Date.now() - 2 * 60_000);
    const result = await cdn.invalidateAndProve();
    expect(result.failure).toBeUndefined();
    expect(servedOf(result)).toEqual(['fresh']);
    expect(cdn.controlPlane.invalidations).toHaveLength(2);
    expect(result.invalidations).toMatchObject([{ mayBeOld: false, reused: false }]);
  });

  test('is created again if it was already completed and the old bytes are still served', async () => {
    const cdn = await staleCdn(2);
    await cdn.invalidateOnly();
    await cdn.complete();
    const result = await cdn.invalidateAndProve();
    expect(servedOf(result)).toEqual(['fresh']);
    expect(cdn.controlPlane.invalidations).toHaveLength(2);
  });

  test('is enough if the new bytes are served', async () => {
    const cdn = await staleCdn(1);
    await cdn.invalidateOnly();
    cdn.controlPlane.invalidations[0]?.createdAt.setTime(Date.now() - 2 * 60_000);
    const result = await cdn.invalidateAndProve();
    expect(servedOf(result)).toEqual(['fresh']);
    expect(cdn.controlPlane.invalidations).toHaveLength(1);
  });

  test('is not created again if it has just begun: another one would not help either', async () => {
    const cdn = await staleCdn(2);
    await cdn.invalidateOnly();
    const result = await cdn.invalidateAndProve();
    expect(servedOf(result)).toEqual(['stale']);
    expect(cdn.controlPlane.invalidations).toHaveLength(1);
  });
});

describe('what is pending in a destination', () => {
  test('is removed once the CDN is proven to serve it', async () => {
    const { result, left } = await (await staleCdn(1)).invalidatePending();
    expect(servedOf(result)).toEqual(['fresh']);
    expect(left).toEqual([]);
  });

  test('stays pending while the CDN serves something else, although the invalidation is completed', async () => {
    const { result, left } = await (await staleCdn(99)).invalidatePending();
    expect(result.invalidations).toMatchObject([{ invalidation: { status: 'Completed' } }]);
    expect(servedOf(result)).toEqual(['stale']);
    expect(left).toEqual(['/index.json']);
  });
});

describe('a control plane that fails', () => {
  const busy = cloudFrontRefusal(500, 'InternalError', 'Try again.');

  test('with 500 is retried, and creates one invalidation', async () => {
    const cdn = await staleCdn(1);
    cdn.controlPlane.faults.push(busy, busy);
    const result = await cdn.invalidateAndProve();
    expect(result.failure).toBeUndefined();
    expect(cdn.controlPlane.requests.filter((operation) => operation === 'CreateInvalidation')).toHaveLength(
      3,
    );
    expect(cdn.controlPlane.invalidations).toHaveLength(1);
  });

  test('with an error inside a 200 has invalidated nothing, and the run fails', async () => {
    const cdn = await staleCdn(1);
    cdn.controlPlane.faults.push((response) => {
      const body =
        '<ErrorResponse><Error><Code>InternalError</Code><Message>no</Message></Error></ErrorResponse>';
      response.writeHead(200, { 'content-type': 'text/xml' }).end(body);
    });
    const result = await cdn.invalidateAndProve();
    expect(result.failure).toMatchObject({ code: 'unexpected-response' });
    expect([result.invalidations, result.proofs]).toEqual([[], []]);
    // The next run creates it.
    expect(servedOf(await cdn.invalidateAndProve())).toEqual(['fresh']);
    expect(cdn.controlPlane.invalidations).toHaveLength(1);
  });
});
