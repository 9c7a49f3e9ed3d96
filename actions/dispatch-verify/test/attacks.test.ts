import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '@slipway/core';
import { hmacSigner, type JsonObject, openPgpSigner, timeText } from '@slipway/dispatch-payload';
import { openSigner } from '@slipway/signing';
import { makeKey, type TestKey, temporaryDirectory } from '@slipway/testkit';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  codesOf,
  envelope,
  eventFile,
  hourMs,
  message,
  type Receiving,
  receive,
  secret,
  sender,
} from './receiving.ts';

const otherSecret = 'f'.repeat(32);

describe('a valid message', () => {
  test('is accepted, and passed on', async () => {
    const result = await receive(await message(), { inputs: { fields: 'channel\ncommit=slipway.commit' } });
    expect(result.failure).toBeUndefined();
    expect(result.outputs).toMatchObject({
      id: 'message-1',
      'event-type': 'app-released',
      'source-repository': 'acme/app',
      commit: 'b'.repeat(40),
      ref: 'refs/tags/v1.4.0',
      version: '1.4.0',
      'source-run-url': 'https://github.example.org/acme/app/actions/runs/4711',
      fields: `{"channel":"stable","commit":"${'b'.repeat(40)}"}`,
    });
    expect(JSON.parse(String(result.outputs['payload']))).toMatchObject({
      channel: 'stable',
      slipway: { id: 'message-1' },
    });
    expect(result.outputs['payload']).not.toContain('signature');
    expect(result.problems.map(({ code }) => code)).toEqual(['replay-limited-by-age']);
  });

  test('is accepted with a space in its event type, and with no other type', async () => {
    const spaced = await message({}, { event: 'app released' });
    const event = { action: 'app released' };
    const inputs = { 'event-types': 'app removed\napp released' };
    const result = await receive(spaced, { inputs, event });
    expect(result.failure).toBeUndefined();
    expect(result.outputs['event-type']).toBe('app released');
    expect(codesOf(await receive(spaced, { inputs, event: { action: 'app  released' } }))).toEqual([
      'event-type-refused',
      'event-type-mismatch',
    ]);
  });

  test('is accepted with its keys in another order, and with other spaces and escapes', async () => {
    const sent = await message({ a: { x: 1, y: 'ü' }, b: 2 });
    const entries = Object.entries(sent).reverse();
    const text = JSON.stringify(Object.fromEntries(entries), null, 3).replace('ü', '\\u00fc');
    expect(codesOf(await receive(text))).toEqual([]);
  });

  test.each([-hourMs + 2_000, hourMs - 2_000])(
    'is accepted with a clock that is off by %s ms',
    async (aheadMs) => {
      expect(codesOf(await receive(await message(), { aheadMs }))).toEqual([]);
    },
  );

  test.each([
    { 'signing-secret': otherSecret, 'previous-signing-secret': secret },
    { 'signing-secret': secret, 'previous-signing-secret': otherSecret },
  ])('is accepted by either of two secrets (rotation)', async (inputs) => {
    expect(codesOf(await receive(await message(), { inputs }))).toEqual([]);
  });

  test('is accepted from a file, in a manual run', async () => {
    const path = join(temporaryDirectory('payload'), 'payload.json');
    writeFileSync(path, JSON.stringify(await message()));
    const environment = {
      GITHUB_EVENT_NAME: 'workflow_dispatch',
      GITHUB_ACTOR: 'hubot',
      GITHUB_ACTOR_ID: '7',
    };
    const inputs = { 'payload-file': path, 'event-types': 'app-released' };
    expect(codesOf(await receive({}, { inputs: { ...inputs, senders: 'hubot' }, environment }))).toEqual([]);
    expect(codesOf(await receive({}, { inputs: { ...inputs, senders: 'octocat' }, environment }))).toEqual([
      'sender-refused',
    ]);
    expect(
      codesOf(await receive({}, { inputs: { ...inputs, 'event-types': 'other' }, environment })),
    ).toEqual(['event-type-refused']);
  });
});

