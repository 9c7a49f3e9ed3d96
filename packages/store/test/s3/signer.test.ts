import type { AwsCredentials } from '@slipway/core';
import { describe, expect, test } from 'vitest';
import { S3Signer } from '../../src/s3/signer.ts';

const empty = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const keys = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
};
const host = 'examplebucket.s3.amazonaws.com';
const nowMs = Date.UTC(2013, 4, 24);

/**
 * The examples of "Authenticating requests: using the Authorization header" in the S3 API reference, but for the one that signs a
 * `Date` header, which the signer never sends.
 */
describe('a signature of version 4', () => {
  test.each([
    [
      {
        method: 'GET',
        path: '/test.txt',
        query: {},
        headers: { range: 'bytes=0-9', 'x-amz-content-sha256': empty },
      },
      'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
    ],
    [
      { method: 'GET', path: '/', query: { lifecycle: '' }, headers: { 'x-amz-content-sha256': empty } },
      'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
    ],
    [
      {
        method: 'GET',
        path: '/',
        query: { prefix: 'J', 'max-keys': '2' },
        headers: { 'x-amz-content-sha256': empty },
      },
      '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
    ],
  ])('of %j is as documented', async (request, signature) => {
    const signer = new S3Signer('us-east-1', async () => keys);
    const all = { ...request, headers: { ...request.headers, host } };
    for (let repeated = 0; repeated < 2; repeated += 1) {
      const added = await signer.sign(all, nowMs);
      expect(added).toMatchObject({ 'x-amz-date': '20130524T000000Z' });
      expect(added['authorization']).toContain(
        `Credential=${keys.accessKeyId}/20130524/us-east-1/s3/aws4_request`,
      );
      expect(added['authorization']?.endsWith(`Signature=${signature}`)).toBe(true);
    }
  });

  test('is another for another day, secret or token, and asks for them each time', async () => {
    let credentials: AwsCredentials = keys;
    const signer = new S3Signer('us-east-1', async () => credentials);
    const request = {
      method: 'GET',
      path: '/a',
      query: {},
      headers: { host, 'x-amz-content-sha256': empty },
    };
    const signed = [await signer.sign(request, nowMs), await signer.sign(request, nowMs + 86_400_000)];
    credentials = { ...keys, secretAccessKey: 'x'.repeat(100) };
    signed.push(await signer.sign(request, nowMs));
    credentials = { ...keys, sessionToken: 'token' };
    signed.push(await signer.sign(request, nowMs));
    expect(new Set(signed.map(({ authorization = '' }) => authorization.slice(-64))).size).toBe(4);
    expect(signed[3]).toMatchObject({
      'x-amz-security-token': 'token',
      authorization: expect.stringContaining('x-amz-security-token'),
    });
  });

  test('leaves the path and the headers as they are', async () => {
    const signer = new S3Signer('us-east-1', async () => keys);
    const headers = { host, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD', 'x-amz-meta-a': 'b' };
    const request = { method: 'PUT', path: '/a//b/../%C3%A9', query: {}, headers };
    const signed = await signer.sign(request, nowMs);
    expect(signed).toMatchObject(headers);
    expect(Object.keys(signed).sort()).toEqual(
      ['authorization', 'host', 'x-amz-content-sha256', 'x-amz-date', 'x-amz-meta-a'].sort(),
    );
  });
});
