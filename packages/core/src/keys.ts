import { UserError } from './errors.ts';
import { printable } from './printable.ts';

const maxKeyBytes = 1024;
/** What nearly all keys are, told in one look: plain names that do not begin with a dot. */
const plainKey = /^[\w-][\w.-]*(?:\/[\w-][\w.-]*)*$/;

/**
 * Why `key` cannot be an object's key, or undefined when it can: relative, `/`-separated, at most 1,024 bytes (S3's
 * limit), no empty, `.` or `..` segment, no backslash, no control character, no lone surrogate.
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

/** Throws `UserError` `name-invalid` when `key` cannot be an object's key. */
export function assertKey(key: string): void {
  const problem = keyProblem(key);
  if (problem !== undefined) {
    throw new UserError('name-invalid', `"${printable(key)}" cannot be the name of an object: ${problem}`);
  }
}

/**
 * Where Slipway keeps its own state in a destination: locks, unfinished files, and documents for later runs. No object of a user
 * has a key there, and no directory of this name below a source is published, packed or signed.
 */
export const ownDirectory = '.slipway';

/** Whether this is the name of `ownDirectory`, also on a file system that ignores case. */
export function isOwnDirectory(name: string): boolean {
  return name.toLowerCase() === ownDirectory;
}

/** Whether a directory in a workspace is not the user's: the state of a destination, or the actions of a composite. */
export function isSlipwayDirectory(name: string): boolean {
  return isOwnDirectory(name) || name === '.slipway-actions';
}

/**
 * Whether a key is that of a document which Slipway keeps in a destination for its own later runs: a name with its version
 * in `.slipway/`, where no user's object can be.
 */
export function isOwnDocument(key: string): boolean {
  return /^\.slipway\/[a-z-]{1,64}\.v\d{1,3}\.(json|gz)$/.test(key);
}
