import { describe, expect, test } from 'vitest';
import { parseFieldLines, parsePayload, parseTargets } from '../src/parsers.ts';
import { type PlanInput, plan, type SendStep } from '../src/plan.ts';

const issuedAtMs = Date.parse('2027-01-31T12:00:00Z');

function input(changes: Partial<PlanInput> = {}): PlanInput {
  return {
    targets: ['acme/site'],
    eventType: 'app-released',
    parts: [{ input: 'payload', own: { channel: 'stable' } }],
    subject: { version: '1.4.0' },
    source: { repository: 'acme/app', runId: '4711', runAttempt: 1 },
    id: undefined,
    runId: '4711',
    mayBeKnown: false,
    issuedAtMs,
    expiresInMs: 3_600_000,
    signatureBytes: 112,
    wait: false,
    ...changes,
  };
}

const sendsOf = (changes: Partial<PlanInput> = {}): readonly SendStep[] =>
  plan(input(changes)).steps.filter((step) => step.kind === 'send');

describe('a plan', () => {
  test('is JSON, with a message for each target and then the waits', () => {
    const planned = plan(input({ targets: ['acme/site', 'acme/mirror'], wait: true }));
    expect(JSON.parse(JSON.stringify(planned))).toEqual(planned);
    expect(planned.steps.map(({ kind, target }) => `${kind} ${target}`)).toEqual([
      'send acme/site',
      'send acme/mirror',
      'wait acme/site',
      'wait acme/mirror',
    ]);
    const [first, second] = sendsOf({ targets: ['acme/site', 'acme/mirror'] });
    expect(first?.payload).toEqual({
      channel: 'stable',
      slipway: {
        format: 'slipway-dispatch-1',
        id: first?.id,
        event: 'app-released',
        audience: 'acme/site',
        issuedAt: '2027-01-31T12:00:00Z',
        expiresAt: '2027-01-31T13:00:00Z',
        source: { repository: 'acme/app', runId: '4711', runAttempt: 1 },
        version: '1.4.0',
      },
    });
    expect(second?.id).not.toBe(first?.id);
  });

  test('has the same message when the run is rerun, and another in another run', () => {
    const [first] = sendsOf();
    const again = { issuedAtMs: issuedAtMs + 7_200_000, mayBeKnown: true };
    const source = { repository: 'acme/app', runId: '4711', runAttempt: 2 };
    expect(sendsOf({ ...again, source })[0]?.id).toBe(first?.id);
    expect(sendsOf({ runId: '4712' })[0]?.id).not.toBe(first?.id);
    expect(sendsOf({ id: 'my-own-id' })[0]?.id).toBe('my-own-id');
  });

  test('outside of GitHub, has the same message for the same contents, and looks for it first', () => {
    const source = { repository: 'acme/app' };
    const outside = { runId: undefined, source, mayBeKnown: true };
    const [first] = sendsOf(outside);
    const later = { ...outside, issuedAtMs: issuedAtMs + 7_200_000, expiresInMs: 60_000 };
    expect(sendsOf(later)[0]?.id).toBe(first?.id);
    const url = (host: string) => [
      { name: 'app.zip', sizeBytes: 3, sha256: 'a'.repeat(64), url: `https://${host}/x` },
    ];
    const withArtifacts = (host: string) =>
      sendsOf({ ...outside, subject: { version: '1.4.0', artifacts: url(host) } })[0]?.id;
    expect(withArtifacts('a.example.org')).toBe(withArtifacts('b.example.org'));
    const others = [
      { subject: { version: '1.4.1' } },
      { subject: { version: '1.4.0', commit: 'b'.repeat(40) } },
      { source: { repository: 'acme/other' } },
      { eventType: 'app-withdrawn' },
      { targets: ['acme/mirror'] },
      { parts: [{ input: 'payload', own: { channel: 'beta' } }] },
      { runId: '4711' },
    ].map((change) => sendsOf({ ...outside, ...change })[0]?.id);
    expect(new Set([first?.id, withArtifacts('a.example.org'), ...others]).size).toBe(others.length + 2);
  });

  test('reports everything for which GitHub would refuse it at once, before anything is sent', () => {
    const own = {
      ...Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`k${index}`, 'x'.repeat(7_000)])),
      channel: 'x',
    };
    const parts = [
      { input: 'payload', own },
      { input: 'fields', own: { channel: 'y' } },
    ];
    expect(() => plan(input({ parts }))).toThrow(
      /3 problems:\n- the key "channel" is in payload and in fields\n- the payload has 11 keys.*\n- the payload has 70,\d+ bytes/,
    );
  });

  test.each([
    ['{"n":9007199254740993}', '2^53'],
    ['{"a":{"__proto__":1}}', '__proto__'],
    ['{"a":1e999}', 'too large'],
  ])('refuses %s, which readers interpret differently', (text, words) => {
    expect(() => plan(input({ parts: [{ input: 'payload', own: JSON.parse(text) }] }))).toThrow(words);
  });
});

test.each([
  ['acme/site\nacme', '"acme": must be owner/repository'],
  ['acme/site\nACME/site', '"ACME/site": it appears twice'],
  ['a/b\n-\nc', '"-": must be owner/repository; "c"'],
])('the targets %j are refused: %s', (text, words) => {
  expect(() => parseTargets(text)).toThrow(words);
});

test.each([
  ['[1]', 'not a JSON object'],
  ['{"a":1,"a":2}', 'twice'],
  ['{"slipway":{}}', 'reserved for'],
  ['{', 'it ends before its closing "}" (line 1, column 2)'],
])('the payload %s is refused: %s', (text, words) => {
  expect(() => parsePayload(text)).toThrow(words);
});

test.each([
  ['{"message": "Merge\n\nA second line"}', 'the text of "message" has a line break', '(line 1, column 19)'],
  ['{"message": "say "hi""}', 'the value of "message" ends at a quotation mark', '(line 1, column 19)'],
  ['{"a":1,\r\n "b": "x\ty"}', 'the text of "b" has a tab', '(line 2, column 9)'],
  ['{"path": "C:\\app"}', 'the text of "path" has a backslash', '(line 1, column 13)'],
  ['{"version": }', 'the value of "version" is missing', '(line 1, column 13)'],
  ['{"version": 1.2.3}', 'the value of "version" is followed by something else', '(line 1, column 16)'],
])(
  'the payload %j, into which a workflow pasted, is refused with its key, its place and toJSON()',
  (text, ...words) => {
    for (const part of words) expect(() => parsePayload(text)).toThrow(part);
    expect(() => parsePayload(text)).toThrow(
      expect.objectContaining({ hint: expect.stringMatching(/toJSON\(.*payload-file/) }),
    );
  },
);

test('a second line among the fields names the field before it, and what to use', () => {
  expect(() => parseFieldLines('message=Merge\nA second line')).toThrow(
    /"A second line": must be name=value\. A value is one line: if this belongs to "message", .*toJSON.*payload-file/,
  );
  expect(() => parseFieldLines('A line')).toThrow(/^"A line": must be name=value$/);
});

test('fields are lines of names and texts', () => {
  expect(parseFieldLines('# a comment\nchannel = stable\nnotes=a=b\nempty=\n')).toEqual({
    channel: 'stable',
    notes: 'a=b',
    empty: '',
  });
  expect(() => parseFieldLines('x\n1=a\na=1\na=2\nslipway=x')).toThrow(
    /"x": must be name=value; "1=a": a name consists.*; "a=2": "a" appears twice; "slipway=x": .* reserved/,
  );
});
