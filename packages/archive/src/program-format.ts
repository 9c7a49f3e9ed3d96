/** A format of programs that a system starts directly, if they have the executable bit. */
export type ProgramFormat = 'ELF' | 'Mach-O';

/** Names of ELF and Mach-O files that are loaded or read, not started, whatever their header says. */
const libraryName = /\.(?:so(?:\.[\w.+-]*)?|dylib|bundle|node|ko|o|a|debug|dbg|dwp)$/i;

const elfMagic = 0x7f45_4c46;
const elfRelocatable = 1;
const elfShared = 3;
const elfCore = 4;
const elfInterpreterSegment = 3;
const maxElfSegments = 256;

const machMagics: ReadonlyMap<number, { readonly littleEndian: boolean }> = new Map([
  [0xfeed_face, { littleEndian: false }],
  [0xfeed_facf, { littleEndian: false }],
  [0xcefa_edfe, { littleEndian: true }],
  [0xcffa_edfe, { littleEndian: true }],
]);
const machExecutable = 2;
const fatMagic = 0xcafe_babe;
const fatMagic64 = 0xcafe_babf;
/** Java class files begin like fat files, but have a version in this place, which is at least 45. */
const maxFatSlices = 44;

/**
 * The format of a file that is a program, from its first bytes (some KiB are enough) and its name; undefined for libraries, object
 * files and everything else. Follows the System V ABI for ELF, and `mach-o/loader.h` and `mach-o/fat.h`. A truncated header counts
 * as that of a program.
 */
export function programFormat(head: Uint8Array, name: string): ProgramFormat | undefined {
  if (head.length < 4 || libraryName.test(name)) return undefined;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (view.getUint32(0) === elfMagic) return isElfProgram(view, name) ? 'ELF' : undefined;
  return isMachProgram(view, 0) || isFatProgram(view) ? 'Mach-O' : undefined;
}

function isElfProgram(view: DataView, name: string): boolean {
  if (view.byteLength < 18) return true;
  const little = view.getUint8(5) !== 2;
  const type = view.getUint16(16, little);
  if (type === elfRelocatable || type === elfCore) return false;
  return type !== elfShared || isPositionIndependentProgram(view, little, name);
}

/**
 * Programs and libraries can have the same type of ELF. A program names its interpreter; a statically linked one does not, but has
 * an entry point. Old linkers gave libraries one too, but those have an extension.
 */
function isPositionIndependentProgram(view: DataView, little: boolean, name: string): boolean {
  const wide = view.getUint8(4) === 2;
  if (view.byteLength < (wide ? 64 : 52)) return true;
  const entryPoint = wide ? view.getBigUint64(24, little) : BigInt(view.getUint32(24, little));
  const table = wide ? Number(view.getBigUint64(32, little)) : view.getUint32(28, little);
  const size = view.getUint16(wide ? 54 : 42, little);
  const count = Math.min(view.getUint16(wide ? 56 : 44, little), maxElfSegments);
  for (let index = 0; index < count; index += 1) {
    const at = table + index * size;
    if (at + 4 > view.byteLength) break;
    if (view.getUint32(at, little) === elfInterpreterSegment) return true;
  }
  return entryPoint !== 0n && !name.includes('.');
}

function isMachProgram(view: DataView, start: number): boolean {
  if (start + 4 > view.byteLength) return false;
  const magic = machMagics.get(view.getUint32(start));
  if (magic === undefined) return false;
  return start + 16 > view.byteLength || view.getUint32(start + 12, magic.littleEndian) === machExecutable;
}

/** Whether it is a fat file of programs, judged by its first slice if that was read. */
function isFatProgram(view: DataView): boolean {
  const magic = view.getUint32(0);
  if (magic !== fatMagic && magic !== fatMagic64) return false;
  if (view.byteLength < 24) return true;
  const count = view.getUint32(4);
  if (count === 0 || count > maxFatSlices) return false;
  const start = magic === fatMagic ? view.getUint32(16) : Number(view.getBigUint64(16));
  return start + 4 > view.byteLength || isMachProgram(view, start);
}
