import type { FoundPath } from '@slipway/local-files';
import { describe, expect, it } from 'vitest';
import type { ObservedSource } from '../src/observe.ts';
import { type PlanInputs, plan } from '../src/plan.ts';

const given: PlanInputs = {
  universal: undefined,
  universalLayout: 'flat',
  platforms: [],
  topDirectory: false,
  readmeName: 'README.txt',
  fields: [],
  executable: [],
  requiredEntries: [],
  minimumSize: [],
  maximumSize: [],
  portableNames: 'auto',
};

function source(path: string, names: readonly string[], target?: string): ObservedSource {
  const found = names.map(
    (name): FoundPath => ({ path: `/w/${name}`, name, kind: 'file', sizeBytes: 1, executable: false }),
  );
  return { path, target, found };
}

function namesOf(inputs: Partial<PlanInputs>, ...sources: readonly ObservedSource[]): readonly string[] {
  const archives = [{ name: 'x.zip', sources }];
  const planned = plan({ archives, template: undefined, outputPaths: new Set() }, { ...given, ...inputs });
  expect(planned.problems).toEqual([]);
  return planned.plan.steps.flatMap((step) =>
    step.kind === 'write-archive' ? step.entries.map(({ name }) => `${step.name}: ${name}`) : [],
  );
}

describe('a plan', () => {
  it.each([
    [undefined, 'd', ['d/a', 'd/b'], ['d/a', 'd/b']],
    ['lib', 'd', ['d/a', 'd/b'], ['lib/a', 'lib/b']],
    ['lib/', 'd', ['d/a'], ['lib/d/a']],
    ['lib/', 'd/', ['a'], ['lib/a']],
    ['lib/', 'd/*', ['a', 'b'], ['lib/a', 'lib/b']],
    ['one', 'd/*', ['a'], ['one']],
    ['new', 'x/old', ['old'], ['new']],
  ])('names by the target %j of %s', (target, path, names, wanted) => {
    expect(namesOf({}, source(path, names, target))).toEqual(wanted.map((name) => `x.zip: ${name}`));
  });

  it('has each entry once, sorted by name, in whatever order they were found', () => {
    const shuffled = [source('b', ['b']), source('*', ['a', 'B0', 'b', 'a0'])];
    expect(namesOf({}, ...shuffled)).toEqual(['x.zip: B0', 'x.zip: a', 'x.zip: a0', 'x.zip: b']);
    expect(namesOf({}, ...shuffled.toReversed())).toEqual(namesOf({}, ...shuffled));
  });

  it('writes the universal archive last, and then puts all in place', () => {
    const archives = [{ name: 'x.zip', sources: [source('a', ['a'])] }];
    const { plan: planned } = plan(
      { archives, template: undefined, outputPaths: new Set() },
      { ...given, universal: 'u.zip' },
    );
    expect(planned.steps.map(({ kind }) => kind)).toEqual(['write-archive', 'write-archive', 'put-in-place']);
    expect(planned.steps.at(-1)).toEqual({ kind: 'put-in-place', names: ['x.zip', 'u.zip'] });
  });

  it('is JSON', () => {
    const archives = [{ name: 'x.zip', sources: [source('a', ['a'])] }];
    const { plan: planned } = plan({ archives, template: 'hi', outputPaths: new Set() }, given);
    expect(JSON.parse(JSON.stringify(planned))).toMatchObject({ steps: [{ kind: 'write-archive' }, {}] });
  });
});
