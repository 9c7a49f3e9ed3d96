import { describe, expect, it } from 'vitest';
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
