import { hash as hashOnce } from 'node:crypto';
import { type ObjectStore, releaseBytes } from '@slipway/core';
import {
  type BlobRecord,
  blobKey,
  classifyKey,
  formatVersions,
  maxManifestBytes,
  maxSpecBlobBytes,
  NodeMemo,
  type NodeTable,
  parseManifest,
  readNewerSpec,
  type VersionedRecord,
} from '@slipway/spack-buildcache';
import {
  bindingProblem,
  isLayoutRead,
  newerSpecFinding,
  parsed,
  recordsOf,
  type SpecRoot,
  settleMismatch,
  storeFinding,
  unpacked,
} from './entry-findings.ts';
import { type Finding, type FindingCode, finding } from './findings.ts';
import { isFinding, openDocument, type SignaturePolicy } from './signature-policy.ts';
import { checkSize, checkTarball, missingBlob, tamperedBlob } from './tarball.ts';

/** How tarballs are checked: not here (a listing covers it), for presence, or byte by byte. */
export type TarballCheck = 'none' | 'head' | 'read';

/** The result of reading one entry; plain data, so that it can cross threads. */
export interface EntryReport {
  readonly key: string;
  readonly dagHash: string;
  /** Its spec's format, by media type; undefined if it has no spec. It may be newer than any index known here. */
  readonly specfileVersion: number | undefined;
  /** From the spec; undefined if it could not be read. */
  readonly spec: { readonly hash: string; readonly name: string; readonly version: string } | undefined;
  readonly tarball: BlobRecord | undefined;
  readonly blobs: readonly BlobRecord[];
  readonly signedBy: string | undefined;
  readonly manifestBytes: number;
  /** SHA-256 of the manifest's payload without the signature: equal payloads describe the same entry. */
  readonly payloadSha256: string | undefined;
  readonly findings: readonly Finding[];
}

/** Reads entries of one buildcache and judges each on its own: signature, names, blobs, spec, tarball. */
export class EntryReader {
  readonly #store: ObjectStore;
  readonly #policy: SignaturePolicy;
  readonly #tarballs: TarballCheck;
  /** By the format of the specs. */
  readonly #memos: ReadonlyMap<number, NodeMemo>;

