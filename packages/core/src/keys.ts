import { UserError } from './errors.ts';
import { printable } from './printable.ts';

const maxKeyBytes = 1024;
/** A fast check that nearly all keys pass: plain names that do not start with a dot. */
const plainKey = /^[\w-][\w.-]*(?:\/[\w-][\w.-]*)*$/;

/**
 * Why `key` cannot be an object's key, or undefined if it can: relative, `/`-separated, at most 1,024 bytes (S3's limit),
 * no empty, `.` or `..` segment, no backslash, control character or lone surrogate.
 */
export function keyProblem(key: string): string | undefined {
  if (key.length <= maxKeyBytes && plainKey.test(key)) return undefined;
  if (key === '') return 'it is empty';
  if (Buffer.byteLength(key) > maxKeyBytes) return `it is longer than ${maxKeyBytes} bytes`;
  if (key.startsWith('/')) return 'it is an absolute path';
  if (/[\u0000-\u001f\u007f]/.test(key)) return 'it has a control character';
  if (key.includes('\\')) return 'it has a backslash';
  if (!key.isWellFormed()) return 'it is not well-formed Unicode';
  for (const segment of key.split('/')) {
    if (segment === '') return 'it has an empty segment';
    if (segment === '.' || segment === '..') return `it has a "${segment}" segment`;
  }
  return undefined;
}

/** Throws `UserError` `name-invalid` if `key` cannot be an object's key. */
export function assertKey(key: string): void {
  const problem = keyProblem(key);
  if (problem !== undefined) {
    throw new UserError('name-invalid', `"${printable(key)}" cannot be the name of an object: ${problem}`);
  }
}

/**
 * Where Slipway keeps its state in a destination: locks, unfinished files, and documents for later runs. Users' objects
 * never have keys there, and a directory with this name in a source is never published, packed or signed.
 */
export const ownDirectory = '.slipway';

/** Whether this is the name of `ownDirectory`, even on a file system that ignores case. */
export function isOwnDirectory(name: string): boolean {
  return name.toLowerCase() === ownDirectory;
}

/** Whether a directory in a workspace belongs to Slipway: the state of a destination, or the actions of a composite. */
export function isSlipwayDirectory(name: string): boolean {
  return isOwnDirectory(name) || name === '.slipway-actions';
}

/**
 * Whether a key names a document that Slipway keeps for its own later runs: a versioned name in `.slipway/`, or state of a package
 * index.
 */
export function isOwnDocument(key: string): boolean {
  return /^\.slipway\/(?:[a-z-]{1,64}\.v\d{1,3}\.(?:json|gz)|package-index\/(?:[a-z]{1,32}\/)?[\w.%~!'()*-]{1,240}\.json\.gz)$/.test(
    key,
  );
}
