import { describe, expect, it } from 'vitest';
import { parseArchiveName, parseArchiveSpecs } from '../src/index.ts';

describe('archives by lines', () => {
  it('have files, targets and what is left out; lines of one archive add to each other', () => {
    expect(
      parseArchiveSpecs([
        'macos.zip: dist/intel "My App.app"=App.app !*.dSYM',
        'linux.zip: a',
        'macos.zip: lib/*=lib/',
      ]),
    ).toEqual([
      {
        name: 'macos.zip',
        sources: [
          { path: 'dist/intel', target: undefined },
          { path: 'My App.app', target: 'App.app' },
          { path: 'lib/*', target: 'lib/' },
        ],
        excludes: ['*.dSYM'],
      },
      { name: 'linux.zip', sources: [{ path: 'a', target: undefined }], excludes: [] },
    ]);
  });

  it('reports everything that is wrong at once', () => {
    expect(() =>
      parseArchiveSpecs(['no archive', 'a.tar: x', 'b.zip: "x', '../c.zip: x', 'd.zip: !x=y']),
    ).toThrow(
      /no archive[\s\S]*a\.tar[\s\S]*not closed[\s\S]*not a valid archive name[\s\S]*excludes one path/,
    );
    expect(() => parseArchiveSpecs(['a.zip: !b'])).toThrow('a.zip has no files');
    expect(() => parseArchiveSpecs(['a.zip:'])).toThrow('a.zip has no files');
  });

  it.each(['app 1.2 (beta)+x@y_z-名.zip', 'A.ZIP'])('may be called %s', (name) => {
    expect(parseArchiveName(name)).toBe(name);
  });

  it.each(['.zip', 'a/b.zip', 'a\\b.zip', '.hidden.zip', 'a:b.zip', 'a\u0000.zip', '-a.zip', 'a.tgz'])(
    'may not be called %j',
    (name) => {
      expect(() => parseArchiveName(name)).toThrow();
    },
  );
});
