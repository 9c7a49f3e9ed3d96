import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type LoopbackServer,
  serveLoopback,
  startCloudFrontEdgeDouble,
  temporaryDirectory,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openUrlSigner, urlSigningKeyProblem } from '../src/index.ts';

const keyPairId = 'K2JCJMDEHXQW5F';
const key = rsaKey();
const expiresAtMs = Date.UTC(2030, 0, 2, 3, 4, 5);
const path = '/downloads/40911/macos/app%20%2B%20%C3%BC%25.zip';

function rsaKey(modulusLength = 2_048) {
  return generateKeyPairSync('rsa', {
    modulusLength,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
}

test('openssl verifies the RSA-SHA1 signature over the canned policy', async () => {
  const url = `https://d111111abcdef8.cloudfront.net${path}`;
  const sign = await openUrlSigner({ keyPairId, privateKey: key.privateKey });
  const signed = new URL(sign(url, expiresAtMs));
  expect(signed.searchParams.get('Key-Pair-Id')).toBe(keyPairId);
  expect(signed.searchParams.get('Expires')).toBe(`${expiresAtMs / 1_000}`);
  const directory = temporaryDirectory('openssl');
  const file = (name: string, content: string | Buffer): string => {
    writeFileSync(join(directory, name), content);
    return join(directory, name);
  };
  const signature = (signed.searchParams.get('Signature') ?? '').replace(
    /[-_~]/g,
    (character) => ({ '-': '+', _: '=', '~': '/' })[character] ?? '',
  );
  const verifyPolicy = (policy: string): string =>
    execFileSync(
      'openssl',
      [
        ...['dgst', '-sha1', '-verify', file('public.pem', key.publicKey)],
        ...['-signature', file('signature', Buffer.from(signature, 'base64'))],
        file('policy', policy),
      ],
      { encoding: 'utf8', stdio: 'pipe' },
    );
  const policy = `{"Statement":[{"Resource":"${url}","Condition":{"DateLessThan":{"AWS:EpochTime":${expiresAtMs / 1_000}}}}]}`;
  expect(verifyPolicy(policy)).toContain('Verified OK');
  expect(() => verifyPolicy(policy.replace('macos', 'linux'))).toThrow();
});

describe('at a double of an edge', () => {
  let origin: LoopbackServer;
  let edge: LoopbackServer;
  let nowMs = expiresAtMs - 60_000;
  beforeAll(async () => {
    origin = await serveLoopback(async (request, response) => void response.end(`origin ${request.url}`));
    edge = await startCloudFrontEdgeDouble({
      origin: origin.url,
      publicKeys: { [keyPairId]: key.publicKey },
      nowSeconds: () => nowMs / 1_000,
    });
  });
  afterAll(() => {
    edge.close();
    origin.close();
  });

  const statusOf = async (url: string): Promise<number> => (await fetch(url)).status;

  test('a signed URL works until it expires, and only unchanged', async () => {
    const sign = await openUrlSigner({ keyPairId, privateKey: key.privateKey });
    const url = sign(edge.url + path, expiresAtMs);
    expect(await (await fetch(url)).text()).toBe(`origin ${path}`);
    const other = await openUrlSigner({ keyPairId, privateKey: rsaKey().privateKey });
    const changed = [
      edge.url + path,
      url.replace('macos', 'linux'),
      url.replace(/Expires=\d+/, `Expires=${expiresAtMs / 1_000 + 1}`),
      url.replace(keyPairId, 'K00000000000'),
      url.replace(/&Signature=[^&]+/, ''),
      other(edge.url + path, expiresAtMs),
    ];
    for (const one of changed) expect(await statusOf(one), one).toBe(403);
    nowMs = expiresAtMs;
    expect(await statusOf(url)).toBe(403);
  });
});

test.each([
  ['no key', 'hunter2 is my secret', 'not a private key'],
  ['a public key', key.publicKey, 'not a private key'],
  ['a short key', rsaKey(1_024).privateKey, '1024 bits'],
  [
    'a key of another kind',
    generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    'RSA',
  ],
])('%s is refused without quoting it', async (_, privateKey, words) => {
  expect(urlSigningKeyProblem(privateKey)).toContain(words);
  const opened = openUrlSigner({ keyPairId, privateKey });
  await expect(opened).rejects.toMatchObject({ code: 'key-unusable' });
  await expect(opened).rejects.not.toThrow(/hunter2/);
});