  /** Adds the nodes of the specs it reads to `nodes`, one table per format as in `NodeGraph.tables`. */
  constructor(
    store: ObjectStore,
    policy: SignaturePolicy,
    tarballs: TarballCheck,
    nodes: readonly NodeTable[],
  ) {
    this.#store = store;
    this.#policy = policy;
    this.#tarballs = tarballs;
    this.#memos = new Map(
      formatVersions.map(({ specfile }, at) => [specfile, new NodeMemo(nodes[at], specfile)]),
    );
  }

  /** Reads the entry whose manifest is `key`. Problems become findings; it throws only if the store fails. */
  async read(key: string, onBytes?: (count: number) => void): Promise<EntryReport> {
    const findings: Finding[] = [];
    const classified = classifyKey(key);
    const dagHash = classified.kind === 'spec-manifest' ? classified.dagHash : '';
    const report = (rest: Partial<EntryReport> = {}): EntryReport => ({
      key,
      dagHash,
      specfileVersion: undefined,
      spec: undefined,
      tarball: undefined,
      blobs: [],
      signedBy: undefined,
      manifestBytes: 0,
      payloadSha256: undefined,
      ...rest,
      findings,
    });
    if (dagHash === '') {
      findings.push(finding('name-invalid', key, 'its name is not the name of a spec manifest'));
      return report();
    }
    const stored = await this.#readBounded(key, maxManifestBytes, 'manifest-too-large', findings);
    if (stored === undefined) return report();
    const opened = await openDocument(stored, key, this.#policy);
    if (isFinding(opened)) {
      findings.push(opened);
      return report({ manifestBytes: stored.length });
    }
    const payloadSha256 = hashOnce('sha256', opened.text.trimEnd());
    findings.push(...opened.warnings);
    const known = { signedBy: opened.signedBy, manifestBytes: stored.length, payloadSha256 };
    const manifest = parsed(key, 'manifest-malformed', findings, () => parseManifest(opened.text));
    if (manifest === undefined) return report(known);
    const { spec, tarball } = recordsOf(manifest, key, findings);
    const blobs = manifest.data;
    if (spec === undefined || tarball === undefined) return report({ ...known, blobs });
    const { version: specfileVersion } = spec;
    const root = await this.#readSpec(spec, key, dagHash, findings);
    if (root === undefined) return report({ ...known, blobs, tarball, specfileVersion });
    const mismatch = bindingProblem(key, dagHash, root);
    const tarballFindings =
      this.#tarballs === 'none' ? [] : await this.#checkTarball(tarball, dagHash, onBytes);
    if (mismatch !== undefined) findings.push(settleMismatch(mismatch, this.#tarballs, tarballFindings));
    for (const found of tarballFindings) {
      if (mismatch !== undefined && found.code === 'tarball-mismatch') continue;
      findings.push({ ...found, message: `${found.message} (the tarball of ${key})` });
    }
    const { hash, name, version } = root;
    return report({ ...known, blobs, tarball, specfileVersion, spec: { hash, name, version } });
  }

  async #checkTarball(
    record: BlobRecord,
    dagHash: string,
    onBytes: ((count: number) => void) | undefined,
  ): Promise<readonly Finding[]> {
    try {
      if (this.#tarballs === 'head') return await this.#headTarball(record);
      return await checkTarball(this.#store, record, dagHash, onBytes);
    } catch (error) {
      const refused = storeFinding(error, blobKey(record.checksum), 'blob-oversized', 'it is too large');
      if (refused === undefined) throw error;
      return [refused];
    }
  }

  async #headTarball(record: BlobRecord): Promise<readonly Finding[]> {
    const key = blobKey(record.checksum);
    const info = await this.#store.head(key);
    const found =
      info === undefined
        ? missingBlob(key, 'the tarball')
        : checkSize(key, info.sizeBytes, record.contentLength);
    return found === undefined ? [] : [found];
  }

  async #readSpec(
    { record, version }: VersionedRecord,
    manifestKey: string,
    dagHash: string,
    findings: Finding[],
  ): Promise<SpecRoot | undefined> {
    const key = blobKey(record.checksum);
    if (record.contentLength > maxSpecBlobBytes) {
      findings.push(
        finding('spec-malformed', key, `the manifest says the spec has ${record.contentLength} bytes`),
      );
      return undefined;
    }
    const stored = await this.#readBounded(key, maxSpecBlobBytes, 'blob-oversized', findings);
    if (stored === undefined) return undefined;
    const problem =
      checkSize(key, stored.length, record.contentLength) ??
      (hashOnce('sha256', stored) === record.checksum ? undefined : tamperedBlob(key));
    if (problem !== undefined) {
      findings.push(problem);
      return undefined;
    }
    const json = unpacked(key, stored, findings);
    if (json === undefined) return undefined;
    const memo = this.#memos.get(version);
    const problems: Finding[] = [];
    const document = parsed(key, 'spec-malformed', problems, () =>
      memo === undefined
        ? { root: readNewerSpec(json, version), layoutVersion: undefined }
        : memo.read(json, dagHash),
    );
    releaseBytes(json);
    // People cannot tell a blob by its name, so name the manifest too.
    findings.push(...problems.map((found) => ({ ...found, message: `${found.message} (${manifestKey})` })));
    if (document === undefined) return undefined;
    if (memo === undefined) findings.push(newerSpecFinding(manifestKey, version));
    if (!isLayoutRead(document.layoutVersion)) {
      const why = 'Spack does not read its buildcache_layout_version in a mirror of layout v3';
      findings.push(finding('spec-layout-unsupported', key, why));
      return undefined;
    }
    return document.root;
  }

  async #readBounded(
    key: string,
    maxBytes: number,
    tooLarge: FindingCode,
    findings: Finding[],
  ): Promise<Uint8Array | undefined> {
    try {
      const object = await this.#store.read(key, { maxBytes });
      if (object === undefined) findings.push(missingBlob(key, 'the object'));
      return object?.body;
    } catch (error) {
      const refused = storeFinding(error, key, tooLarge, `it is larger than ${maxBytes} bytes`);
      if (refused === undefined) throw error;
      findings.push(refused);
      return undefined;
    }
  }
}
