import { PutBucketPolicyCommand } from '@aws-sdk/client-s3';
import { indexManifestKey } from '@slipway/spack-buildcache';
import {
  CloudFrontDouble,
  copyOfSpackFixture,
  haveMinio,
  type Minio,
  makeKey,
  serverProgram,
  stagePackages,
  startMinio,
  startVarnish,
  type TestKey,
  temporaryDirectory,
  type Varnish,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ActionName, reportOf, step } from './steps.ts';

const distributionId = 'E1A2B3C4D5E6F7';
const prefix = 'spack/develop';
const canRun = haveMinio() && serverProgram('varnishd') !== undefined;

describe.skipIf(!canRun)('a mirror on S3 behind a CDN (needs minio and varnishd)', () => {
  let minio: Minio;
  let bucket: string;
  let cdn: Varnish;
  let controlPlane: CloudFrontDouble;
  let key: TestKey;

  beforeAll(async () => {
    minio = await startMinio();
    bucket = await minio.makeBucket();
    await minio.client.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy: readableByAll(bucket) }));
    cdn = await startVarnish({ origin: minio.endpointUrl });
    controlPlane = await CloudFrontDouble.start({
      distributionId,
      completesAfterMs: 100,
      onCompleted: (paths) => cdn.ban(paths),
    });
    key = await makeKey({ type: 'ed25519', passphrase: 'correct horse battery' });
  });
  afterAll(async () => {
    controlPlane?.close();
    await cdn?.stop();
    await minio?.stop();
  });

  /** What clients read without credentials; only the publisher may list. */
  function readableByAll(name: string): string {
    const Statement = {
      Effect: 'Allow',
      Principal: { AWS: ['*'] },
      Action: ['s3:GetObject'],
      Resource: [`arn:aws:s3:::${name}/*`],
    };
    return JSON.stringify({ Version: '2012-10-17', Statement: [Statement] });
  }

  const onS3 = () => ({
    mirror: `s3://${bucket}/${prefix}`,
    'trusted-keys': key.fingerprint,
    'endpoint-url': minio.endpointUrl,
    'force-path-style': 'true',
    'access-key-id': minio.credentials.accessKeyId,
    'secret-access-key': minio.credentials.secretAccessKey,
  });
  const signing = () => ({ 'signing-key': key.privateArmored, passphrase: key.passphrase ?? '' });

  async function run(
    name: ActionName | 'cloudfront-invalidate',
    inputs: Readonly<Record<string, string>>,
    exitCode = 0,
  ) {
    const result = await step(name, inputs);
    expect(result.exitCode, result.log).toBe(exitCode);
    return result;
  }

  /** Verifies what the CDN serves against what the last publish reported. */
  function verifyCdn(published: Readonly<Record<string, string>>, exitCode = 0) {
    const inputs = {
      mirror: `${cdn.url}/${bucket}/${prefix}`,
      'trusted-keys': key.fingerprint,
      'require-signed-index': 'true',
      'expected-index': published['index-checksum'] ?? '',
      level: 'full',
    };
    return run('buildcache-verify', inputs, exitCode);
  }

  it('is signed, published, indexed, invalidated, and proven fresh through the CDN', async () => {
    const staged = copyOfSpackFixture('v3-unsigned');
    await run('buildcache-sign', { buildcache: staged, ...signing() });
    const first = await run('buildcache-publish', { buildcache: staged, ...onS3(), ...signing() });
    expect(first.outputs).toMatchObject({ published: '5', 'blobs-uploaded': '10' });
    await verifyCdn(first.outputs);
    const again = await run('buildcache-publish', { buildcache: staged, ...onS3(), ...signing() });
    expect(again.outputs).toMatchObject({
      published: '0',
      'blobs-uploaded': '0',
      // Nothing has been invalidated yet.
      'invalidation-paths': first.outputs['invalidation-paths'],
    });
    expect(again.outputs['pointer-checksums']).toBe(first.outputs['pointer-checksums']);

    const more = temporaryDirectory('more');
    await stagePackages(more, { count: 2, prefix: 'more' });
    await run('buildcache-sign', { buildcache: more, ...signing() });
    const second = await run('buildcache-publish', { buildcache: more, ...onS3(), ...signing() });
    expect(second.outputs['invalidation-paths']?.split('\n')).toContain(`/${indexManifestKey(undefined)}`);
    const stale = await verifyCdn(second.outputs, 1);
    expect(reportOf(stale)).toMatchObject({
      findings: expect.arrayContaining([expect.objectContaining({ code: 'index-not-expected' })]),
    });

    const invalidated = await run('cloudfront-invalidate', {
      'distribution-id': distributionId,
      'endpoint-url': controlPlane.url,
      'access-key-id': 'AKIDEXAMPLE',
      'secret-access-key': 'wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY',
      'base-url': cdn.url,
      'path-prefix': `/${bucket}/${prefix}`,
      paths: second.outputs['invalidation-paths'] ?? '',
      prove: second.outputs['pointer-checksums'] ?? '',
    });
    expect(invalidated.outputs).toMatchObject({ proven: '1', stale: '0' });
    await verifyCdn(second.outputs);

    const audited = await run('buildcache-verify', {
      ...onS3(),
      level: 'full',
      'require-signed-index': 'true',
    });
    expect(audited.outputs).toMatchObject({ verified: 'true', errors: '0', warnings: '0' });
    const view = await run('buildcache-index', {
      ...onS3(),
      ...signing(),
      view: 'stable',
      select: 'libgreet',
    });
    expect(view.outputs).toMatchObject({ changed: 'true', generation: '1' });
    const rebuilt = await run('buildcache-index', { ...onS3(), ...signing(), operation: 'rebuild' });
    expect(rebuilt.outputs).toMatchObject({ added: '0', removed: '0', generation: '3' });
    const back = await run('buildcache-index', { ...onS3(), ...signing(), operation: 'rollback', to: '1' });
    expect(back.outputs).toMatchObject({
      changed: 'true',
      generation: '4',
      'index-checksum': first.outputs['index-checksum'] ?? '',
    });
  });
});
