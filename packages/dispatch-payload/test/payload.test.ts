import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  clientPayload,
  type Expectations,
  type FieldRequest,
  judgeEnvelope,
  limitProblems,
  messageId,
  type ParsedEnvelope,
  parseEnvelope,
  parseEventType,
  parseMessageId,
  parseRepository,
  parseTime,
  readFields,
  timeText,
  valueFault,
} from '../src/index.ts';
import { anyOwn, artifact, envelope, hourMs, issuedAtMs, payload } from './messages.ts';

function parsedEnvelope(changes: Record<string, unknown> = {}): ParsedEnvelope {
  const parsed = parseEnvelope(JSON.parse(JSON.stringify(envelope(changes))));
  if ('problems' in parsed) throw new Error(parsed.problems.join('; '));
  return parsed;
}

describe('an envelope', () => {
  test('is read as it was made, without what it does not know', () => {
    expect(parsedEnvelope({ unknown: 'x' }).envelope).toEqual(envelope());
  });

  test('of any form is refused and not thrown at (I8)', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(parseEnvelope(value)).toHaveProperty('problems');
      }),
    );
  });

  test('with any one field of another form is refused, or means nothing else (I8)', () => {
    const names = Object.keys(envelope());
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.jsonValue(), (name, value) => {
        const parsed = parseEnvelope({ ...JSON.parse(JSON.stringify(envelope())), [name]: value });
        if ('problems' in parsed) return;
        const text = JSON.stringify(parsed.envelope);
        expect(text).not.toMatch(/[\u0000-\u001f\u2028\u2029]/);
      }),
    );
  });

  const wrong: readonly (readonly [string, unknown, string])[] = [
    ['format', 'slipway-dispatch-2', 'format'],
    ['id', 'x', 'id'],
    ['id', '../../../etc/passwd', 'id'],
    ['id', 42, 'id: it is not text'],
    ['event', 'a\nb', 'event'],
    ['audience', 'acme', 'audience'],
    ['issuedAt', '2027-02-30T00:00:00Z', 'issuedAt'],
    ['issuedAt', '2027-01-31 12:00:00Z', 'issuedAt'],
    ['issuedAt', 1_800_000_000, 'issuedAt'],
    ['expiresAt', '2027-01-31T12:00:00Z', 'expires before'],
    ['source', null, 'source'],
    ['source', { repository: 'acme' }, 'repository'],
    ['source', { runId: '-1' }, 'runId'],
    ['source', { runAttempt: 0 }, 'runAttempt'],
    ['source', { runUrl: 'javascript:alert(1)' }, 'runUrl'],
    ['version', '1.4\n::set-output name=x::y', 'version'],
    ['version', 'x'.repeat(300), 'version'],
    ['commit', 'HEAD', 'commit'],
    ['ref', 'refs/heads/\u202emain', 'ref'],
    ['artifacts', {}, 'artifacts'],
    // A file may be a report that has a list; a message may not.
    ['artifacts', { artifacts: [artifact] }, 'not a JSON array'],
    ['artifacts', [{ ...artifact, name: '../app.zip' }], 'artifacts'],
    ['artifacts', [{ ...artifact, name: 'a\\b' }], 'artifacts'],
    ['artifacts', [{ ...artifact, sizeBytes: -1 }], 'artifacts'],
    ['artifacts', [{ ...artifact, sha256: 'x' }], 'artifacts'],
    ['artifacts', [artifact, { ...artifact, name: 'APP.zip' }], 'only in case'],
    ['signature', { kind: 'none', value: '' }, 'kind'],
    ['signature', { kind: 'hmac-sha256', value: 1 }, 'value'],
  ];
  test.each(wrong)('with %s: %j is refused', (name, value, words) => {
    const parsed = parseEnvelope({ ...JSON.parse(JSON.stringify(envelope())), [name]: value });
    expect('problems' in parsed ? parsed.problems.join('; ') : 'accepted').toContain(words);
  });

  test('tells everything that is wrong at once', () => {
    const parsed = parseEnvelope({ ...envelope(), id: 'x', audience: 'acme', commit: 'HEAD' });
    expect('problems' in parsed ? parsed.problems : []).toHaveLength(3);
  });

  test('keeps nothing of where an artifact was on the machine that sent it', () => {
    const { envelope: read } = parsedEnvelope({
      artifacts: [{ ...artifact, path: '/home/me/app.zip', key: 'k' }],
    });
    expect(read.artifacts).toEqual([artifact]);
  });
});