interface Attack extends Receiving {
  readonly name: string;
  readonly payload: () => Promise<JsonObject | string>;
  readonly codes: readonly string[];
}

const withEnvelope = (sent: JsonObject, changes: JsonObject): JsonObject => ({
  ...sent,
  slipway: { ...(sent['slipway'] as JsonObject), ...changes },
});
const nowMs = Date.now();
const deep = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;

const attacks: readonly Attack[] = [
  {
    name: 'another key',
    payload: () => message({}, {}, hmacSigner(otherSecret)),
    codes: ['signature-wrong'],
  },
  {
    name: 'no signature',
    payload: async () => ({ slipway: envelope() }) as unknown as JsonObject,
    codes: ['signature-missing'],
  },
  { name: 'no envelope', payload: async () => ({ channel: 'stable' }), codes: ['envelope-missing'] },
  {
    name: 'an envelope that is inherited',
    payload: async () => '{"__proto__":{"slipway":{}}}',
    codes: ['payload-malformed'],
  },
  {
    name: 'a malformed envelope',
    payload: () => message({}, { id: 'x', commit: 'HEAD' }),
    codes: ['envelope-malformed'],
  },
  {
    name: 'another audience',
    payload: () => message({}, { audience: 'acme/other' }),
    codes: ['audience-wrong'],
  },
  {
    name: 'a signed event of another type',
    payload: () => message({}, { event: 'app-removed' }),
    codes: ['event-type-mismatch'],
  },
  {
    name: 'another event type',
    payload: () => message(),
    event: { action: 'app-removed' },
    codes: ['event-type-mismatch'],
  },
  {
    name: 'an event type that is not wanted',
    payload: () => message(),
    inputs: { 'event-types': 'a\nb' },
    codes: ['event-type-refused'],
  },
  {
    name: 'an event of another kind',
    payload: () => message(),
    environment: { GITHUB_EVENT_NAME: 'push' },
    codes: ['event-unexpected'],
  },
  {
    name: 'another sender',
    payload: () => message(),
    inputs: { senders: 'hubot\n42' },
    codes: ['sender-refused'],
  },
  {
    name: 'a sender whose login is the number of another',
    payload: () => message(),
    event: { sender: { login: '42', id: 7 } },
    inputs: { senders: '42' },
    codes: ['sender-refused'],
  },
  {
    name: 'a sender that is missing',
    payload: () => message(),
    event: { sender: null },
    inputs: { senders: 'octocat' },
    codes: ['sender-refused'],
  },
  {
    name: 'another source',
    payload: () => message(),
    inputs: { sources: 'acme/other' },
    codes: ['source-refused'],
  },
  {
    name: 'an expired message',
    payload: () =>
      message({}, { issuedAt: timeText(nowMs - 4 * hourMs), expiresAt: timeText(nowMs - 2 * hourMs) }),
    codes: ['expired'],
  },
  {
    name: 'a message of the future',
    payload: () => message({}, { issuedAt: timeText(nowMs + 2 * hourMs) }),
    codes: ['from-future'],
  },
  {
    name: 'an old message',
    payload: () => message({}, { issuedAt: timeText(nowMs - 6 * hourMs) }),
    inputs: { 'max-age': '2h' },
    codes: ['too-old'],
  },
  {
    name: 'a changed field',
    payload: async () => ({ ...(await message()), channel: 'beta' }),
    codes: ['signature-wrong'],
  },
  {
    name: 'a changed id',
    payload: async () => withEnvelope(await message(), { id: 'message-2' }),
    codes: ['signature-wrong'],
  },
  {
    name: 'a longer life',
    payload: async () => withEnvelope(await message(), { expiresAt: '2999-01-01T00:00:00Z' }),
    codes: ['signature-wrong'],
  },
  {
    name: 'a changed artifact',
    payload: async () =>
      withEnvelope(await message(), { artifacts: [{ name: 'a', sizeBytes: 1, sha256: 'a'.repeat(64) }] }),
    codes: ['signature-wrong'],
  },
  {
    name: 'the same key twice',
    payload: async () => JSON.stringify(await message()).replace('{', '{"channel":"beta",'),
    codes: ['payload-malformed'],
  },
  {
    name: 'the same key twice, spelled otherwise',
    payload: async () => JSON.stringify(await message()).replace('{', '{"chann\\u0065l":"beta",'),
    codes: ['payload-malformed'],
  },
  {
    name: '__proto__',
    payload: async () => JSON.stringify(await message()).replace('{', '{"__proto__":{"admin":true},'),
    codes: ['payload-malformed'],
  },
  {
    name: 'a payload that is huge',
    payload: () => message({ text: 'x'.repeat(70_000) }),
    codes: ['payload-too-large'],
  },
  { name: 'a payload that is deep', payload: async () => `{"a":${deep(100)}}`, codes: ['payload-malformed'] },
  {
    name: 'a payload that is very deep',
    payload: async () => `{"a":${deep(100_000)}}`,
    codes: ['payload-malformed'],
  },
  { name: 'no JSON', payload: async () => '{"a":', codes: ['payload-malformed'] },
  { name: 'a payload that is a list', payload: async () => '[1]', codes: ['payload-malformed'] },
  { name: 'a number that nothing holds', payload: async () => '{"a":1e999}', codes: ['payload-malformed'] },
  {
    name: 'line ends in a field',
    payload: () => message({ channel: 'x\n::set-output name=id::y' }),
    inputs: { fields: 'channel' },
    codes: ['field-invalid'],
  },
  {
    name: 'line ends in the version',
    payload: () => message({}, { version: '1\nid=2' }),
    codes: ['envelope-malformed'],
  },
  {
    name: 'a field that is missing',
    payload: () => message(),
    inputs: { fields: 'nothing' },
    codes: ['field-missing'],
  },
  {
    name: 'everything at once',
    payload: () =>
      message(
        {},
        { audience: 'acme/other', issuedAt: timeText(nowMs + 2 * hourMs) },
        hmacSigner(otherSecret),
      ),
    inputs: { senders: '1', 'event-types': 'x', sources: 'a/b', fields: 'f' },
    codes: [
      'sender-refused',
      'event-type-refused',
      'signature-wrong',
      'audience-wrong',
      'source-refused',
      'from-future',
      'field-missing',
    ],
  },
];

