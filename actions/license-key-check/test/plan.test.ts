import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { plan } from '../src/plan.ts';
import { report } from '../src/report.ts';

describe('the plan', () => {
  test('measures the files with the suffix, in the order of their names', () => {
    expect(plan(['b.gz', 'a.gz', 'c.txt'], '.gz').steps.map(({ path }) => path)).toEqual(['a.gz', 'b.gz']);
  });

  test('measures every file without a suffix', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string()), (names) => {
        expect(plan(names, undefined).steps.map(({ path }) => path)).toEqual(names.toSorted());
      }),
    );
  });
});

describe('the report', () => {
  const planned = plan(['a', 'b'], undefined);

  test('adds up the sizes', () => {
    const measured = [
      { path: 'b', sizeBytes: 2 },
      { path: 'a', sizeBytes: 1 },
    ];
    const { outputs, summary } = report(planned, { measured, failure: undefined }, undefined);
    expect(outputs).toEqual({ files: 2, 'total-bytes': 3 });
    expect(summary.at(-1)).toMatchObject({
      rows: [
        ['a', '1 B'],
        ['b', '2 B'],
      ],
    });
  });

  test('of a dry run lists what would be done', () => {
    const { outputs, summary } = report(planned, undefined, undefined);
    expect(outputs).toEqual({ files: 0, 'total-bytes': 0 });
    expect(summary).toContainEqual({ kind: 'text', text: '2 files would be measured.' });
  });
});
