/** A stretch of time in which one set of paths is the current one. */
export interface DownloadWindow {
  /** `floor(unix seconds / length)`. */
  readonly number: number;
  /** In milliseconds since 1970. */
  readonly startsAtMs: number;
  /** When the next window starts. */
  readonly endsAtMs: number;
}

/** Twelve hours, the length that `window-sha256` has everywhere. */
export const defaultLengthSeconds = 43_200;
/** The last millisecond that `Date` has. */
const maxTimeMs = 8_640_000_000_000_000;

/**
 * The window at a time. Throws a `RangeError` for a time before 1970 or after what `Date` has, and for a length that is no
 * positive whole number of seconds.
 */
export function windowAt(timeMs: number, lengthSeconds: number = defaultLengthSeconds): DownloadWindow {
  if (!(timeMs >= 0 && timeMs <= maxTimeMs)) {
    throw new RangeError('the time is not a number of milliseconds since 1970');
  }
  return windowNumbered(Math.floor(timeMs / lengthMs(lengthSeconds)), lengthSeconds);
}

/** The window of a number. Throws a `RangeError` for what is no whole number from 0, and for times that `Date` does not have. */
export function windowNumbered(number: number, lengthSeconds: number = defaultLengthSeconds): DownloadWindow {
  const startsAtMs = number * lengthMs(lengthSeconds);
  if (!Number.isSafeInteger(number) || number < 0 || startsAtMs > maxTimeMs) {
    throw new RangeError('the number of a window is a whole number from 0, and its time one that there is');
  }
  return { number, startsAtMs, endsAtMs: startsAtMs + lengthMs(lengthSeconds) };
}

function lengthMs(lengthSeconds: number): number {
  if (!Number.isSafeInteger(lengthSeconds) || lengthSeconds < 1 || lengthSeconds > maxTimeMs / 1_000) {
    throw new RangeError('the length of windows is a whole number of seconds, at least one');
  }
  return lengthSeconds * 1_000;
}
