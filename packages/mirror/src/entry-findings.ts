import { JsonError, UserError } from '@slipway/core';
import {
  type BlobRecord,
  entryRecordsOf,
  type Manifest,
  maxSpecJsonBytes,
  NodeConflictError,
  newestSpecfileVersion,
  type RecordFault,
  type SpecDocument,
  specManifestKey,
  type VersionedRecord,
} from '@slipway/spack-buildcache';
import { type Finding, type FindingCode, finding } from './findings.ts';
import { gunzipWhole } from './gzip.ts';

export type SpecRoot = Pick<SpecDocument['root'], 'hash' | 'name' | 'version'>;

/** The finding for an object that the store refuses to read; undefined if the store itself fails. */
export function storeFinding(
  error: unknown,
  key: string,
  tooLarge: FindingCode,
  tooLargeMessage: string,
): Finding | undefined {
  if (!(error instanceof UserError)) return undefined;
  if (error.code === 'too-large') return finding(tooLarge, key, tooLargeMessage);
  if (error.code === 'path-outside') return finding('path-outside', key, error.message);
  if (error.code === 'content-invalid') return finding('file-unreadable', key, error.message);
  if (error.code === 'name-invalid') return finding('name-invalid', key, error.message);
  return undefined;
}

/** The result of `parse()`; undefined, with a finding, if the content is not acceptable. */
export function parsed<Value>(
  key: string,
  code: FindingCode,
  findings: Finding[],
  parse: () => Value,
): Value | undefined {
  try {
    return parse();
  } catch (error) {
    findings.push(parseFinding(error, key, code));
    return undefined;
  }
}

function parseFinding(error: unknown, key: string, code: FindingCode): Finding {
  if (error instanceof JsonError) {
    return finding(error.fault === 'json-malformed' ? code : error.fault, key, error.message);
  }
  if (error instanceof UserError) {
    if (error.code === 'name-invalid') return finding('name-invalid', key, error.message);
    if (error instanceof NodeConflictError) return finding('node-conflict', key, error.message);
    return finding(code, key, error.message, error.hint);
  }
  throw error;
}

export function unpacked(key: string, stored: Uint8Array, findings: Finding[]): Buffer | undefined {
  const bytes = gunzipWhole(stored, maxSpecJsonBytes);
  if (Buffer.isBuffer(bytes)) return bytes;
  findings.push(finding(bytes.code, key, bytes.message));
  return undefined;
}

/** The finding for an entry that can be stored but not indexed. */
export function newerSpecFinding(key: string, specfileVersion: number): Finding {
  return finding(
    'spec-newer',
    key,
    `its spec has version ${specfileVersion}, and only versions up to ${newestSpecfileVersion} are known: it is kept, but not indexed`,
    'Use a newer version of Slipway to index it.',
  );
}

/** Spack writes 2 and reads up to 3; a tarball was something else before. */
export function isLayoutRead(version: unknown): boolean {
  return version === undefined || version === 2 || version === 3;
}

const recordCodes = {
  missing: 'manifest-malformed',
  ambiguous: 'manifest-ambiguous',
  compression: 'compression-mismatch',
  unknown: 'manifest-payload-unknown',
} as const satisfies Readonly<Record<RecordFault, FindingCode>>;

export function recordsOf(
  manifest: Manifest,
  key: string,
  findings: Finding[],
): { readonly spec: VersionedRecord | undefined; readonly tarball: BlobRecord | undefined } {
  const { spec, tarball, faults } = entryRecordsOf(manifest);
  for (const { fault, message } of faults) findings.push(finding(recordCodes[fault], key, message));
  return { spec, tarball };
}

/** A manifest is bound to its file name: Spack looks for exactly that spec there. */
export function bindingProblem(key: string, dagHash: string, root: SpecRoot): Finding | undefined {
  const expected = specManifestKey(root);
  if (expected === key) return undefined;
  const who = `${root.name}@${root.version}/${root.hash}`;
  const sameName =
    expected.slice(0, expected.lastIndexOf('-')) === key.slice(0, key.lastIndexOf(dagHash) - 1);
  if (sameName)
    return finding('hash-mismatch', key, `its name has the DAG hash ${dagHash}, but its spec is ${who}`);
  return finding('name-mismatch', key, `its name belongs to another package; its spec is ${who}`);
}

/** If the tarball was read too, it shows whether the whole manifest is misplaced or only its spec is wrong. */
export function settleMismatch(
  mismatch: Finding,
  check: 'none' | 'head' | 'read',
  tarballFindings: readonly Finding[],
): Finding {
  const isRight = tarballFindings.every(({ severity }) => severity !== 'error');
  if (check !== 'read' || mismatch.code !== 'hash-mismatch' || !isRight) return mismatch;
  return finding(
    'spec-blob-mismatch',
    mismatch.key,
    `${mismatch.message}, while the tarball is the right one`,
  );
}
