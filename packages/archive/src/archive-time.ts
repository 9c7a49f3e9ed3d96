/** The earliest time that the format supports, and the default time of archives. */
const earliestMs = Date.UTC(1980, 0, 1);
const latestMs = Date.UTC(2107, 11, 31, 23, 59, 58);

/**
 * The time that all entries get, in milliseconds since 1970: `SOURCE_DATE_EPOCH`, seconds since 1970, or 1980-01-01. A time outside
 * the range of the format becomes the nearest in it. Throws an `Error` for any other text.
 */
export function archiveTimeMs(sourceDateEpoch: string | undefined): number {
  const text = sourceDateEpoch?.trim() ?? '';
  if (text === '') return earliestMs;
  if (!/^\d{1,12}$/.test(text))
    throw new Error('SOURCE_DATE_EPOCH must be a whole number of seconds since 1970');
  return Math.min(Math.max(Number(text) * 1000, earliestMs), latestMs);
}

/** A time in the format of zips, in UTC: MS-DOS date and time in one number, in steps of two seconds. */
export function dosDateTime(timeMs: number): number {
  const time = new Date(timeMs);
  const date = ((time.getUTCFullYear() - 1980) << 9) | ((time.getUTCMonth() + 1) << 5) | time.getUTCDate();
  const clock =
    (time.getUTCHours() << 11) | (time.getUTCMinutes() << 5) | Math.floor(time.getUTCSeconds() / 2);
  return date * 0x10000 + clock;
}
