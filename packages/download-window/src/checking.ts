import { timingSafeEqual } from 'node:crypto';
import { type KeyPlace, keyOfPath, parseKey } from './keys.ts';
import { accessHash, type SecretPathScheme } from './schemes.ts';
import { windowNumbered } from './windows.ts';

const defaultToleranceMs = 3_600_000;
const defaultGraceMs = 36 * 3_600_000;

export interface PathCheck extends KeyPlace {
  readonly scheme: SecretPathScheme;
  /** The valid secrets: one, or two while one is being replaced. */
  readonly secrets: readonly [string] | readonly [string, string];
  /** Now, in milliseconds since 1970. */
  readonly timeMs: number;
  readonly lengthSeconds?: number | undefined;
  /** How long a link works after its window has ended, at least for the tolerance: 36 hours when not given. */
  readonly graceMs?: number | undefined;
  /** How far the clock that made a link may differ from this one: an hour when not given. */
  readonly toleranceMs?: number | undefined;
}

/** `reason` is for logs: the answer to the request should only say that there is no such file. */
export type CheckedPath =
  | {
      readonly allowed: true;
      readonly key: string;
      readonly window: number;
      readonly platform: string;
      readonly file: string;
    }
  | { readonly allowed: false; readonly reason: 'not-a-link' | 'wrong-hash' | 'too-early' | 'too-late' };

/**
 * Whether the path of a request, percent-encoded and without its query, may be answered with the file: its hash is made with one
 * of the secrets, and its window is the current one or was until lately. Takes the same time for any hash of the right
 * form, and always computes with every secret. Throws a `RangeError` for secrets that cannot be used.
 */
export function checkPath(path: string, check: PathCheck): CheckedPath {
  const key = keyOfPath(path);
  const parsed = key === undefined ? undefined : parseKey(check, key);
  if (key === undefined || parsed?.hash === undefined) return { allowed: false, reason: 'not-a-link' };
  const { window, platform, file, hash } = parsed;
  const { timeMs, lengthSeconds, graceMs = defaultGraceMs, toleranceMs = defaultToleranceMs } = check;
  let times: { readonly startsAtMs: number; readonly endsAtMs: number };
  try {
    times = windowNumbered(window, lengthSeconds);
  } catch {
    return { allowed: false, reason: 'too-early' };
  }
  const asked = Buffer.from(hash);
  const matches = check.secrets.map((secret) =>
    timingSafeEqual(asked, Buffer.from(accessHash(check.scheme, secret, { ...parsed, lengthSeconds }))),
  );
  if (!matches.includes(true)) return { allowed: false, reason: 'wrong-hash' };
  if (timeMs < times.startsAtMs - toleranceMs) return { allowed: false, reason: 'too-early' };
  if (!(timeMs < times.endsAtMs + Math.max(graceMs, toleranceMs)))
    return { allowed: false, reason: 'too-late' };
  return { allowed: true, key, window, platform, file };
}
