import { describe, expect, it } from 'vitest';
import { pack, workspaceOf } from './packing.ts';

const elf = Buffer.from('7f454c46020101000000000000000000020003e00', 'hex');
const mach = Buffer.from('cffaedfe0c00000100000000020000000000000000000000', 'hex');
const product = {
  'dist/tool': elf,
  'dist/other': mach,
  'dist/good*': Buffer.concat([elf, Buffer.from('x')]),
  'dist/install.sh': '#!/bin/sh\n',
  'dist/libtool.so.1': elf,
  'dist/notes.txt': 'no program',
};

describe('programs that lost their executable bit', () => {
  it.each(['6', '0'])('are a warning in log, summary and report (compression level %s)', async (level) => {
    const run = await pack(workspaceOf(product), {
      archives: 'linux.zip: dist/',
      platforms: 'linux.zip: linux-x64',
      'compression-level': level,
    });
    expect(run.failure).toBeUndefined();
    expect(run.problems).toEqual([
      {
        code: 'executable-bit-missing',
        severity: 'warning',
        key: 'linux.zip',
        message:
          '2 programs without the executable bit, which will not start after unpacking: other (Mach-O), tool (ELF)',
        hint: expect.stringMatching(/"executable".*chmod \+x.*upload-artifact/),
      },
    ]);
    expect(run.json('report')).toMatchObject({ problems: run.problems });
    expect(JSON.stringify(run.summary)).toContain('other (Mach-O), tool (ELF)');
  });

  it('are fine if "executable" restores the bit', async () => {
    const inputs = { archives: 'linux.zip: dist/', executable: 'tool other' };
    expect((await pack(workspaceOf(product), inputs)).problems).toEqual([]);
  });

  it('are not reported in zips for Windows, and only once if a universal zip repeats them', async () => {
    const run = await pack(workspaceOf(product), {
      archives: 'mac.zip: dist/other\nwindows.zip: dist/tool\nplain.zip: dist/tool=renamed',
      platforms: 'mac.zip: macos\nwindows.zip: windows-x64',
      universal: 'all.zip',
      'universal-layout': 'by-archive',
    });
    expect(run.problems.map(({ key, message }) => `${key}: ${message.split(': ')[1]}`)).toEqual([
      'mac.zip: other (Mach-O)',
      'plain.zip: renamed (ELF)',
    ]);
  });

  it('I8: are named at most ten times, in printable form', async () => {
    const files = Array.from({ length: 12 }, (_, index) => [
      `dist/t${String(index).padStart(2, '0')}::x`,
      Buffer.concat([elf, Buffer.from([index])]),
    ]);
    const run = await pack(workspaceOf(Object.fromEntries(files)), {
      archives: 'linux.zip: dist/',
      platforms: 'linux.zip: linux',
    });
    expect(run.problems).toHaveLength(1);
    expect(run.problems[0]?.message).toMatch(/^12 programs .* and 2 more$/);
    expect(run.problems[0]?.message).not.toContain('::');
  });
});
