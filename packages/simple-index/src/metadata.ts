import { printable, UserError } from '@slipway/core';
import { isProjectName, normalizeProjectName } from './project-name.ts';

/** The longest known METADATA, with a README in it, has less than one megabyte. */
const maxBytes = 2 ** 22;
const maxRequirements = 10_000;
const maxValueCharacters = 10_000;
/** Names of fields are in lower case here: in METADATA their case does not matter. */
const singleFields = ['metadata-version', 'name', 'version', 'requires-python'] as const;

/** What an index needs of a distribution's METADATA (or of the PKG-INFO of a source distribution). */
export interface Metadata {
  readonly metadataVersion?: string | undefined;
  /** As written. */
  readonly name: string;
  /** Normalised (PEP 503). */
  readonly project: string;
  /** As written. */
  readonly version: string;
  readonly requiresPython?: string | undefined;
  /** As written, each on one line, in their order. */
  readonly requiresDist: readonly string[];
}

/**
 * Reads core metadata: fields as in an e-mail (RFC 822) up to the first empty line or the first line that is not a field, where
 * Python's parser stops as well. Throws `UserError` `too-large` beyond 4 MiB, and `content-invalid` if a field is missing that every
 * distribution has, has a value that cannot be, or appears twice, because readers choose differently then. Messages follow the file's name.
 */
export function parseMetadata(bytes: Uint8Array): Metadata {
  if (bytes.length > maxBytes)
    throw new UserError('too-large', `its METADATA is larger than ${maxBytes} bytes`);
  const single = new Map<string, string>();
  const requiresDist: string[] = [];
  for (const [field, value] of fieldsOf(new TextDecoder().decode(bytes))) {
    const isSingle = singleFields.some((name) => name === field);
    if (!isSingle && field !== 'requires-dist') continue;
    if (value.length > maxValueCharacters)
      throw invalid(`has a ${field} of more than ${maxValueCharacters} characters`);
    if (/[\u0000-\u0008\u000b-\u001f\u007f]/.test(value))
      throw invalid(`has a control character in ${field}`);
    if (isSingle && single.has(field)) throw invalid(`has two fields ${field}`);
    if (isSingle) single.set(field, value);
    else if (requiresDist.push(value) > maxRequirements)
      throw invalid(`has more than ${maxRequirements} requirements`);
  }
  const name = single.get('name') ?? '';
  const version = single.get('version') ?? '';
  if (!isProjectName(name))
    throw invalid(name === '' ? 'has no name' : `has the invalid name "${printable(name, 100)}"`);
  if (version === '') throw invalid('has no version');
  const metadataVersion = single.get('metadata-version');
  const requiresPython = single.get('requires-python');
  return {
    ...(metadataVersion === undefined ? {} : { metadataVersion }),
    name,
    project: normalizeProjectName(name),
    version,
    ...(requiresPython ? { requiresPython } : {}),
    requiresDist,
  };
}

/** The fields with their values; lines that continue a value are joined to it with a blank. */
function* fieldsOf(text: string): Generator<readonly [string, string]> {
  let field: string | undefined;
  let value = '';
  for (const [line] of text.matchAll(/[^\r\n]*(?:\r\n|\r|\n|$)/g)) {
    const content = line.replace(/[\r\n]+$/, '');
    if (/^[\t ]/.test(content)) {
      // What is beyond the limit is only counted, so that time stays linear.
      if (value.length <= maxValueCharacters) value += ` ${content.trim()}`;
      continue;
    }
    if (field !== undefined) yield [field, value.trim()];
    const colon = content.indexOf(':');
    if (!/^[!-9;-~]+$/.test(content.slice(0, Math.max(colon, 0)))) return;
    field = content.slice(0, colon).toLowerCase();
    value = content.slice(colon + 1).trim();
  }
}

function invalid(what: string): UserError {
  return new UserError('content-invalid', `its METADATA ${what}`);
}
