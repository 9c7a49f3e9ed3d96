/** The first time that the format knows, and the time of archives unless another one is given. */
const earliestMs = Date.UTC(1980, 0, 1);
const latestMs = Date.UTC(2107, 11, 31, 23, 59, 58);

/**
 * The time that all entries get, in milliseconds since 1970: `SOURCE_DATE_EPOCH`, seconds since 1970, or 1980-01-01. What the
 * format cannot say becomes the nearest that it can. Throws an `Error` for a text that is no such time.
 */
export function archiveTimeMs(sourceDateEpoch: string | undefined): number {
  const text = sourceDateEpoch?.trim() ?? '';
  if (text === '') return earliestMs;
  if (!/^\d{1,12}$/.test(text))
    throw new Error('SOURCE_DATE_EPOCH must be a whole number of seconds since 1970');
  return Math.min(Math.max(Number(text) * 1000, earliestMs), latestMs);
}

/** A time as zips have it, in UTC: date and time of MS-DOS in one number, in steps of two seconds. */
export function dosDateTime(timeMs: number): number {
  const time = new Date(timeMs);
  const date = ((time.getUTCFullYear() - 1980) << 9) | ((time.getUTCMonth() + 1) << 5) | time.getUTCDate();
  const clock =
    (time.getUTCHours() << 11) | (time.getUTCMinutes() << 5) | Math.floor(time.getUTCSeconds() / 2);
  return date * 0x10000 + clock;
}
