/** A period in which one set of paths is current. */
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
 * The window at a time. Throws a `RangeError` for a time before 1970 or after the range of `Date`, and for a length that is not a
 * positive whole number of seconds.
 */
export function windowAt(timeMs: number, lengthSeconds: number = defaultLengthSeconds): DownloadWindow {
  if (!(timeMs >= 0 && timeMs <= maxTimeMs)) {
    throw new RangeError('the time is not a number of milliseconds since 1970');
  }
  return windowNumbered(Math.floor(timeMs / lengthMs(lengthSeconds)), lengthSeconds);
}

/** The window of a number. Throws a `RangeError` unless it is a whole number from 0 with times in the range of `Date`. */
export function windowNumbered(number: number, lengthSeconds: number = defaultLengthSeconds): DownloadWindow {
  const startsAtMs = number * lengthMs(lengthSeconds);
  if (!Number.isSafeInteger(number) || number < 0 || startsAtMs > maxTimeMs) {
    throw new RangeError(
      'the number of a window must be a whole number from 0 with times in the range of Date',
    );
  }
  return { number, startsAtMs, endsAtMs: startsAtMs + lengthMs(lengthSeconds) };
}

function lengthMs(lengthSeconds: number): number {
  if (!Number.isSafeInteger(lengthSeconds) || lengthSeconds < 1 || lengthSeconds > maxTimeMs / 1_000) {
    throw new RangeError('the length of windows must be a whole number of seconds, at least one');
  }
  return lengthSeconds * 1_000;
}
