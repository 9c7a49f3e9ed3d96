import { describe, expect, it } from 'vitest';
import { TarballFault } from '../src/tar-header.ts';
import { TarballContents, tarballLimits } from '../src/tarball-contents.ts';

const file = { kind: 'file', target: '', mode: 0o644, sizeBytes: 0 } as const;
const buildInfo = { ...file, name: 'opt/.spack/binary_distribution' };
const spec = { ...file, name: 'opt/.spack/spec.json' };

/** The index of the first name that is refused. */
function refusedAt(nameOf: (index: number) => string): number {
  const contents = new TarballContents();
  for (let index = 0; ; index += 1) {
    try {
      contents.entry({ ...file, name: nameOf(index) });
    } catch (error) {
      expect(error).toMatchObject({ code: 'tarball-too-large' });
      return index;
    }
  }
}

describe('I8: what is kept of a tarball is limited exactly', () => {
  it('to a spec of 8 MiB', () => {
    const largest = new TarballContents();
    largest.entry(buildInfo);
    expect(largest.entry({ ...spec, sizeBytes: tarballLimits.specFileBytes })).toBe(true);
    expect(largest.finish()).toMatchObject({ kind: 'found' });

    const larger = new TarballContents();
    larger.entry(buildInfo);
    expect(larger.entry({ ...spec, sizeBytes: tarballLimits.specFileBytes + 1 })).toBe(false);
    expect(() => larger.finish()).toThrow(expect.objectContaining({ code: 'tarball-spec-too-large' }));
  });

  it('to a list of relocations of 4 MiB', () => {
    const largest = new TarballContents();
    expect(largest.entry({ ...buildInfo, sizeBytes: tarballLimits.buildInfoBytes })).toBe(true);

    const larger = new TarballContents();
    expect(larger.entry({ ...buildInfo, sizeBytes: tarballLimits.buildInfoBytes + 1 })).toBe(false);
    larger.entry(spec);
    expect(() => larger.finish()).toThrow('is too large');
  });

  it('to a million entries', () => {
    expect(refusedAt((index) => `${index}`)).toBe(tarballLimits.entries);
  });

  it('to names of 64 MiB', () => {
    const segments = `${'x'.repeat(200)}/`.repeat(18);
    const at = refusedAt((index) => `${segments}${`${index}`.padStart(8, '0')}`);
    expect(at).toBeLessThanOrEqual(tarballLimits.nameBytes / segments.length);
  });

  it('to contents of 64 GiB', () => {
    const contents = new TarballContents();
    contents.entry({ ...file, name: 'a', sizeBytes: tarballLimits.unpackedBytes });
    expect(() => contents.entry({ ...file, name: 'b', sizeBytes: 1 })).toThrow(
      expect.objectContaining({ code: 'tarball-too-large' }),
    );
  });
});

describe('I8: a tarball leaves no entry to chance', () => {
  const link = { ...file, kind: 'symlink', target: '/etc' } as const;
  const directory = { ...file, kind: 'directory' } as const;
  const refused: readonly (readonly [string, readonly Parameters<TarballContents['entry']>[0][]])[] = [
    [
      'a file twice',
      [
        { ...file, name: 'a' },
        { ...file, name: 'a' },
      ],
    ],
    [
      'a directory in place of a file',
      [
        { ...file, name: 'a' },
        { ...directory, name: 'a' },
      ],
    ],
    [
      'a file in place of a directory',
      [
        { ...file, name: 'a/b' },
        { ...file, name: 'a' },
      ],
    ],
    [
      'a file behind a link',
      [
        { ...link, name: 'a' },
        { ...file, name: 'a/b' },
      ],
    ],
    [
      'a file in a file',
      [
        { ...file, name: 'a' },
        { ...file, name: 'a/b' },
      ],
    ],
    ['a hard link to itself', [{ ...file, kind: 'hardlink', name: 'a', target: 'a' }]],
  ];

  it.each(refused)('%s is refused', (_, entries) => {
    const contents = new TarballContents();
    const last = entries.at(-1);
    for (const entry of entries.slice(0, -1)) contents.entry(entry);
    expect(() => last !== undefined && contents.entry(last)).toThrow(TarballFault);
  });
});
