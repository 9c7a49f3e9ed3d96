import { execFileSync } from 'node:child_process';
import { systemClock } from '@slipway/core';
import { type Keyring, openKeyring, openSigner, parseTrustedKeys, type Signer } from '@slipway/signing';
import { makeKey } from '@slipway/testkit';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  canonicalJson,
  checkHmacSecret,
  checkSignature,
  clientPayload,
  envelopeKey,
  hmacSigner,
  type JsonObject,
  openPgpSigner,
  type PayloadSigner,
  parseEnvelope,
  type SignatureRules,
  signedText,
} from '../src/index.ts';
import { anyOwn, envelope, payload, secret } from './messages.ts';

const otherSecret = 'f'.repeat(32);
let signer: Signer;
let keyring: Keyring;

beforeAll(async () => {
  const key = await makeKey({ type: 'ed25519' });
  signer = await openSigner({ armoredKey: key.privateArmored, passphrase: undefined, clock: systemClock });
  keyring = await openKeyring({
    trusted: await parseTrustedKeys(key.publicArmored),
    candidates: [],
    clock: systemClock,
  });
});

function rules(changes: Partial<SignatureRules> = {}): SignatureRules {
  const verifyClearSigned: SignatureRules['verifyClearSigned'] = (document) =>
    keyring.verifyClearSigned(document);
  return { secrets: [secret], verifyClearSigned, allowUnsigned: false, ...changes };
}

const signers: Readonly<Record<string, () => PayloadSigner>> = {
  hmac: () => hmacSigner(secret),
  openpgp: () => openPgpSigner((text) => signer.clearSign(text)),
};

async function signed(by: string, own: JsonObject = { channel: 'stable' }): Promise<JsonObject> {
  const make = signers[by];
  if (make === undefined) throw new Error(`there is no signer ${by}`);
  const unsigned = clientPayload(own, envelope(), undefined);
  return clientPayload(own, envelope(), await make().sign(unsigned));
}

async function codesOf(received: JsonObject, given = rules()): Promise<readonly string[]> {
  const parsed = parseEnvelope(received[envelopeKey]);
  if ('problems' in parsed) throw new Error(parsed.problems.join('; '));
  return (await checkSignature(received, parsed.signature, given)).refusals.map(({ code }) => code);
}

/** A value as another writer of JSON could have written it. */
function rewritten(value: unknown, random: () => number): unknown {
  if (Array.isArray(value)) return value.map((item) => rewritten(item, random));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(
    ([key, inner]) => [key, rewritten(inner, random), random()] as const,
  );
  return Object.fromEntries(entries.sort((a, b) => a[2] - b[2]));
}

