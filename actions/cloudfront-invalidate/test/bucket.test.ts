import { PutBucketPolicyCommand } from '@aws-sdk/client-s3';
import {
  haveMinio,
  s3Objects,
  serverProgram,
  startTokenIssuer,
  startTrustingMinio,
  type TokenIssuer,
  type TrustingMinio,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { proof, startCdn } from './cdn.ts';

const missing = serverProgram('varnishd') === undefined || !haveMinio();

describe.skipIf(missing)('a bucket behind a CDN, with a role (needs MinIO, varnishd and gcc)', () => {
  let issuer: TokenIssuer;
  let minio: TrustingMinio;
  let bucket: string;

  beforeAll(async () => {
    issuer = await startTokenIssuer();
    minio = await startTrustingMinio(issuer);
    bucket = await minio.makeBucket();
    const readable = {
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: { AWS: ['*'] },
          Action: ['s3:GetObject'],
          Resource: [`arn:aws:s3:::${bucket}/*`],
        },
      ],
    };
    await minio.client.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy: JSON.stringify(readable) }));
  }, 120_000);
  afterAll(async () => {
    await minio?.stop();
    issuer?.close();
  });

  it('is invalidated with credentials from an OIDC token, and serves the new bytes', async () => {
    const cdn = await startCdn({ origin: minio.endpointUrl });
    const objects = s3Objects({ url: minio.endpointUrl, bucket }, minio.credentials);
    await objects.write('index.json', 'old');
    expect(await (await fetch(`${cdn.url}/${bucket}/index.json`)).text()).toBe('old');
    await objects.write('index.json', 'new');

    const run = await cdn.run(
      {
        paths: '/index.json',
        'path-prefix': `/${bucket}`,
        prove: `${proof('/index.json', 'new')}\n${proof('/never-published.json', 'new')}`,
        'prove-deadline': '1s',
        'role-to-assume': minio.roleArn,
        'sts-endpoint-url': minio.endpointUrl,
        'access-key-id': '',
        'secret-access-key': '',
      },
      { environment: { ...issuer.environment } },
    );
    objects.close();
    expect(run.outputs, run.log).toMatchObject({
      status: 'Completed',
      // The second one is the repeated request for the missing object.
      'billable-paths': '2',
      proven: '1',
      stale: '0',
    });
    // A bucket that may not be listed does not reveal that an object is missing.
    expect(run.annotations.map(({ title, message }) => `${title} ${message}`).join('\n')).toMatch(
      /served-forbidden.*never-published\.json.*403.*the object is missing/s,
    );
    expect(issuer.issued.length).toBeGreaterThan(0);
    const printed = run.log
      .split('\n')
      .filter((line) => !line.startsWith('::add-mask::'))
      .join('\n');
    for (const token of issuer.issued) expect(printed + run.summary).not.toContain(token);
  });
});
