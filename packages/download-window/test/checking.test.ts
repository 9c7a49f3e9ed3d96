import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkPath, encodedKey, nameProblem, secretKeyOf, windowNumbered } from '../src/index.ts';

const current = 'the secret that is used for new links';
const previous = 'the secret that was used until lately';
const window = windowNumbered(40_911);
const hourMs = 3_600_000;
const schemes = ['window-hmac', 'window-sha256'] as const;

function pathOf(
  scheme: (typeof schemes)[number],
  secret: string,
  download = { window: window.number, platform: 'macos', file: 'app.zip' },
): string {
  return `/${encodedKey(secretKeyOf({ scheme }, secret, download))}`;
}

describe.each(schemes)('%s', (scheme) => {
  const check = { scheme, secrets: [current, previous], timeMs: window.startsAtMs + hourMs } as const;
  const path = pathOf(scheme, current);

  test('a link of either secret is allowed, and of no other', () => {
    const allowed = { allowed: true, window: window.number, platform: 'macos', file: 'app.zip' };
    expect(checkPath(path, check)).toEqual({ ...allowed, key: path.slice(1) });
    expect(checkPath(pathOf(scheme, previous), check)).toMatchObject(allowed);
    expect(checkPath(pathOf(scheme, previous), { ...check, secrets: [current] })).toEqual({
      allowed: false,
      reason: 'wrong-hash',
    });
    expect(checkPath(pathOf(scheme, 'a secret that never was one of theirs'), check)).toMatchObject({
      reason: 'wrong-hash',
    });
  });

  test('any link that is made is allowed in its window, and no other digit of its hash is', () => {
    const name = fc
      .string({ unit: 'binary', minLength: 1 })
      .filter((text) => nameProblem(text) === undefined);
    const secret = fc.string({ minLength: 32 });
    const digit = fc.nat({ max: scheme === 'window-hmac' ? 31 : 15 });
    fc.assert(
      fc.property(name, name, secret, digit, (platform, file, one, place) => {
        const made = pathOf(scheme, one, { window: window.number, platform, file });
        const its = { ...check, secrets: [one] as const };
        expect(checkPath(made, its)).toMatchObject({ allowed: true, platform, file });
        const at = '/downloads/40911/'.length + place;
        const flipped = made.slice(0, at) + (made[at] === '0' ? '1' : '0') + made.slice(at + 1);
        expect(checkPath(flipped, its)).toEqual({ allowed: false, reason: 'wrong-hash' });
      }),
    );
  });

  test.each([
    ['an hour before it starts', window.startsAtMs - hourMs, true],
    ['more than an hour before', window.startsAtMs - hourMs - 1, 'too-early'],
    ['in 1970', 0, 'too-early'],
    ['48 hours after it began, less a moment', window.startsAtMs + 48 * hourMs - 1, true],
    ['48 hours after it began', window.startsAtMs + 48 * hourMs, 'too-late'],
    ['at a time that is none', Number.NaN, 'too-late'],
  ])('%s', (_, timeMs, expected) => {
    const checked = checkPath(path, { ...check, timeMs });
    expect(checked.allowed || checked.reason).toBe(expected);
  });

  test('grace and tolerance are as they are said to be, and tolerance counts at both ends', () => {
    const strict = { ...check, graceMs: 0, toleranceMs: 60_000 };
    const at = (timeMs: number) => checkPath(path, { ...strict, timeMs }).allowed;
    expect(at(window.startsAtMs - 60_000)).toBe(true);
    expect(at(window.startsAtMs - 60_001)).toBe(false);
    expect(at(window.endsAtMs + 59_999)).toBe(true);
    expect(at(window.endsAtMs + 60_000)).toBe(false);
  });

  test('I8: what is no link is refused, whatever it is', () => {
    fc.assert(
      fc.property(fc.oneof(fc.webPath(), fc.string({ unit: 'binary' })), (text) => {
        expect(checkPath(text, check)).toEqual({ allowed: false, reason: 'not-a-link' });
      }),
    );
    const hash = path.split('/')[3] ?? '';
    for (const hostile of [
      `/downloads/999999999999/${hash}/macos/app.zip`,
      `/downloads/40911/${hash}/macos/..%2f..%2fetc`,
      `/downloads/40911/${hash}/%2e%2e/app.zip`,
      `/downloads/40911/${hash.toUpperCase()}x/macos/app.zip`,
      `${path}?x`,
      `${path}/`,
      `/${path}`,
    ]) {
      expect(checkPath(hostile, check).allowed, hostile).toBe(false);
    }
  });

  test('a secret that cannot be used is an error, and not a door', () => {
    expect(() => checkPath(path, { ...check, secrets: [current, ''] })).toThrow(RangeError);
  });
});