describe.each(Object.keys(signers))('a signature by %s', (by) => {
  test('holds for any payload, in whatever order and spelling it arrives', async () => {
    await fc.assert(
      fc.asyncProperty(
        anyOwn,
        fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
        async (own, stream) => {
          const order = stream[Symbol.iterator]();
          const sent = await signed(by, own);
          const text = JSON.stringify(
            rewritten(sent, () => Number(order.next().value)),
            null,
            2,
          );
          const arrived: JsonObject = JSON.parse(
            text.replace(
              /[<>&\u0080-\uffff]/g,
              (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
            ),
          );
          expect(await codesOf(arrived)).toEqual([]);
        },
      ),
      { numRuns: by === 'hmac' ? 200 : 30 },
    );
  });

  const changes: Readonly<Record<string, (sent: JsonObject) => JsonObject>> = {
    'a changed field': (sent) => ({ ...sent, channel: 'beta' }),
    'an added field': (sent) => ({ ...sent, more: null }),
    'a removed field': ({ channel: _, ...rest }) => rest,
    'another type of the same look': (sent) => ({ ...sent, channel: ['stable'] }),
    ...Object.fromEntries(
      Object.entries({
        id: 'message-2',
        event: 'app-removed',
        audience: 'acme/other',
        expiresAt: '2028-01-31T12:00:00Z',
        version: '1.4.1',
        commit: 'c'.repeat(40),
        artifacts: [],
      }).map(([name, value]) => [
        `another ${name}`,
        (sent: JsonObject): JsonObject => ({
          ...sent,
          [envelopeKey]: { ...(sent[envelopeKey] as JsonObject), [name]: value },
        }),
      ]),
    ),
  };
  test.each(Object.entries(changes))('does not hold for %s (I4)', async (_, change) => {
    const sent = await signed(by);
    expect(await codesOf(sent)).toEqual([]);
    expect(await codesOf(change(sent))).toEqual(['signature-wrong']);
  });

  test('does not hold for any other payload (I4)', async () => {
    await fc.assert(
      fc.asyncProperty(anyOwn, anyOwn, async (own, other) => {
        fc.pre(canonicalJson(own) !== canonicalJson(other));
        const envelopeOfOwn = (await signed(by, own))[envelopeKey];
        expect(await codesOf({ ...other, [envelopeKey]: envelopeOfOwn })).toEqual(['signature-wrong']);
      }),
      { numRuns: by === 'hmac' ? 200 : 30 },
    );
  });

  test('adds no more to a payload than was planned', async () => {
    const make = signers[by];
    const bare = clientPayload({}, envelope(), undefined);
    const added =
      Buffer.byteLength(JSON.stringify(await signed(by, {}))) - Buffer.byteLength(JSON.stringify(bare));
    expect(added).toBeLessThanOrEqual(make?.().maxAddedBytes ?? 0);
  });
});

test('an OpenPGP signature of the longest key fits what is planned for it', async () => {
  const key = await makeKey({ type: 'rsa4096', subkey: true });
  const opened = await openSigner({
    armoredKey: key.privateArmored,
    passphrase: undefined,
    clock: systemClock,
  });
  const made = await openPgpSigner((text) => opened.clearSign(text)).sign(payload);
  // RSA of 8,192 bits has 512 bytes more, 704 characters.
  const bytes = Buffer.byteLength(JSON.stringify({ signature: made })) + 704;
  expect(bytes).toBeLessThan(signers['openpgp']?.().maxAddedBytes ?? 0);
});

describe('which secrets and keys count', () => {
  test('the present secret and the one before it (rotation)', async () => {
    const sent = await signed('hmac');
    expect(await codesOf(sent, rules({ secrets: [otherSecret, secret] }))).toEqual([]);
    expect(await codesOf(sent, rules({ secrets: [otherSecret] }))).toEqual(['signature-wrong']);
  });

  test('no key that is not trusted (I4)', async () => {
    const other = await makeKey({ type: 'ed25519' });
    const foreign = await openSigner({
      armoredKey: other.privateArmored,
      passphrase: undefined,
      clock: systemClock,
    });
    const signature = await openPgpSigner((text) => foreign.clearSign(text)).sign(payload);
    expect(await codesOf(clientPayload({ channel: 'stable', count: 3 }, envelope(), signature))).toEqual([
      'signature-not-trusted',
    ]);
  });

  test('no signature of a trusted key over another text (I4)', async () => {
    const value = await signer.clearSign('{"_meta": "a manifest"}');
    expect(await codesOf(clientPayload({}, envelope(), { kind: 'openpgp', value }))).toEqual([
      'signature-wrong',
    ]);
  });

  test('no HMAC of another form', async () => {
    const sent = await signed('hmac');
    const { signature } = sent[envelopeKey] as { signature: { value: string } };
    for (const value of [
      '',
      signature.value.toUpperCase(),
      signature.value.slice(1),
      `${signature.value} `,
      '0'.repeat(64),
    ]) {
      const changed = clientPayload({ channel: 'stable' }, envelope(), { kind: 'hmac-sha256', value });
      expect(await codesOf(changed)).toEqual(['signature-wrong']);
    }
  });

  test('nothing that cannot be checked, even where unsigned messages are allowed', async () => {
    const allowUnsigned = true;
    expect(await codesOf(await signed('hmac'), rules({ secrets: [], allowUnsigned }))).toEqual([
      'signature-unverifiable',
    ]);
    expect(
      await codesOf(await signed('openpgp'), rules({ verifyClearSigned: undefined, allowUnsigned })),
    ).toEqual(['signature-unverifiable']);
  });

  test('no signature at all, unless that is allowed', async () => {
    expect(await codesOf(payload)).toEqual(['signature-missing']);
    expect(await codesOf(payload, rules({ allowUnsigned: true }))).toEqual([]);
  });

  test.each(['', 'short', 'x'.repeat(31)])('the secret "%s" is refused: it can be guessed', (text) => {
    expect(() => checkHmacSecret(text)).toThrow('32 characters');
  });
});

test('OpenSSL agrees on the signature of a payload', async () => {
  const sent = await signed('hmac', {
    name: 'Grüße 🎉',
    list: [1, 2.5, null, true],
    nested: { b: 1, a: [] },
  });
  const made = execFileSync('openssl', ['dgst', '-sha256', '-hmac', secret], {
    input: signedText(sent),
    encoding: 'utf8',
  });
  expect(made).toContain((sent[envelopeKey] as { signature: { value: string } }).signature.value);
});

test('canonical JSON is that of RFC 8785', () => {
  const sample = {
    numbers: JSON.parse('[333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001]'),
    string: '\u20ac$\u000f\u000aA\'\u0042\u0022\u005c\\"/',
    literals: [null, true, false],
  };
  expect(canonicalJson(sample)).toBe(
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
  );
  const keys = { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, '\u00f6': 7 };
  expect([...canonicalJson(keys).matchAll(/:(\d)/g)].map(([, digit]) => digit).join('')).toBe('2467153');
});
