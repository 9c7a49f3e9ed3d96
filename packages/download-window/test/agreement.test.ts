import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { secretKeyOf } from '../src/index.ts';

interface Case {
  readonly secret: string;
  readonly window: number;
  readonly platform: string;
  readonly file: string;
  readonly length: number;
}

const cases = 10_000;
/** As a site in another language has it: nothing but the standard library, and none of our code. */
const python = `
import hashlib, hmac, json, sys
for case in json.load(sys.stdin):
    secret, window, platform, name, length = (case[k] for k in ("secret", "window", "platform", "file", "length"))
    plain = f"{secret}:download-access:{window}:{platform}".encode()
    short = hashlib.sha256(plain).hexdigest()[:16]
    lines = ["slipway-download-v1", str(length), str(window), platform, name]
    long = hmac.new(secret.encode(), "\\n".join(lines).encode(), hashlib.sha256).hexdigest()[:32]
    print(f"downloads/{window}/{short}/{platform}/{name}")
    print(f"downloads/{window}/{long}/{platform}/{name}")
`;

/** What quoting, encodings and joining get wrong. */
const awkward = fc.constantFrom(
  ...[
    '"',
    "'",
    '$HOME',
    '`id`',
    ':',
    '::',
    '%',
    '%2F',
    '\\',
    ' ',
    '\t',
    'ü',
    '日本',
    '🚢',
    'e\u0301',
    '\u202e',
    '#',
    '&',
    '=',
    '+',
  ],
  ...['download-access', ':download-access:', '\u0000', '\n', '𝒳'],
);
const text = fc
  .array(fc.oneof(fc.string({ unit: 'binary', maxLength: 20 }), fc.string({ maxLength: 40 }), awkward), {
    minLength: 1,
    maxLength: 8,
  })
  .map((pieces) => pieces.join('').toWellFormed());
const secret = fc
  .oneof(text, fc.string({ minLength: 1_000, maxLength: 5_000 }))
  .map((value) => value.padEnd(32, '-'));
const name = text
  .map((value) => [...value.replace(/[/\\\u0000-\u001f\u007f]/g, '_')].slice(0, 60).join(''))
  .filter((value) => value !== '' && value !== '.' && value !== '..');
const download: fc.Arbitrary<Case> = fc.record({
  secret,
  window: fc.oneof(fc.nat(100_000), fc.constantFrom(0, 1, 40_911, 99_999_999)),
  platform: fc.oneof(fc.constantFrom('macos', 'linux-x64', 'windows-x64'), name),
  file: fc.oneof(fc.constantFrom('app.zip', 'Setup 1.2 (x64).exe'), name),
  length: fc.constantFrom(43_200, 86_400, 3_600, 60),
});

test(`${cases.toLocaleString('en-US')} random cases agree with an independent implementation (python3)`, () => {
  const sample = fc.sample(download, { numRuns: cases, seed: 43_200 });
  const printed = execFileSync('python3', ['-c', python], {
    input: JSON.stringify(sample),
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], PYTHONIOENCODING: 'utf-8' },
    maxBuffer: 2 ** 28,
  });
  const theirs = printed.split('\n').slice(0, -1);
  const ours = sample.flatMap((one) => [
    secretKeyOf({ scheme: 'window-sha256' }, one.secret, one),
    secretKeyOf({ scheme: 'window-hmac' }, one.secret, { ...one, lengthSeconds: one.length }),
  ]);
  expect(theirs).toHaveLength(2 * cases);
  expect(ours).toEqual(theirs);
}, 120_000);

describe('the pipelines that the README has', () => {
  const samples = fc
    .sample(download, { numRuns: 40, seed: 1 })
    .map((one) => ({ ...one, secret: one.secret.replaceAll('\0', '0') }));

  test('window-sha256 is openssl dgst of SECRET:download-access:WINDOW:PLATFORM', () => {
    const pipeline =
      'printf %s "$SECRET:download-access:$WINDOW:$PLATFORM" | openssl dgst -sha256 -r | cut -c1-16';
    for (const one of samples) {
      const hash = shell(pipeline, { SECRET: one.secret, WINDOW: `${one.window}`, PLATFORM: one.platform });
      expect(secretKeyOf({ scheme: 'window-sha256' }, one.secret, one)).toBe(
        `downloads/${one.window}/${hash}/${one.platform}/${one.file}`,
      );
    }
  });

  test('window-hmac is openssl dgst -hmac of five lines', () => {
    const pipeline =
      'printf \'slipway-download-v1\\n%s\\n%s\\n%s\\n%s\' "$LENGTH" "$WINDOW" "$PLATFORM" "$FILE" | openssl dgst -sha256 -r -hmac "$SECRET" | cut -c1-32';
    for (const one of samples) {
      const { window, platform, file, length } = one;
      const hash = shell(pipeline, {
        SECRET: one.secret,
        LENGTH: `${length}`,
        WINDOW: `${window}`,
        PLATFORM: platform,
        FILE: file,
      });
      const download = { ...one, lengthSeconds: length };
      expect(secretKeyOf({ scheme: 'window-hmac' }, one.secret, download)).toBe(
        `downloads/${window}/${hash}/${platform}/${file}`,
      );
    }
  });
});

function shell(pipeline: string, environment: Readonly<Record<string, string>>): string {
  const options = { encoding: 'utf8', env: { PATH: process.env['PATH'], ...environment } } as const;
  return execFileSync('sh', ['-c', pipeline], options).trim();
}
