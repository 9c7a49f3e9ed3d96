import { hash } from 'node:crypto';
import type { ObjectStore, WriteOptions } from '@slipway/core';
import { maxManifestBytes } from '@slipway/spack-buildcache';
import { isFinding, openDocument, type SignaturePolicy } from './signature-policy.ts';

/** A stored manifest that a policy accepts. */
export interface StoredManifest {
  readonly bytes: Uint8Array;
  readonly etag: string | undefined;
  readonly text: string;
  /** Manifests with equal payloads describe the same entry. */
  readonly payloadSha256: string;
  readonly signedBy: string | undefined;
}

/** The manifest under this key; undefined if it is missing, only its ETag if the policy refuses it. */
export async function readManifest(
  store: ObjectStore,
  key: string,
  policy: SignaturePolicy,
): Promise<StoredManifest | { readonly etag: string | undefined; readonly text: undefined } | undefined> {
  const stored = await store.read(key, { maxBytes: maxManifestBytes });
  if (stored === undefined) return undefined;
  const { etag } = stored.info;
  const opened = await openDocument(stored.body, key, policy);
  if (isFinding(opened)) return { etag, text: undefined };
  const { text, signedBy } = opened;
  return { bytes: stored.body, etag, text, payloadSha256: hash('sha256', text.trimEnd()), signedBy };
}

/** Writes a JSON document. */
export async function writeDocument(
  store: ObjectStore,
  key: string,
  bytes: Uint8Array,
  { condition, cache = 'document' }: Pick<WriteOptions, 'condition'> & Partial<Pick<WriteOptions, 'cache'>>,
): Promise<void> {
  const options = { condition, contentType: 'application/json', cache, sha256: hash('sha256', bytes) };
  await store.write(key, { kind: 'bytes', bytes }, options);
}
