import type { Problem, Severity } from '@slipway/core';

/**
 * Every finding about a buildcache, with its severity. Scripts rely on the codes: never rename one or change what it means.
 */
export const findingSeverities = {
  // Names and files.
  'name-invalid': 'error',
  'path-outside': 'error',
  'file-unreadable': 'error',
  'file-unknown': 'warning',

  // Manifests.
  'manifest-malformed': 'error',
  'manifest-too-large': 'error',
  'manifest-ambiguous': 'error',
  'manifest-unsignable': 'error',
  'manifest-payload-unknown': 'warning',
  'compression-mismatch': 'error',
  'json-too-deep': 'error',
  'json-duplicate-key': 'error',

  // Signatures.
  unsigned: 'error',
  'signature-bad': 'error',
  'signature-malformed': 'error',
  'signature-multiple': 'error',
  'signature-unknown-key': 'error',
  'signature-not-pinned': 'error',
  'signature-key-expired': 'error',
  'signature-key-revoked': 'error',
  'signature-subkey-expired': 'error',
  'signature-subkey-revoked': 'error',
  'signature-expired': 'error',
  'signature-from-future': 'error',
  'signature-weak': 'error',
  'signature-before-key': 'error',
  'signature-key-invalid': 'error',
  'signature-subkey-invalid': 'error',
  'signature-not-for-signing': 'error',
  'signature-unsupported': 'error',
  'signature-replaced-unchecked': 'warning',
  'document-too-large': 'error',

  // What a manifest is bound to.
  'name-mismatch': 'error',
  'hash-mismatch': 'error',
  'spec-blob-mismatch': 'error',
  'tarball-mismatch': 'error',
  'tarball-unreadable': 'error',
  'tarball-unbound': 'error',

  // What a tarball may hold.
  'tarball-path-outside': 'error',
  'tarball-outside-prefix': 'error',
  'tarball-link-escape': 'error',
  'tarball-relocation-outside': 'error',
  'tarball-metadata-link': 'error',
  'tarball-device': 'error',
  'tarball-setuid': 'warning',
  'tarball-name-invalid': 'error',
  'tarball-duplicate': 'error',
  'tarball-header-unsupported': 'error',
  'tarball-trailing-data': 'error',
  'tarball-too-large': 'error',
  'tarball-spec-too-large': 'error',

  'spec-malformed': 'error',
  'spec-newer': 'notice',
  'spec-layout-unsupported': 'error',
  'node-conflict': 'error',
  'dag-hash-unproven': 'notice',

  'entry-differs': 'warning',

  // Blobs.
  'blob-missing': 'error',
  'blob-truncated': 'error',
  'blob-oversized': 'error',
  'blob-tampered': 'error',
  'gzip-bomb': 'error',
  'gzip-malformed': 'error',
  'gzip-trailing-data': 'error',
  'blob-orphaned': 'notice',

  // Closures.
  'closure-incomplete': 'error',

  // Indexes.
  'index-missing': 'error',
  'index-malformed': 'error',
  'index-names-missing-entry': 'error',
  'index-hides-entry': 'error',
  'index-frozen': 'error',
  'index-node-mismatch': 'error',
  'index-count-mismatch': 'error',
  'index-not-expected': 'error',
  'index-foreign': 'warning',
  'index-newer': 'notice',
  'index-version-mismatch': 'error',
  'index-incomplete': 'warning',
  'index-node-unneeded': 'warning',
  'index-unsigned': 'error',
  'index-misplaced': 'error',
  'index-views-flooded': 'error',
  'index-history-flooded': 'error',
  // Anyone who can write to the mirror can put such a file there; it has no effect.
  'index-history-unproven': 'notice',
  'index-history-gone': 'warning',
  'entry-withdrawn': 'warning',
  'publish-unfinished': 'warning',
  'pending-malformed': 'error',
  // The next publish replaces it, and has everything invalidated.
  'invalidations-malformed': 'warning',

  // Keys.
  'key-malformed': 'error',
  'key-mismatch': 'error',
  'key-index-mismatch': 'error',
  // Not an error: publishers store a key before they list it.
  'key-unlisted': 'warning',
  'trusted-key-missing': 'error',
  'key-not-pinned': 'error',

  // Layout v2.
  'tarball-checksum-mismatch': 'error',
  'index-checksum-mismatch': 'error',
  'layout-v2-unaudited': 'notice',
  'layout-v2-unvouched': 'error',
} as const satisfies Readonly<Record<string, Severity>>;

export type FindingCode = keyof typeof findingSeverities;

/** One thing found in a mirror or in a staged buildcache. */
export type Finding = Problem<FindingCode>;

/** A finding of this code, with the code's own severity. */
export function finding(code: FindingCode, key: string | undefined, message: string, hint?: string): Finding {
  return { code, severity: findingSeverities[code], key, message, hint };
}
