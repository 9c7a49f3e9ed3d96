import { UserError } from './errors.ts';

const sizeUnits: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

const durationUnitsMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1e3,
  m: 60e3,
  h: 3_600e3,
  d: 86_400e3,
};

/** `"5 MiB"`, `"1GB"` or `"1024"` as a number of bytes. Throws `UserError` `input-invalid` for anything else. */
export function parseSizeBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim());
  const factor = sizeUnits[match?.[2]?.toLowerCase() ?? '?'];
  const bytes = Number(match?.[1]) * (factor ?? Number.NaN);
  if (!Number.isSafeInteger(Math.round(bytes))) {
    throw new UserError('input-invalid', `"${text}" is not a size`, {
      hint: 'Write it like 5MiB, 1GB or 1024.',
    });
  }
  return Math.round(bytes);
}

/** `"90s"`, `"15m"` or `"1h30m"` as milliseconds. Throws `UserError` `input-invalid` for anything else. */
export function parseDurationMs(text: string): number {
  const trimmed = text.trim().toLowerCase();
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(trimmed)) {
    throw new UserError('input-invalid', `"${text}" is not a duration`, {
      hint: 'Write it like 90s, 15m, 1h30m or 7d.',
    });
  }
  let totalMs = 0;
  for (const [, amount, unit] of trimmed.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    totalMs += Number(amount) * (durationUnitsMs[unit ?? ''] ?? 0);
  }
  return totalMs;
}

/** Bytes for display: `"1.4 MiB"`, `"512 B"`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 2 : 1)} ${units[unit]}`;
}

const durationSteps = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
  ['s', 1],
] as const;
/** Days below two are shown in hours, as inputs are written: `24 h`. */
const minSecondsInDays = 2 * 86_400;

/** Milliseconds for display, in the two largest units: `"340 ms"`, `"2.1 s"`, `"3 min 20 s"`, `"24 h"`, `"30 d"`. */
export function formatDuration(ms: number): string {
  if (Math.round(ms) < 1_000) return `${Math.round(ms)} ms`;
  if (Math.round(ms / 100) < 600) return `${(ms / 1_000).toFixed(1)} s`;
  const rounded = Math.round(ms / 1_000);
  const steps = rounded < minSecondsInDays ? durationSteps.slice(1) : durationSteps;
  const first = steps.findIndex(([, seconds]) => rounded >= seconds);
  const [large, small] = steps.slice(first);
  if (large === undefined) return `${rounded} s`;
  const count = Math.floor(rounded / large[1]);
  const rest = small === undefined ? 0 : Math.floor((rounded % large[1]) / small[1]);
  return rest === 0 ? `${count} ${large[0]}` : `${count} ${large[0]} ${rest} ${small?.[0]}`;
}

/** `1 entry`, `2 entries`: the count with the matching form of the noun. */
export function counted(count: number, singular: string, plural = `${singular}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? singular : plural}`;
}
