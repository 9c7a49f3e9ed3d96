import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  accessHash,
  encodedKey,
  keyOf,
  keyOfPath,
  linkAt,
  nameProblem,
  parseKey,
  secretKeyOf,
  secretProblem,
  secretWeakness,
} from '../src/index.ts';

const secret = 'a secret of a test, long enough for anything';
const schemes = ['window-hmac', 'window-sha256', 'cloudfront-signed'] as const;
const segment = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 40 })
  .filter((text) => nameProblem(text) === undefined);

describe('keys', () => {
  test('are read as they are made, in every scheme, and through the path of a URL', () => {
    // Without one, keys begin with the window.
    const prefixes = fc.oneof(segment, fc.constantFrom('', 'a/b'));
    const parts = fc.record({ window: fc.nat(100_000_000), platform: segment, file: segment });
    fc.assert(
      fc.property(fc.constantFrom(...schemes), parts, prefixes, (scheme, download, prefix) => {
        const hash = scheme === 'cloudfront-signed' ? undefined : accessHash(scheme, secret, download);
        const key = keyOf({ prefix }, { ...download, hash });
        expect(parseKey({ scheme, prefix }, key)).toEqual({ ...download, hash });
        expect(keyOfPath(`/${encodedKey(key)}`)).toBe(key);
        expect(encodedKey(key)).toMatch(/^[\w.~%/-]+$/);
        // No other scheme takes it for its own.
        for (const other of schemes.filter((one) => one !== scheme)) {
          expect(parseKey({ scheme: other, prefix }, key)).toBeUndefined();
        }
      }),
    );
  });

  test.each([
    'downloads/40911/0123456789abcdef/macos/app.zip/more',
    'downloads/40911/0123456789abcdef/macos',
    'downloads/40911/0123456789abcdef/macos/',
    'downloads/40911/0123456789abcdef//app.zip',
    'downloads/40911/0123456789abcdef/../app.zip',
    'downloads/40911/0123456789ABCDEF/macos/app.zip',
    'downloads/40911/0123456789abcde/macos/app.zip',
    'downloads/40911/0123456789abcdef0/macos/app.zip',
    'downloads/040911/0123456789abcdef/macos/app.zip',
    'downloads/-1/0123456789abcdef/macos/app.zip',
    'downloads/+1/0123456789abcdef/macos/app.zip',
    'downloads/1e9/0123456789abcdef/macos/app.zip',
    'downloads/0x9f/0123456789abcdef/macos/app.zip',
    'downloads/ 1/0123456789abcdef/macos/app.zip',
    'downloads/1.0/0123456789abcdef/macos/app.zip',
    'downloads/../0123456789abcdef/macos/app.zip',
    'downloads/9999999999999/0123456789abcdef/macos/app.zip',
    'downloads/٤٠/0123456789abcdef/macos/app.zip',
    '/downloads/40911/0123456789abcdef/macos/app.zip',
    'download/40911/0123456789abcdef/macos/app.zip',
    '40911/0123456789abcdef/macos/app.zip',
  ])('I8: %j is none', (key) => {
    expect(parseKey({ scheme: 'window-sha256' }, key)).toBeUndefined();
  });

  test('I8: no text makes reading one fail', () => {
    const hostile = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc
        .array(fc.oneof(fc.string(), fc.constantFrom('downloads', '..', '1', '%')), { maxLength: 7 })
        .map((parts) => parts.join('/')),
    );
    fc.assert(
      fc.property(fc.constantFrom(...schemes), hostile, (scheme, text) => {
        parseKey({ scheme }, text);
        keyOfPath(text);
      }),
    );
  });

  test('a path with an encoded slash, or that is no encoding, is of no key', () => {
    for (const path of ['', 'downloads', '/a%2Fb', '/%', '/%ff', '/%zz'])
      expect(keyOfPath(path)).toBeUndefined();
  });
});

describe('hashes', () => {
  const download = { window: 40_911, platform: 'macos', file: 'app.zip' };

  test('of window-sha256 open all files of a platform, and those of window-hmac one', () => {
    const other = { ...download, file: 'other.zip' };
    expect(accessHash('window-sha256', secret, download)).toBe(accessHash('window-sha256', secret, other));
    expect(accessHash('window-hmac', secret, download)).not.toBe(accessHash('window-hmac', secret, other));
    expect(accessHash('window-hmac', secret, download)).toMatch(/^[0-9a-f]{32}$/);
  });

  test('of window-hmac are others for another length, window, platform, file or secret, however they are split', () => {
    const hashes = [
      accessHash('window-hmac', secret, download),
      accessHash('window-hmac', secret, { ...download, lengthSeconds: 86_400 }),
      accessHash('window-hmac', secret, { ...download, window: 40_912 }),
      accessHash('window-hmac', secret, { ...download, platform: 'macos:' }),
      accessHash('window-hmac', secret, { ...download, platform: 'macosapp', file: '.zip' }),
      accessHash('window-hmac', `${secret}!`, download),
    ];
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  test('are made of no names that split the message, and with no secret that is too short', () => {
    for (const name of ['', '.', '..', 'a/b', 'a\\b', 'a\nb', 'a\0b', '\ud800', 'x'.repeat(256)]) {
      expect(() => accessHash('window-hmac', secret, { ...download, file: name }), name).toThrow(RangeError);
      expect(() => accessHash('window-sha256', secret, { ...download, platform: name })).toThrow(RangeError);
    }
    expect(() => accessHash('window-hmac', 'x'.repeat(31), download)).toThrow('fewer than 32 bytes');
    expect(() => accessHash('window-sha256', '', download)).toThrow('it is empty');
    expect(() => accessHash('window-hmac', secret, { ...download, window: -1 })).toThrow(RangeError);
  });

  test('secrets are measured in bytes, and weak ones are told', () => {
    expect(secretProblem('window-hmac', 'ü'.repeat(16))).toBeUndefined();
    expect(secretProblem('window-hmac', 'ü'.repeat(15))).toContain('32 bytes');
    expect(secretProblem('window-sha256', 'short')).toBeUndefined();
    expect(secretWeakness('short')).toContain('32 bytes');
    expect(secretWeakness('abab'.repeat(20))).toContain('few different');
    expect(secretWeakness(secret)).toBeUndefined();
  });
});

test('the link of a base URL of any length is made in one go', () => {
  // A search that begins again at each slash would take minutes.
  const baseUrl = `https://cdn.example.org/${'/'.repeat(400_000)}x//`;
  const place = { scheme: 'window-sha256' as const, secret, platform: 'linux', file: 'a.zip' };
  expect(linkAt({ ...place, timeMs: 0, baseUrl }).url).toContain('/x/downloads/');
});

test('the link of a time is of its window, below the base URL', () => {
  const link = linkAt({
    scheme: 'window-hmac',
    secret,
    platform: 'linux x64',
    file: 'app (1).zip',
    timeMs: Date.UTC(2026, 0, 2, 12),
    baseUrl: 'https://cdn.example.org/files/',
  });
  const hash = accessHash('window-hmac', secret, {
    window: 40_911,
    platform: 'linux x64',
    file: 'app (1).zip',
  });
  expect(link).toMatchObject({
    key: secretKeyOf({ scheme: 'window-hmac' }, secret, {
      window: 40_911,
      platform: 'linux x64',
      file: 'app (1).zip',
    }),
    url: `https://cdn.example.org/files/downloads/40911/${hash}/linux%20x64/app%20%281%29.zip`,
    window: { number: 40_911 },
  });
});
