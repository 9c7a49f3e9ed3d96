import { setTimeout as sleep } from 'node:timers/promises';
import {
  type CloudFront,
  createPatiently,
  distributionSessionPolicy,
  openCloudFront,
  type Waiting,
  waitUntilCompleted,
} from '@slipway/aws';
import { type Clock, RemoteError, SlipwayError, silentProgress, UserError } from '@slipway/core';
import { CloudFrontDouble, type CloudFrontDoubleOptions, cloudFrontRefusal } from '@slipway/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';

const distributionId = 'E1A2B3C4D5E6F7';
const credentials = async () => ({ accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'a-very-secret-key' });

async function opened(
  options: Partial<CloudFrontDoubleOptions> = {},
): Promise<{ readonly double: CloudFrontDouble; readonly cloudFront: CloudFront }> {
  const double = await CloudFrontDouble.start({ distributionId, completesAfterMs: 50, ...options });
  const cloudFront = await openCloudFront({ distributionId, credentials, endpointUrl: double.url });
  onTestFinished(() => {
    cloudFront.close();
    double.close();
  });
  return { double, cloudFront };
}

/** A clock on which a wait is over at once, and counted. */
function fastClock(): Clock & { readonly waitsMs: number[] } {
  const waitsMs: number[] = [];
  return {
    waitsMs,
    nowMs: () => waitsMs.reduce((sum, ms) => sum + ms, 0),
    async sleep(ms) {
      waitsMs.push(ms);
      await sleep(2);
    },
    random: () => 0.5,
  };
}

function waiting(clock: Clock, forMs: number, lines: string[] = []): Waiting {
  return {
    clock,
    deadlineMs: clock.nowMs() + forMs,
    progress: { ...silentProgress, info: (line) => void lines.push(line) },
  };
}

async function refusalOf(work: Promise<unknown>): Promise<SlipwayError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof SlipwayError) return error;
  throw new Error(`no refusal but ${String(error)}`);
}

const manyPaths = (count: number, end = ''): string[] =>
  Array.from({ length: count }, (_, index) => `/p/${index}${end}`);

