import { keyProblem, parseDurationMs, printable } from '@slipway/core';

const maxFiles = 1_000;
const maxShownCharacters = 80;
const minuteMs = 60_000;
const dayMs = 86_400_000;
const maxDays = 31;
const maxMaxAgeMs = 3_600_000;
const minToleranceMs = 10_000;

/** A file that is named in `files`. */
export interface FileLine {
  readonly platform: string;
  readonly path: string;
}

/** Lines `PLATFORM: path`; blank ones and `#` comments are left out. Throws an `Error` that names every line that is not valid. */
export function parseFileLines(text: string): readonly FileLine[] {
  const lines = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  if (lines.length > maxFiles) throw new Error(`it has more than ${maxFiles} files`);
  const problems: string[] = [];
  const files = lines.flatMap((line) => {
    const [, platform = '', path = ''] = /^([^:]*):\s*(.*)$/s.exec(line) ?? [];
    if (path !== '' && segmentProblem(platform.trim()) === undefined) {
      return [{ platform: platform.trim(), path }];
    }
    problems.push(`"${printable(line, maxShownCharacters)}" is not PLATFORM: path`);
    return [];
  });
  if (problems.length > 0) throw new Error(problems.join('; '));
  return files;
}

/** The name of a platform. Throws an `Error` if it cannot be a segment of a key. */
export function parseSegment(text: string): string {
  const problem = segmentProblem(text);
  if (problem !== undefined) throw new Error(problem);
  return text;
}

/** Why a text cannot be one segment of a key, or undefined. */
export function segmentProblem(text: string): string | undefined {
  return text.includes('/') ? 'it has a slash' : keyProblem(text);
}

/** The prefix of keys, without surrounding slashes; empty for `/`, the root. Throws an `Error`. */
export function parsePrefix(text: string): string {
  if (text === '/') return '';
  const prefix = text.replace(/^\/|\/$/g, '');
  const problem = keyProblem(prefix);
  if (problem !== undefined) throw new Error(problem);
  if (/^\.slipway(\/|$)/i.test(prefix)) throw new Error('it is reserved for Slipway');
  return prefix;
}

/**
 * A length of windows in milliseconds: whole minutes that divide a day, or whole days. So windows begin at the same times every
 * day, and the numbers of two lengths are so far apart that `cleanup` recognises objects of another length. Throws an `Error`.
 */
export function parseWindowLength(text: string): number {
  const lengthMs = parseDurationMs(text);
  const dividesDay = lengthMs > 0 && lengthMs % minuteMs === 0 && dayMs % lengthMs === 0;
  const isDays = lengthMs > 0 && lengthMs % dayMs === 0 && lengthMs <= maxDays * dayMs;
  if (!dividesDay && !isDays) {
    throw new Error(
      `it must divide a day into whole minutes, such as 6h or 12h, or be from 1d to ${maxDays}d`,
    );
  }
  return lengthMs;
}

/** How long caches may keep a copy without revalidating: whole seconds, in milliseconds. Throws an `Error`. */
export function parseMaxAge(text: string): number {
  const maxAgeMs = parseDurationMs(text);
  if (maxAgeMs > maxMaxAgeMs) throw new Error('it is longer than 1h');
  return Math.floor(maxAgeMs / 1_000) * 1_000;
}

/** How far clocks may be off, in milliseconds. Clocks that are read one after the other never agree. Throws an `Error`. */
export function parseTolerance(text: string): number {
  const toleranceMs = parseDurationMs(text);
  if (toleranceMs < minToleranceMs || toleranceMs > dayMs) throw new Error('it must be from 10s to 24h');
  return toleranceMs;
}
