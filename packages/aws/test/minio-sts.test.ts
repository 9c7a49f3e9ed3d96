import {
  haveMinio,
  s3Objects,
  startTokenIssuer,
  startTrustingMinio,
  type TokenIssuer,
  type TrustingMinio,
} from '@slipway/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openCredentials } from '../src/credentials.ts';
import { scopedSessionPolicy } from '../src/session-policy.ts';
import type { RoleSettings } from '../src/settings.ts';
import { errorOf, recordedPorts } from './support.ts';

describe.skipIf(!haveMinio())('MinIO, which trusts an issuer of OIDC tokens', () => {
  let issuer: TokenIssuer;
  let minio: TrustingMinio;
  let bucket: string;

  beforeAll(async () => {
    issuer = await startTokenIssuer();
    minio = await startTrustingMinio(issuer);
    bucket = await minio.makeBucket();
  }, 120_000);
  afterAll(async () => {
    await minio?.stop();
    issuer?.close();
  });
  beforeEach(() => issuer.change({}));

  const assume = (role: Partial<RoleSettings> = {}, expectedAccountIds: readonly string[] = []) =>
    openCredentials(
      {
        region: 'us-east-1',
        stsEndpointUrl: minio.endpointUrl,
        role: { arn: minio.roleArn, durationMs: 900_000, ...role },
        expectedAccountIds,
      },
      recordedPorts(issuer.environment),
    )();
  const objects = async (role: Partial<RoleSettings> = {}) =>
    s3Objects({ url: minio.endpointUrl, bucket }, await assume(role));

  test('gives a valid token credentials that write and read, and expire as requested', async () => {
    const credentials = await assume();
    const some = s3Objects({ url: minio.endpointUrl, bucket }, credentials);
    await some.write('a', 'bytes');
    expect(await some.read('a')).toBe('bytes');
    const leftMs = (credentials.expiresAtMs ?? 0) - Date.now();
    expect(leftMs).toBeGreaterThan(800_000);
    expect(leftMs).toBeLessThanOrEqual(900_000);
  });

  test.each([
    ['another aud', { audience: 'https://github.com/example-org' }, 'but "sts.amazonaws.com" was requested'],
    ['a signature that was tampered with', { tampered: true }, "The token's claims:"],
    ['a key that is not the issuer’s', { untrustedKey: true }, "The token's claims:"],
    ['exp in the past', { lifetimeMs: -60_000 }, 'check the clock.'],
    ['nbf in the future', { beginsInMs: 240_000 }, 'check the clock.'],
  ])('refuses a token with %s', async (_, changes, words) => {
    issuer.change(changes);
    const before = issuer.issued.length;
    const error = await errorOf(assume);
    expect(error).toMatchObject({ code: 'credentials-refused', retryable: false });
    expect(`${error.message}\n${error.hint}`).toContain(words);
    expect(issuer.issued.length - before).toBe(1);
  });

  test('has no accounts, so it never confirms an expected one', async () => {
    const error = await errorOf(() => assume({}, ['123456789012']));
    expect(`${error.message} ${error.hint}`).toContain('Leave out expected-account-ids');
  });

  test('limits a session to the prefix of its scoped policy', async () => {
    const all = await objects();
    await all.write('ours/there', 'ours');
    await all.write('theirs/there', 'theirs');
    const scope = { partition: 'minio', bucket, prefix: 'ours' } as const;

    const writer = await objects({ sessionPolicy: scopedSessionPolicy({ ...scope, access: 'write' }) });
    await writer.write('ours/new', 'bytes');
    expect(await writer.read('ours/new')).toBe('bytes');
    expect(await writer.list('ours/')).toEqual(['ours/new', 'ours/there']);
    expect((await errorOf(() => writer.read('ours/missing'))).name).toBe('NoSuchKey');
    for (const refused of [
      () => writer.read('theirs/there'),
      () => writer.write('theirs/there', 'x'),
      () => writer.write('oursneighbour', 'x'),
      () => writer.list('theirs/'),
    ]) {
      expect((await errorOf(refused)).name).toBe('AccessDenied');
    }

    const reader = await objects({ sessionPolicy: scopedSessionPolicy({ ...scope, access: 'read' }) });
    expect(await reader.read('ours/there')).toBe('ours');
    expect((await errorOf(() => reader.write('ours/there', 'x'))).name).toBe('AccessDenied');
    expect((await errorOf(() => reader.read('theirs/there'))).name).toBe('AccessDenied');
  });
});
