import { closeSync, openSync, readSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { programFormat } from '../src/index.ts';

interface Elf {
  readonly type: number;
  readonly segments?: readonly number[];
  readonly entryPoint?: number;
  readonly wide?: boolean;
  readonly little?: boolean;
}

/** The head of an ELF file: its header and its table of segments. */
function elf({ type, segments = [1], entryPoint = 0, wide = true, little = true }: Elf): Uint8Array {
  const headerBytes = wide ? 64 : 52;
  const segmentBytes = wide ? 56 : 32;
  const view = new DataView(new ArrayBuffer(headerBytes + segments.length * segmentBytes));
  view.setUint32(0, 0x7f454c46);
  view.setUint8(4, wide ? 2 : 1);
  view.setUint8(5, little ? 1 : 2);
  view.setUint16(16, type, little);
  if (wide) {
    view.setBigUint64(24, BigInt(entryPoint), little);
    view.setBigUint64(32, BigInt(headerBytes), little);
  } else {
    view.setUint32(24, entryPoint, little);
    view.setUint32(28, headerBytes, little);
  }
  view.setUint16(wide ? 54 : 42, segmentBytes, little);
  view.setUint16(wide ? 56 : 44, segments.length, little);
  for (const [index, segment] of segments.entries()) {
    view.setUint32(headerBytes + index * segmentBytes, segment, little);
  }
  return new Uint8Array(view.buffer);
}

function mach(fileType: number, magic = 0xcffaedfe): Uint8Array {
  const view = new DataView(new ArrayBuffer(32));
  view.setUint32(0, magic);
  view.setUint32(12, fileType, magic === 0xcffaedfe || magic === 0xcefaedfe);
  return new Uint8Array(view.buffer);
}

/** A fat file of slices that begin with `slice`. */
function fat(slice: Uint8Array, magic = 0xcafebabe, count = 2): Uint8Array {
  const view = new DataView(new ArrayBuffer(4096));
  view.setUint32(0, magic);
  view.setUint32(4, count);
  if (magic === 0xcafebabe) view.setUint32(16, 4096);
  else view.setBigUint64(16, 4096n);
  return Buffer.concat([new Uint8Array(view.buffer), slice]);
}

const program = 2;
const shared = 3;
const interpreter = 3;

describe('a program', () => {
  it.each<[string, Uint8Array, string, string]>([
    ['ELF', elf({ type: program }), 'tool', 'of a fixed address'],
    ['ELF', elf({ type: program, wide: false, little: false }), 'tool', 'of 32 bits, big-endian'],
    ['ELF', elf({ type: shared, segments: [6, interpreter, 1] }), 'tool-1.4', 'of any address'],
    [
      'ELF',
      elf({ type: shared, segments: [6, interpreter], wide: false }),
      'tool',
      'of any address, 32 bits',
    ],
    ['ELF', elf({ type: shared, entryPoint: 0x1000 }), 'tool', 'of any address, linked statically'],
    ['ELF', elf({ type: shared }).subarray(0, 40), 'tool', 'whose header is cut off'],
    ['ELF', Buffer.from('\u007fELF'), 'tool', 'of which there is no more than the magic'],
    ['Mach-O', mach(2), 'tool', 'of an Intel or ARM Mac'],
    ['Mach-O', mach(2, 0xfeedface), 'tool', 'of a PowerPC Mac'],
    ['Mach-O', fat(mach(2)), 'tool', 'of several machines'],
    ['Mach-O', fat(mach(2), 0xcafebabf), 'tool', 'of several machines, with wide offsets'],
    ['Mach-O', fat(mach(2)).subarray(0, 100), 'tool', 'of several machines, whose slices are out of reach'],
  ])('is %s: %#', (format, head, name) => {
    expect(programFormat(head, name)).toBe(format);
  });

  it.each<[string, Uint8Array, string]>([
    ['a shared library', elf({ type: shared }), 'libfoo.so.1'],
    ['a library that can be started, too', elf({ type: shared, segments: [interpreter] }), 'libc.so.6'],
    ['a plugin with another name', elf({ type: shared }), 'plugin'],
    ['a plugin of an old linker', elf({ type: shared, entryPoint: 0x1000 }), 'plugin.dat'],
    ['an object file', elf({ type: 1 }), 'main'],
    ['a core dump', elf({ type: 4 }), 'core'],
    ['debug information', elf({ type: program }), 'tool.debug'],
    ['a dynamic library of a Mac', mach(6), 'libfoo'],
    ['a bundle of a Mac', mach(8), 'plugin'],
    ['a dynamic library of several machines', fat(mach(6)), 'libfoo'],
    ['a class of Java', fat(mach(2), 0xcafebabe, 61), 'Main'],
    ['a program of Windows', Buffer.from('MZ\u0090\u0000'), 'tool.exe'],
    ['a script', Buffer.from('#!/bin/sh\n'), 'install'],
    ['an empty file', new Uint8Array(), 'tool'],
  ])('is not %s', (_, head, name) => {
    expect(programFormat(head, name)).toBeUndefined();
  });

  it.runIf(process.platform === 'linux')('is the Node that runs this', () => {
    const head = new Uint8Array(4096);
    const file = openSync(process.execPath, 'r');
    readSync(file, head);
    closeSync(file);
    expect(programFormat(head, 'node')).toBe('ELF');
  });

  it('I8: is detected or not in any bytes, without an error', () => {
    const magics = ['7f454c46', 'cafebabe', 'cafebabf', 'feedface', 'cffaedfe'].map((hex) =>
      Buffer.from(hex, 'hex'),
    );
    fc.assert(
      fc.property(fc.constantFrom(...magics), fc.uint8Array({ maxLength: 200 }), (magic, rest) => {
        expect(['ELF', 'Mach-O', undefined]).toContain(programFormat(Buffer.concat([magic, rest]), 'tool'));
      }),
    );
  });
});
