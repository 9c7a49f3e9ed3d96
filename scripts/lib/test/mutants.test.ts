import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { placesOf } from '../mutants/mutant.ts';
import { mutants } from '../mutants/table.ts';
import { type TestReport, verdictOf } from '../mutants/trial.ts';
import { root } from '../workspace.ts';

describe('the list of mutants', () => {
  test('has sixty or more, each under a name of its own', () => {
    expect(mutants.length).toBeGreaterThanOrEqual(60);
    const names = mutants.map(({ member, name }) => `${member}: ${name}`);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  test.each(mutants)('finds its text once, and changes code: $member, $name', (mutant) => {
    const places = placesOf(mutant, root);
    expect(places.map(({ file }) => file)).toHaveLength(1);
    const [place] = places;
    if (place === undefined) return;
    const source = readFileSync(join(root, place.file), 'utf8');
    const changed = source.slice(0, place.start) + mutant.replacement + source.slice(place.end);
    const codeOf = (text: string): string => stripTypeScriptTypes(text);
    expect(codeOf(changed)).not.toBe(codeOf(source));
  });

  test('names test files that are there', () => {
    const files = new Set(mutants.flatMap(({ tests }) => tests));
    expect([...files].filter((file) => !existsSync(join(root, file)))).toEqual([]);
  });
});

describe('a text is found', () => {
  function placesIn(files: Readonly<Record<string, string>>, text: string): readonly string[] {
    const directory = mkdtempSync(join(tmpdir(), 'mutants-'));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    for (const [name, content] of Object.entries(files)) {
      const path = join(directory, 'packages/x', name);
      mkdirSync(join(path, '..'), { recursive: true });
      writeFileSync(path, content);
    }
    return placesOf({ member: 'packages/x', text }, directory).map(
      ({ file, start, end }) => `${file} ${start}-${end}`,
    );
  }

  test('in whatever file of the sources it is, and however it is wrapped', () => {
    const files = {
      'src/a.ts': 'x',
      'src/b/c.ts': 'if (a &&\n    b[0] > 1) return;',
      'test/d.ts': 'a && b[0] > 1',
    };
    expect(placesIn(files, 'a && b[0] > 1')).toEqual(['packages/x/src/b/c.ts 4-21']);
  });

  test('as often as it occurs', () => {
    expect(placesIn({ 'src/a.ts': 'a(1); a(1);', 'src/b.ts': 'a(1);' }, 'a(1);')).toHaveLength(3);
    expect(placesIn({ 'src/a.ts': 'a(1)' }, 'a(2)')).toEqual([]);
  });
});

describe('what a run of the tests proves of a mutant', () => {
  const report = (...statuses: readonly string[]): TestReport => ({
    testResults: [
      {
        name: 'a.test.ts',
        assertionResults: statuses.map((status, index) => ({ status, fullName: `test ${index}` })),
      },
    ],
  });

  test('it is killed by a test that fails, or that does not end', () => {
    expect(verdictOf(report('passed', 'failed'))).toEqual({ outcome: 'killed', detail: 'test 1' });
    expect(verdictOf(undefined)).toMatchObject({ outcome: 'killed' });
  });

  test('it survives when all pass, or when what fails does so anyway', () => {
    expect(verdictOf(report('passed', 'skipped'))).toMatchObject({ outcome: 'survived' });
    expect(verdictOf(report('passed', 'failed'), new Set(['test 1']))).toMatchObject({ outcome: 'survived' });
  });

  test('nothing is proven by files that cannot be loaded, or whose tests are all skipped', () => {
    expect(verdictOf(report())).toMatchObject({ outcome: 'invalid' });
    expect(verdictOf(report('skipped'))).toMatchObject({ outcome: 'invalid' });
  });
});