describe('the control plane of a distribution', () => {
  it('creates an invalidation and reports its completion', async () => {
    const { cloudFront, double } = await opened();
    const made = await cloudFront.create(['/a', '/b+c', '/d/*', '#tag'], 'first');
    expect(made).toMatchObject({ id: double.invalidations[0]?.id, status: 'InProgress' });
    expect(Math.abs(made.createdAtMs - Date.now())).toBeLessThan(60_000);
    const done = await waitUntilCompleted(cloudFront, made, waiting(fastClock(), 1e9));
    expect(done).toMatchObject({ id: made.id, status: 'Completed' });
    expect(double.invalidations).toMatchObject([{ paths: ['/a', '/b+c', '/d/*', '#tag'] }]);
  });

  it('returns the same invalidation for the same reference and paths, and refuses other paths', async () => {
    const { cloudFront, double } = await opened();
    const first = await cloudFront.create(['/a', '/b'], 'same');
    expect((await cloudFront.create(['/b', '/a'], 'same')).id).toBe(first.id);
    expect((await cloudFront.create(['/a', '/b'], 'other')).id).not.toBe(first.id);
    expect(double.invalidations).toHaveLength(2);
    const refusal = await refusalOf(cloudFront.create(['/c'], 'same'));
    expect(refusal).toMatchObject({ code: 'input-invalid', hint: 'Set another reference.' });
  });

  it('refuses "~" as CloudFront does, which is why it is never sent', async () => {
    const { cloudFront } = await opened();
    const refusal = await refusalOf(cloudFront.create(['/a~b'], 'r'));
    expect(refusal).toMatchObject({ code: 'input-invalid' });
    expect(refusal.message).toMatch(/invalid invalidation paths/);
  });

  it('reports the header for cache tags, that there is none, or that it may not know', async () => {
    const tagged = await opened({ tagHeader: 'x-amz-meta-cache-tag' });
    expect(await tagged.cloudFront.cacheTagHeader()).toBe('x-amz-meta-cache-tag');
    expect(await (await opened()).cloudFront.cacheTagHeader()).toBe('none');
    tagged.double.denied.add('GetDistributionConfig');
    expect(await tagged.cloudFront.cacheTagHeader()).toBeUndefined();
  });

  it('fails at once if it is denied, with the missing statement', async () => {
    const { cloudFront, double } = await opened();
    double.denied.add('CreateInvalidation');
    const clock = fastClock();
    const refusal = await refusalOf(createPatiently(cloudFront, ['/a'], 'r', waiting(clock, 1e9)));
    expect(refusal).toMatchObject({ code: 'access-denied', retryable: false });
    const [, statement = ''] = /(\{.*\})/.exec(refusal.hint ?? '') ?? [];
    expect(JSON.parse(statement)).toEqual({
      Effect: 'Allow',
      Action: ['cloudfront:CreateInvalidation', 'cloudfront:GetInvalidation'],
      Resource: `arn:aws:cloudfront::123456789012:distribution/${distributionId}`,
    });
    expect(clock.waitsMs).toEqual([]);
    expect(double.requests).toEqual(['CreateInvalidation']);
  });

  it('fails at once for a missing distribution', async () => {
    const { double } = await opened();
    const cloudFront = await openCloudFront({
      distributionId: 'EOTHER',
      credentials,
      endpointUrl: double.url,
    });
    const refusal = await refusalOf(createPatiently(cloudFront, ['/a'], 'r', waiting(fastClock(), 1e9)));
    expect(refusal).toMatchObject({ code: 'input-invalid' });
    expect(refusal.message).toMatch(/EOTHER/);
    expect(double.requests).toHaveLength(1);
  });

  it.each([
    [400, 'Throttling', 'store-failed', true],
    [400, 'ThrottlingException', 'store-failed', true],
    [429, 'TooManyRequests', 'store-failed', true],
    [503, 'ServiceUnavailable', 'store-failed', true],
    [500, 'InternalError', 'store-failed', true],
    [400, 'TooManyInvalidationsInProgress', 'quota-exceeded', true],
    [413, 'BatchTooLarge', 'input-invalid', false],
    [403, 'InvalidClientTokenId', 'credentials-refused', false],
    [403, 'SignatureDoesNotMatch', 'credentials-refused', false],
    [400, 'ExpiredToken', 'credentials-refused', false],
    [418, 'Teapot', 'unexpected-response', false],
  ])('%i %s is %s (retryable: %s)', async (status, code, ours, retryable) => {
    const { cloudFront, double } = await opened();
    double.faults.push(cloudFrontRefusal(status, code, 'words of the service\n::error::pwned'));
    const refusal = await refusalOf(cloudFront.create(['/a'], 'r'));
    expect(refusal.code).toBe(ours);
    expect(refusal instanceof RemoteError && refusal.retryable).toBe(retryable);
    expect(refusal).toBeInstanceOf(ours === 'input-invalid' ? UserError : RemoteError);
    expect(refusal.message).not.toMatch(/\n|::error/);
  });

  it.each([
    ['not XML', 'no XML at all', 'unexpected-response'],
    ['nothing', '', 'unexpected-response'],
    [
      'a hostile name',
      '<Invalidation><Id>I1&#10;::error::x</Id><Status>InProgress</Status></Invalidation>',
      'unexpected-response',
    ],
    ['XML without an invalidation', '<?xml version="1.0"?><Other><a/></Other>', 'unexpected-response'],
  ])('%s as an answer is an error', async (_, body, code) => {
    const { cloudFront, double } = await opened();
    double.faults.push((response) => void response.writeHead(201).end(body));
    expect(await refusalOf(cloudFront.create(['/a'], 'r'))).toMatchObject({ code });
  });

  it('detects a broken connection and a missing server', async () => {
    const { cloudFront, double } = await opened();
    double.faults.push((response) => void response.socket?.destroy());
    expect(await refusalOf(cloudFront.create(['/a'], 'r'))).toMatchObject({
      code: 'unreachable',
      retryable: true,
    });
    double.close();
    expect(await refusalOf(cloudFront.create(['/a'], 'r'))).toMatchObject({ code: 'unreachable' });
  });

  it('passes on what the source of credentials throws', async () => {
    const { double } = await opened();
    const missing = new UserError('credentials-missing', 'there are none');
    const cloudFront = await openCloudFront({
      distributionId,
      endpointUrl: double.url,
      credentials: async () => {
        throw missing;
      },
    });
    expect(await refusalOf(cloudFront.create(['/a'], 'r'))).toBe(missing);
    expect(double.requests).toEqual([]);
  });
});