describe('a message is judged', () => {
  const expected: Expectations = {
    audience: 'acme/site',
    event: 'app-released',
    sources: [],
    maxAgeMs: 24 * hourMs,
    toleranceMs: hourMs,
    nowMs: issuedAtMs,
  };
  const codes = (changes: Partial<Expectations>, envelopeChanges = {}): readonly string[] =>
    judgeEnvelope(parsedEnvelope(envelopeChanges), { ...expected, ...changes }).map(({ code }) => code);

  test.each([
    [{}, []],
    [{ audience: 'ACME/Site' }, []],
    [{ audience: 'acme/other' }, ['audience-wrong']],
    [{ audience: undefined }, ['audience-wrong']],
    [{ event: 'other' }, ['event-type-mismatch']],
    [{ event: undefined }, []],
    [{ sources: ['Acme/App'] }, []],
    [{ sources: ['acme/other'] }, ['source-refused']],
    // A clock that is wrong by an hour, both ways, and what is a second beyond it.
    [{ nowMs: issuedAtMs - hourMs }, []],
    [{ nowMs: issuedAtMs - hourMs - 1_000 }, ['from-future']],
    [{ nowMs: issuedAtMs + 25 * hourMs - 1_000 }, []],
    [{ nowMs: issuedAtMs + 25 * hourMs }, ['expired']],
    [{ nowMs: issuedAtMs + 3 * hourMs + 1, maxAgeMs: 2 * hourMs }, ['too-old']],
    [{ nowMs: issuedAtMs + 3 * hourMs, maxAgeMs: 2 * hourMs }, []],
    [
      { audience: 'a/b', event: 'x', sources: ['c/d'], nowMs: 0 },
      ['audience-wrong', 'event-type-mismatch', 'source-refused', 'from-future'],
    ],
  ] as const)('by %o: %j', (changes, found) => {
    expect(codes(changes)).toEqual(found);
  });

  test('without a source that it names, when sources are asked for', () => {
    expect(codes({ sources: ['acme/app'] }, { source: {} })).toEqual(['source-refused']);
  });
});

describe("GitHub's limits", () => {
  test('are nine keys beside the own one, and 65,535 bytes', () => {
    const own = (keys: number) =>
      Object.fromEntries(Array.from({ length: keys }, (_, index) => [`k${index}`, 1]));
    expect(limitProblems(clientPayload(own(9), envelope(), undefined))).toEqual([]);
    expect(limitProblems(clientPayload(own(10), envelope(), undefined))).toEqual([
      expect.stringContaining('10 keys'),
    ]);
    const bytes = Buffer.byteLength(JSON.stringify({ ...payload, text: '' }));
    expect(limitProblems({ ...payload, text: 'x'.repeat(65_535 - bytes) })).toEqual([]);
    expect(limitProblems({ ...payload, text: 'x'.repeat(65_536 - bytes) })).toEqual([
      expect.stringContaining('"text"'),
    ]);
    expect(limitProblems({ ...payload, text: 'ü'.repeat(40_000) })).toHaveLength(1);
    expect(limitProblems({ ...payload, text: 'x'.repeat(65_535 - bytes) }, 1)).toHaveLength(1);
  });
});

describe('the id of a message', () => {
  const identity = {
    sourceRepository: 'acme/app',
    runId: '4711',
    event: 'app-released',
    target: 'acme/site',
    own: { channel: 'stable', count: 3 },
    version: '1.4.0',
    artifacts: [artifact],
  };
  test('is the same for the same message, whatever the order of its keys', () => {
    const { own: _, ...rest } = identity;
    expect(messageId({ own: { count: 3, channel: 'stable' }, ...rest })).toBe(messageId(identity));
    expect(messageId({ ...identity, target: 'ACME/Site' })).toBe(messageId(identity));
    expect(parseMessageId(messageId(identity))).toMatch(/^[0-9a-f]{32}$/);
  });

  test('does not change with the URLs of a download window', () => {
    const artifacts = [{ ...artifact, url: 'https://downloads.example.org/next/app.zip' }];
    expect(messageId({ ...identity, artifacts })).toBe(messageId(identity));
  });

  test.each([
    { sourceRepository: 'acme/other' },
    { runId: '4712' },
    { event: 'other' },
    { target: 'acme/other' },
    { own: { channel: 'stable' } },
    { version: '1.4.1' },
    { artifacts: [{ ...artifact, sha256: 'f'.repeat(64) }] },
  ])('is another one with %j', (changes) => {
    expect(messageId({ ...identity, ...changes })).not.toBe(messageId(identity));
  });
});

