import { printable, Redactor } from '@slipway/core';

const maxLines = 3;
const maxLineCharacters = 160;
const mask = '***';
/** Runs of characters that a key or a token may consist of; not those that separate words in prose and paths. */
const runs = /[\p{L}\p{N}+=_~-]{8,}/gu;

/**
 * At most three lines of a program's standard error, to show why it failed, without `secrets` and without anything that
 * looks like a key or a token. The runner removes the other secrets that it knows.
 */
export function excerptOf(stderr: string, secrets: Iterable<string>): string | undefined {
  const redactor = new Redactor();
  for (const secret of secrets) redactor.add(secret);
  const lines = redactor
    .redact(stderr)
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .slice(0, maxLines)
    .map((line) => printable(line.replace(runs, maskRun), maxLineCharacters));
  return lines.length === 0 ? undefined : lines.join('\n');
}

/** Words and names in code are letters. A run with digits, all in capitals, or very long may be a key. */
function maskRun(run: string): string {
  const mayBeKey = /\p{N}/u.test(run) || !/\p{Ll}/u.test(run) || /[+=~]/.test(run) || run.length > 24;
  const mayBeGroups = /^(\p{L}{2,8})([-_]\p{L}{2,8}){2,}$/u.test(run);
  return mayBeKey || mayBeGroups ? mask : run;
}
