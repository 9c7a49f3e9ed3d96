import { printable, Redactor } from '@slipway/core';

const maxLines = 3;
const maxLineCharacters = 160;
const mask = '***';
/** What a key or a token may be made of, without what parts words in prose and paths. */
const runs = /[\p{L}\p{N}+=_~-]{8,}/gu;

/**
 * What a program wrote to its standard error, for a person who must find out why it failed: three lines at most, without
 * `secrets` and without whatever looks like a key or a token. The runner takes out what else it knows to be secret.
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

/** Words of prose and names in code are letters; what has digits among them, is all in capitals, or is very long may be a key. */
function maskRun(run: string): string {
  const mayBeKey = /\p{N}/u.test(run) || !/\p{Ll}/u.test(run) || /[+=~]/.test(run) || run.length > 24;
  const mayBeGroups = /^(\p{L}{2,8})([-_]\p{L}{2,8}){2,}$/u.test(run);
  return mayBeKey || mayBeGroups ? mask : run;
}
