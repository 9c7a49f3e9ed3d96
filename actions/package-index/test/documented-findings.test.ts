import { readFileSync } from 'node:fs';
import { indexFindingSeverities } from '@slipway/simple-index';
import { expect, test } from 'vitest';

/** Those that a run does not report: of pages that are read, and of other indexes. */
const others = /^(page-(?!changed)|external-)/;

test('every finding of a run is in the README, with its severity', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const rows = readme.split('\n').filter((line) => line.startsWith('| `'));
  const reported = Object.entries(indexFindingSeverities).filter(([code]) => !others.test(code));
  const isTold = ([code, severity]: readonly [string, string]): boolean =>
    rows.some((row) => row.includes(`\`${code}\``) && row.includes(`(${severity})`));
  expect(reported.filter((one) => !isTold(one))).toEqual([]);
});