describe('fields', () => {
  const request = (name: string, path: string, multiline = false): FieldRequest => ({
    name,
    path: path.split('.'),
    multiline,
  });
  const given = JSON.parse(
    '{"a":"text","b":{"c":[1,{"d":true}]},"lines":"one\\ntwo","evil":"x\\n::set-output name=y::z","__proto__":{"p":"q"},"o":{},"n":null,"tab":"a\\tb","esc":"\\u001b[31m","unseen":"1\\u200b.2","tag":"\\udb40\\udc41"}',
  );

  test('are read by their paths', () => {
    const requests = [
      request('a', 'a'),
      request('one', 'b.c.0'),
      request('d', 'b.c.1.d'),
      request('lines', 'lines', true),
    ];
    expect(readFields(given, requests)).toEqual({
      fields: { a: 'text', one: '1', d: 'true', lines: 'one\ntwo' },
      refusals: [],
    });
  });

  test.each([
    ['missing', false, 'field-missing'],
    ['n', false, 'field-missing'],
    ['toString', false, 'field-missing'],
    ['a.length', false, 'field-missing'],
    ['constructor.name', false, 'field-missing'],
    ['o', false, 'field-invalid'],
    ['b.c', false, 'field-invalid'],
    ['lines', false, 'field-invalid'],
    ['evil', false, 'field-invalid'],
    ['tab', false, 'field-invalid'],
    ['esc', true, 'field-invalid'],
    ['unseen', false, 'field-invalid'],
    ['tag', true, 'field-invalid'],
  ])('%s (multiline: %s) is refused with %s (I8)', (path, multiline, code) => {
    const { fields, refusals } = readFields(given, [request('x', path, multiline)]);
    expect(fields).toEqual({});
    expect(refusals.map((refused) => refused.code)).toEqual([code]);
  });

  test('of any payload have one line and no characters that are not seen (I8)', () => {
    fc.assert(
      fc.property(anyOwn, (own) => {
        const requests = Object.keys(own).map((key) => ({ name: 'x', path: [key], multiline: false }));
        for (const wanted of requests) {
          for (const value of Object.values(readFields(own, [wanted]).fields)) {
            expect(value).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028\u2029]/);
          }
        }
      }),
    );
  });
});

test.each([
  ['{"a":{"__proto__":{}}}', '__proto__'],
  ['{"__proto__":1}', '__proto__'],
  ['[1,[2,1e999]]', 'too large'],
  ['{"a":9007199254740993}', '2^53'],
  ['{"a":"\\ud800"}', 'Unicode'],
  ['{"\\udc00":1}', 'Unicode'],
])('the value %s is refused, as readers differ on it', (text, words) => {
  expect(valueFault(JSON.parse(text), { exactNumbers: true })).toContain(words);
});

test('times are read as they are written', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4e9 }), (seconds) => {
      expect(parseTime(timeText(seconds * 1_000))).toBe(seconds * 1_000);
    }),
  );
});

test.each([
  'acme',
  'acme/',
  '/site',
  'a/b/c',
  'acme/..',
  'acme/site.git',
  '-a/b',
  'a b/c',
  'acme/si te',
  'acme/x\n',
])('"%s" is no repository', (text) => {
  expect(() => parseRepository(text)).toThrow();
});

test.each(['app released', 'App released: all of them!', 'x'.repeat(100)])(
  '"%s" is an event type',
  (text) => {
    expect(parseEventType(text)).toBe(text);
  },
);

test.each(['', ' a', 'a ', 'x'.repeat(101), 'ü', 'a\n', 'a\u00a0b'])('"%s" is no event type', (text) => {
  expect(() => parseEventType(text)).toThrow();
});
