import type { Reading } from './ask.ts';
import type { VerdictRule } from './plan.ts';

/** The generator: its whole output is the key, but for one line end; of many, `{"key": "…"}` a line. */
export const keyReading: Reading<string> = {
  ofProcess: (status, stdout) =>
    status === 0 ? { answer: withoutLineEnd(stdout) } : { wrong: `ended with the status ${status}` },
  ofLine: (line) => {
    const key = fieldOf(line, 'key');
    return typeof key === 'string' ? { answer: key } : { wrong: 'printed a line that is no {"key": "…"}' };
  },
};

/** The validator: whether it accepts. */
export function verdictReading(rule: VerdictRule): Reading<boolean> {
  return {
    ofProcess: (status, stdout) => verdictOf(rule, status, stdout),
    ofLine: (line) => {
      const valid = fieldOf(line, 'valid');
      return typeof valid === 'boolean'
        ? { answer: valid }
        : { wrong: 'printed a line that is neither {"valid": true} nor {"valid": false}' };
    },
  };
}

function verdictOf(
  rule: VerdictRule,
  status: number,
  stdout: string,
): { readonly answer: boolean } | { readonly wrong: string } {
  if (rule.kind === 'output') {
    const printed = stdout.trim();
    if (printed === rule.accepted) return { answer: true };
    if (printed === rule.rejected) return { answer: false };
    return { wrong: `printed neither accepted-output nor rejected-output (status ${status})` };
  }
  if (status === 0) return { answer: true };
  const rejected = rule.kind === 'status' ? rule.rejected : [];
  if (rejected.includes(status)) return { answer: false };
  return {
    wrong: `ended with the status ${status}, which is neither 0 nor in rejected-status (${rejected.join(', ')})`,
  };
}

function withoutLineEnd(text: string): string {
  return text.replace(/\r?\n$/, '');
}

function fieldOf(value: unknown, field: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return Object.entries(value).find(([name]) => name === field)?.[1];
}