describe('a message is refused, and nothing of it is passed on (I4, I8)', () => {
  test.each(attacks)('$name', async ({ payload, codes, ...given }) => {
    const result = await receive(await payload(), given);
    expect(codesOf(result)).toEqual(codes);
    expect(result.failure).toMatchObject({ code: 'message-refused' });
    expect(result.outputs).toEqual({});
    expect(result.files.map(({ output }) => output)).toEqual(['report']);
    expect(JSON.stringify(result.problems)).not.toMatch(/\\n|::set-output/);
  });
});

describe('unsigned messages', () => {
  const inputs = { 'allow-unsigned': 'true' };
  test('are accepted if that is allowed, and reported as unsigned', async () => {
    const result = await receive({ slipway: envelope() } as unknown as JsonObject, { inputs });
    expect(codesOf(result)).toEqual([]);
    expect(result.problems.map(({ code }) => code)).toContain('unsigned');
  });

  test('then need no envelope', async () => {
    const result = await receive({ channel: 'stable' }, { inputs: { ...inputs, fields: 'channel' } });
    expect(result.outputs).toMatchObject({
      id: '',
      fields: '{"channel":"stable"}',
      'event-type': 'app-released',
    });
    expect(result.problems.map(({ code }) => code)).toEqual(['unsigned', 'replay-unlimited']);
  });

  test('with a bad signature are still refused', async () => {
    expect(codesOf(await receive(await message({}, {}, hmacSigner(otherSecret)), { inputs }))).toEqual([
      'signature-wrong',
    ]);
  });
});