describe('the session policy that limits a role to one distribution', () => {
  it.each([
    ['aws-cn', 'arn:aws-cn:cloudfront::123456789012:distribution/E1'],
    ['minio', 'arn:aws:cloudfront::123456789012:distribution/E1'],
  ])('in partition %s', (partition, arn) => {
    const owner = { partition, account: '123456789012', distributionId: 'E1' };
    expect(JSON.parse(distributionSessionPolicy(owner))).toEqual({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Action: [
            'cloudfront:CreateInvalidation',
            'cloudfront:GetInvalidation',
            'cloudfront:ListInvalidations',
            'cloudfront:GetDistributionConfig',
          ],
          Resource: arn,
        },
      ],
    });
  });
});

describe('waiting', () => {
  it('retries transient failures, with jitter, under the same reference', async () => {
    const { cloudFront, double } = await opened();
    double.faults.push(
      cloudFrontRefusal(503, 'ServiceUnavailable', 'later'),
      cloudFrontRefusal(400, 'Throttling', 'slower'),
      (response) => void response.socket?.destroy(),
    );
    const clock = fastClock();
    const made = await createPatiently(cloudFront, ['/a'], 'r', waiting(clock, 1e9));
    expect(made.status).toBe('InProgress');
    expect(clock.waitsMs).toEqual([250, 500, 1000]);
    expect(double.invalidations).toHaveLength(1);
  });

  it.each([
    ['paths', manyPaths(3000), ['/one']],
    ['wildcards', manyPaths(15, '*'), ['/one/*']],
  ])('waits its turn while too many %s are in progress, and says how many', async (_, others, mine) => {
    const { cloudFront, double } = await opened();
    const other = double.occupy(others);
    const lines: string[] = [];
    const clock = fastClock();
    const turn = createPatiently(cloudFront, mine, 'r', waiting(clock, 1e9, lines));
    while (clock.waitsMs.length < 3) await sleep(5);
    expect(double.invalidations).toEqual([other]);
    double.complete(other, 0);
    expect((await turn).status).toBe('InProgress');
    expect(lines[0]).toMatch(
      /^1 invalidation in progress for this distribution: no room yet, trying again in /,
    );
    expect(double.invalidations).toHaveLength(2);
  });

  it('counts paths and wildcards separately', async () => {
    const { cloudFront, double } = await opened();
    double.occupy(manyPaths(15, '*'));
    expect((await cloudFront.create(manyPaths(3000), 'r')).status).toBe('InProgress');
  });

  it('stops waiting for its turn and for completion at the deadline', async () => {
    const { cloudFront, double } = await opened({ completesAfterMs: 1e9 });
    const made = await cloudFront.create(['/a'], 'r');
    const late = await refusalOf(waitUntilCompleted(cloudFront, made, waiting(fastClock(), 60_000)));
    expect(late).toMatchObject({ code: 'timed-out' });
    expect(late.message).toMatch(new RegExp(`${made.id} is still InProgress after 5\\d\\.\\d s`));
    expect(late.hint).toMatch(/Run again with the same inputs/);
    double.occupy(manyPaths(15, '*'));
    double.denied.add('ListInvalidations');
    const lines: string[] = [];
    const full = await refusalOf(
      createPatiently(cloudFront, ['/b/*'], 's', waiting(fastClock(), 60_000, lines)),
    );
    expect(full).toMatchObject({ code: 'quota-exceeded', retryable: true });
    expect(lines[0]).toMatch(/^Too many invalidations in progress/);
  });
});
