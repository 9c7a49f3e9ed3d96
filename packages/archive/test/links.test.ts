import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { temporaryDirectory } from '@slipway/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findNameClashes, LinkTree, linkProblem, type NamedEntry } from '../src/index.ts';

type Entry = NamedEntry & { readonly target?: string };
const file = (name: string): Entry => ({ name, kind: 'file' });
const link = (name: string, target: string): Entry => ({ name, kind: 'link', target });

function problemOf(name: string, target: string, ...others: readonly Entry[]): string | undefined {
  return linkProblem({ name, target }, new LinkTree([link(name, target), ...others]));
}

describe('a symbolic link', () => {
  it('may lead to what is in the archive, through other links too', () => {
    const framework = [
      file('F.framework/Versions/A/F'),
      link('F.framework/Versions/Current', 'A'),
      link('F.framework/F', 'Versions/Current/F'),
    ];
    for (const { name, target } of framework) {
      if (target !== undefined) expect(problemOf(name, target, ...framework)).toBeUndefined();
    }
    expect(problemOf('a/b', '../c', file('c'))).toBeUndefined();
    expect(problemOf('a', 'd', { name: 'd', kind: 'directory' })).toBeUndefined();
    expect(problemOf('a', '.', file('c'))).toBeUndefined();
  });

  it.each([
    ['a', '/etc/passwd', 'absolute'],
    ['a', '../a', 'out of the archive'],
    ['a/b', '../../c', 'out of the archive'],
    ['a/b', '../a/../../c', 'out of the archive'],
    ['a', 'nowhere', 'not in the archive'],
    ['a', '', 'nowhere'],
    ['a', 'b\nc', 'paths cannot contain'],
    ['a', 'C:/x', 'absolute'],
    ['a', '..\\x', 'paths cannot contain'],
    ['a', 'a', 'circle'],
    ['a', 'nowhere/..', 'not in the archive'],
  ])('%s may not say %j', (name, target, words) => {
    expect(problemOf(name, target)).toContain(words);
  });

  it('may not lead out through another, or in a circle', () => {
    expect(problemOf('a', 'out/passwd', link('out', '/etc'))).toContain('through another');
    expect(problemOf('d/a', 'up/../x', link('d/up', '..'), file('x'))).toContain('out of the archive');
    expect(problemOf('a', 'b', link('b', 'a'))).toContain('circle');
    expect(problemOf('a', 'b/.', file('b'))).toContain('through a file');
  });

  it('may lead through forty others, and no more', () => {
    const chain = (length: number): readonly Entry[] =>
      Array.from({ length }, (_, index) => link(`l${index}`, index + 1 === length ? 'end' : `l${index + 1}`));
    expect(problemOf('a', 'l0', ...chain(40), file('end'))).toBeUndefined();
    expect(problemOf('a', 'l0', ...chain(41), file('end'))).toContain('circle');
  });

  it('I8: that is accepted never leads out on a real file system', () => {
    const name = fc
      .array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 })
      .map((parts) => parts.join('/'));
    const target = fc
      .array(fc.constantFrom('a', 'b', 'c', '..', '.'), { minLength: 1, maxLength: 4 })
      .map((parts) => parts.join('/'));
    const entry = fc.oneof(
      name.map(file),
      fc.tuple(name, target).map(([from, to]) => link(from, to)),
    );
    let accepted = 0;
    fc.assert(
      fc.property(fc.array(entry, { minLength: 1, maxLength: 6 }), (entries) => {
        if (findNameClashes(entries).length > 0) return;
        const tree = new LinkTree(entries);
        const links = entries.filter(({ kind }) => kind === 'link');
        if (
          links.some((one) => linkProblem({ name: one.name, target: one.target ?? '' }, tree) !== undefined)
        )
          return;
        accepted += links.length;
        const root = realpathSync(mkdtempSync(join(temporaryDirectory('links'), 'root-')));
        for (const one of entries) {
          mkdirSync(dirname(join(root, one.name)), { recursive: true });
          if (one.target === undefined) writeFileSync(join(root, one.name), 'x');
          else symlinkSync(one.target, join(root, one.name));
        }
        for (const one of links) {
          const real = realpathSync(join(root, one.name));
          expect(real === root || real.startsWith(join(root, sep)), JSON.stringify(entries)).toBe(true);
        }
        rmSync(root, { recursive: true });
      }),
      { numRuns: 1_500 },
    );
    expect(accepted).toBeGreaterThan(20);
  });
});