describe('OpenPGP', () => {
  let key: TestKey;
  let other: TestKey;
  beforeAll(async () => {
    [key, other] = await Promise.all([
      makeKey({ type: 'ed25519' }),
      makeKey({ type: 'rsa2048', expired: true }),
    ]);
  });
  const signedBy = async (
    { privateArmored, createdAtMs }: TestKey,
    atMs = systemClock.nowMs(),
  ): Promise<JsonObject> => {
    const clock = { ...systemClock, nowMs: () => Math.max(atMs, createdAtMs) };
    const signer = await openSigner({ armoredKey: privateArmored, passphrase: undefined, clock });
    return message(
      {},
      {},
      openPgpSigner((text) => signer.clearSign(text)),
    );
  };

  test('signatures by trusted keys are accepted, even if the clocks differ by an hour', async () => {
    const inputs = { 'signing-secret': '', 'trusted-keys': key.publicArmored };
    for (const aheadMs of [0, -hourMs + 5_000, hourMs - 5_000]) {
      const result = await receive(await signedBy(key), { inputs, aheadMs });
      expect(codesOf(result)).toEqual([]);
      expect(result.log.join('\n')).toContain(key.fingerprint);
    }
  });

  test('signatures by keys that are not trusted, or have expired, are refused (I4)', async () => {
    const inputs = { 'signing-secret': '', 'trusted-keys': `${other.publicArmored}` };
    expect(codesOf(await receive(await signedBy(key), { inputs }))).toEqual(['signature-not-trusted']);
    const before = systemClock.nowMs() - 20 * 24 * hourMs;
    expect(codesOf(await receive(await signedBy(other, before), { inputs }))).toEqual([
      'signature-not-trusted',
    ]);
  });

  test('signatures are refused if only a secret is given, and vice versa', async () => {
    expect(codesOf(await receive(await signedBy(key)))).toEqual(['signature-unverifiable']);
    const inputs = { 'signing-secret': '', 'trusted-keys': key.publicArmored };
    expect(codesOf(await receive(await message(), { inputs }))).toEqual(['signature-unverifiable']);
  });
});

describe('a schema', () => {
  const schemaFile = (schema: unknown): string => {
    const path = join(temporaryDirectory('schema'), 'schema.json');
    writeFileSync(path, typeof schema === 'string' ? schema : JSON.stringify(schema));
    return path;
  };
  const strict = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    required: ['channel', 'slipway'],
    properties: {
      channel: { enum: ['stable', 'beta'] },
      slipway: {
        type: 'object',
        required: ['version'],
        properties: { version: { type: 'string', pattern: '^\\d+\\.\\d+\\.\\d+$' } },
      },
    },
    additionalProperties: false,
  };

  test('accepts a matching payload, and reports every violation', async () => {
    const inputs = { schema: schemaFile(strict) };
    expect(codesOf(await receive(await message(), { inputs }))).toEqual([]);
    const result = await receive(await message({ channel: 'x', more: 1 }, { version: 'new' }), { inputs });
    expect(codesOf(result)).toEqual(['schema-violated', 'schema-violated', 'schema-violated']);
    expect(result.problems.map(({ message: text }) => text).join('\n')).toMatch(
      /"more"[\s\S]*"\/channel"[\s\S]*"\/slipway\/version"/,
    );
  });

  test.each([
    ['no JSON', '{'],
    ['of another draft', { $schema: 'http://json-schema.org/draft-07/schema#' }],
    ['with a $ref that leaves it', { $ref: 'https://example.org/schema.json' }],
    ['with a word that does not exist', { type: 'object', propertys: {} }],
    ['with a format that does not exist', { type: 'string', format: 'colour' }],
    ['with a pattern that is too long', { type: 'string', pattern: 'a'.repeat(1_001) }],
    ['a list', []],
  ])('that is %s is refused with the other inputs', async (_, schema) => {
    const failed = receive(await message(), {
      inputs: { schema: schemaFile(schema), 'signing-secret': 'x' },
    });
    await expect(failed).rejects.toThrow(/input "signing-secret"[\s\S]*input "schema"/);
  });

  test.each([
    ['a pattern', { channel: { type: 'string', pattern: '^(a+)+$' } }],
    ['a pattern of names', { channel: { type: 'object', patternProperties: { '^(a+)+$': {} } } }],
  ])('whose %s would never finish on a payload refuses it (I8)', async (_, properties) => {
    const long = `${'a'.repeat(200)}!`;
    const channel = 'pattern' in properties.channel ? long : { [long]: 1 };
    const inputs = { schema: schemaFile({ type: 'object', properties }) };
    const result = await receive(await message({ channel }), { inputs });
    expect(codesOf(result)).toEqual(['schema-violated']);
    expect(result.problems[0]?.message).toMatch(/could not be checked within/);
  });

  test('that refers to itself endlessly refuses every payload', async () => {
    const inputs = { schema: schemaFile({ $ref: '#' }) };
    const result = await receive(await message(), { inputs });
    expect(codesOf(result)).toEqual(['schema-violated']);
  });
});

