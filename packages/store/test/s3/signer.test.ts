import { createHash, createHmac } from 'node:crypto';
import { encodeKey, encodeStrictly } from '@slipway/core';
import { SignatureV4 } from '@smithy/signature-v4';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { S3Signer } from '../../src/s3/signer.ts';

const empty = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const keys = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
};
const host = 'examplebucket.s3.amazonaws.com';
const nowMs = Date.UTC(2013, 4, 24);

/** The examples of "Authenticating requests: using the Authorization header" in the S3 API reference. */
describe('a signature of version 4', () => {
  test.each([
    [
      {
        method: 'GET',
        path: '/test.txt',
        query: '',
        headers: { range: 'bytes=0-9', 'x-amz-content-sha256': empty },
      },
      'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
    ],
    [
      {
        method: 'PUT',
        path: '/test%24file.text',
        query: '',
        headers: {
          date: 'Fri, 24 May 2013 00:00:00 GMT',
          'x-amz-content-sha256': '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072',
          'x-amz-storage-class': 'REDUCED_REDUNDANCY',
        },
      },
      '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
    ],
    [
      { method: 'GET', path: '/', query: 'lifecycle=', headers: { 'x-amz-content-sha256': empty } },
      'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
    ],
    [
      { method: 'GET', path: '/', query: 'max-keys=2&prefix=J', headers: { 'x-amz-content-sha256': empty } },
      '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
    ],
  ])('of %j is as documented', (request, signature) => {
    const signer = new S3Signer('us-east-1');
    const all = { ...request, headers: { ...request.headers, host } };
    for (let repeated = 0; repeated < 2; repeated += 1) {
      const added = signer.sign(all, keys, nowMs);
      expect(added).toMatchObject({ 'x-amz-date': '20130524T000000Z' });
      expect(added['authorization']).toContain(
        `Credential=${keys.accessKeyId}/20130524/us-east-1/s3/aws4_request`,
      );
      expect(added['authorization']?.endsWith(`Signature=${signature}`)).toBe(true);
    }
  });

  test('differs for another day, secret or token', () => {
    const signer = new S3Signer('us-east-1');
    const request = {
      method: 'GET',
      path: '/a',
      query: '',
      headers: { host, 'x-amz-content-sha256': empty },
    };
    const long = { ...keys, secretAccessKey: 'x'.repeat(100) };
    const signatures = [
      signer.sign(request, keys, nowMs),
      signer.sign(request, keys, nowMs + 86_400_000),
      signer.sign(request, long, nowMs),
      signer.sign(request, { ...keys, sessionToken: 'token' }, nowMs),
    ].map(({ authorization = '' }) => authorization.slice(-64));
    expect(new Set(signatures).size).toBe(4);
    expect(signer.sign(request, { ...keys, sessionToken: 'token' }, nowMs)).toMatchObject({
      'x-amz-security-token': 'token',
      authorization: expect.stringContaining('x-amz-security-token'),
    });
  });

  test('matches the signer of the AWS SDK for any request', async () => {
    const name = fc.stringMatching(/^x-amz-meta-[a-z0-9-]{1,20}$/);
    const value = fc.stringMatching(/^[!-~]([ -~]{0,40}[!-~])?$/);
    const request = fc.record({
      method: fc.constantFrom('GET', 'PUT', 'HEAD', 'DELETE', 'POST'),
      key: fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }), {
        minLength: 1,
        maxLength: 4,
      }),
      query: fc.dictionary(
        fc.stringMatching(/^[a-z-]{1,12}$/),
        fc.string({ unit: 'grapheme', maxLength: 12 }),
      ),
      headers: fc.dictionary(name, value, { maxKeys: 5 }),
      sessionToken: fc.option(fc.base64String({ minLength: 4, maxLength: 80 }), { nil: undefined }),
      region: fc.constantFrom('us-east-1', 'eu-central-1', 'auto'),
      nowMs: fc.integer({ min: nowMs, max: nowMs + 40 * 366 * 86_400_000 }),
    });
    await fc.assert(
      fc.asyncProperty(request, async ({ method, key, query, headers, sessionToken, region, nowMs: at }) => {
        const path = `/bucket/${encodeKey(key.join('/'))}`;
        const all = { ...headers, host, 'x-amz-content-sha256': empty };
        const credentials = { ...keys, ...(sessionToken === undefined ? {} : { sessionToken }) };
        const sorted = Object.keys(query)
          .sort()
          .map((parameter) => `${parameter}=${encodeStrictly(query[parameter] ?? '')}`)
          .join('&');
        const ours = new S3Signer(region).sign(
          { method, path, query: sorted, headers: all },
          credentials,
          at,
        );
        const sdk = new SignatureV4({
          service: 's3',
          region,
          credentials,
          sha256: Sha256,
          uriEscapePath: false,
          applyChecksum: false,
        });
        const signed = await sdk.sign(
          { method, protocol: 'https:', hostname: host, path, query, headers: { ...all } },
          { signingDate: new Date(at) },
        );
        expect(ours['authorization']).toBe(signed.headers['authorization']);
        expect(ours['x-amz-date']).toBe(signed.headers['x-amz-date']);
      }),
    );
  });
});

/** The hash that the SDK's signer uses. */
class Sha256 {
  readonly #digest: ReturnType<typeof createHash> | ReturnType<typeof createHmac>;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#digest = secret === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(secret));
  }

  update(chunk: string | ArrayBuffer | ArrayBufferView): void {
    this.#digest.update(bytesOf(chunk));
  }

  async digest(): Promise<Uint8Array> {
    return this.#digest.digest();
  }

  reset(): void {}
}

function bytesOf(data: string | ArrayBuffer | ArrayBufferView): Buffer {
  if (typeof data === 'string') return Buffer.from(data);
  return ArrayBuffer.isView(data)
    ? Buffer.from(data.buffer, data.byteOffset, data.byteLength)
    : Buffer.from(data);
}
