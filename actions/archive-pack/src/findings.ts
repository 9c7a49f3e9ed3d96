import { counted, type Problem, printable } from '@slipway/core';
import type { PackedArchive } from './execute.ts';

export type FindingCode = 'executable-bit-missing';

export type Finding = Problem<FindingCode>;

/** Platforms without an executable bit. */
const windows = /^win/i;
const maxNamed = 10;

/**
 * Warns of programs without the executable bit, once for each zip. A program in several zips, such as a universal one, is reported
 * once. Scripts are not reported: many that begin with `#!` are only read.
 */
export function lostExecutableBits(archives: readonly PackedArchive[]): readonly Finding[] {
  const reported = new Set<string>();
  return archives.flatMap(({ name, platform, entries }): readonly Finding[] => {
    if (platform !== undefined && windows.test(platform)) return [];
    const lost = entries.filter(({ program, mode }) => program !== undefined && (mode & 0o111) === 0);
    const fresh = lost.filter(({ sha256 }) => !reported.has(sha256));
    if (fresh.length === 0) return [];
    for (const { sha256 } of fresh) reported.add(sha256);
    const named = fresh.slice(0, maxNamed).map((entry) => `${printable(entry.name, 200)} (${entry.program})`);
    const more = fresh.length - named.length;
    return [
      {
        code: 'executable-bit-missing',
        severity: 'warning',
        key: name,
        message: `${counted(fresh.length, 'program')} without the executable bit, which will not start after unpacking: ${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`,
        hint: 'Name them in "executable", or "chmod +x" them before this step. actions/upload-artifact removes the bit from every file: upload a tar instead, or set the bit again after the download.',
      },
    ];
  });
}