describe('the inputs', () => {
  test.each([
    [{ 'signing-secret': '' }, 'neither signing-secret nor trusted-keys'],
    [{ 'signing-secret': '', 'trusted-keys': 'A'.repeat(40) }, 'give the armored public key'],
    [
      { 'signing-secret': '', 'previous-signing-secret': secret, 'allow-unsigned': 'true' },
      'is given without signing-secret',
    ],
    [{ 'fetch-to': 'x' }, 'without artifact-hosts'],
    [{ 'artifact-hosts': 'example.org' }, 'without fetch-to'],
    [
      { 'artifact-hosts': 'https://example.org\n*.example.org\nexample.org/x', 'fetch-to': 'x' },
      'must be a host',
    ],
    [{ fields: 'a b', 'multiline-fields': 'a..b' }, 'must be a name'],
    [{ fields: 'a', 'multiline-fields': 'a=b' }, 'name "a" twice'],
    [{ senders: 'a b' }, 'neither a login nor a user ID'],
    [{ seen: 'https://example.org/seen' }, 'read-only'],
    [{ 'payload-file': 'missing.json' }, 'missing.json cannot be read (ENOENT)'],
  ])('%j: %s', async (inputs, words) => {
    await expect(receive(await message(), { inputs })).rejects.toThrow(words);
  });

  test('there is an event', async () => {
    await expect(receive({}, { environment: { GITHUB_EVENT_PATH: '' } })).rejects.toThrow(
      'GITHUB_EVENT_PATH is not set',
    );
  });

  test('the receiving repository comes from the input or the environment, and is requested otherwise', async () => {
    const environment = { GITHUB_REPOSITORY: '' };
    await expect(receive(await message(), { environment })).rejects.toThrow(
      /^repository is not given and GITHUB_REPOSITORY is not set: /,
    );
    const inputs = { repository: 'Acme/Site' };
    expect(codesOf(await receive(await message(), { environment, inputs }))).toEqual([]);
    const other = { repository: 'acme/other' };
    expect(codesOf(await receive(await message(), { inputs: other }))).toEqual(['audience-wrong']);
  });

  test('a message without a source is refused with advice if sources are given', async () => {
    const result = await receive(await message({}, { source: {} }), { inputs: { sources: 'acme/app' } });
    expect(result.problems).toMatchObject([
      {
        code: 'source-refused',
        message: 'it does not state which repository it comes from, but sources is set',
        hint: 'Send it with source-repository.',
      },
    ]);
  });

  test('an event that is too large is not read', async () => {
    const path = eventFile({ text: 'x'.repeat(2 ** 20) });
    await expect(receive({}, { environment: { GITHUB_EVENT_PATH: path } })).rejects.toThrow(
      'larger than 1.00 MiB',
    );
  });
});

test('senders are recognised by login, in any case, and by number', async () => {
  for (const senders of ['OctoCat', String(sender.id), `hubot\n${sender.id}`]) {
    expect(codesOf(await receive(await message(), { inputs: { senders } }))).toEqual([]);
  }
});

test('the output payload is one line of ASCII, whatever it contains (I8)', async () => {
  const own = { text: 'a\u2028b\u202ec\nd::error::e\u0000' };
  const result = await receive(await message(own));
  expect(result.outputs['payload']).toMatch(/^[\x20-\x7e]+$/);
  expect(JSON.parse(String(result.outputs['payload']))).toMatchObject(own);
});
