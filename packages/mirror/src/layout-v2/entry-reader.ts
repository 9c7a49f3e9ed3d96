import type { ObjectStore } from '@slipway/core';
import type { SpecNode } from '@slipway/spack-buildcache';
import { parsed, storeFinding } from '../entry-findings.ts';
import { type Finding, finding } from '../findings.ts';
import { isFinding, looksSigned, openDocument, type SignaturePolicy } from '../signature-policy.ts';
import { missingBlob, readTarball, tarballFindings } from '../tarball.ts';
import { type EntryNames, specKeyOf } from './listing.ts';
import { specKeyV2 } from './names.ts';
import { maxSpecFileBytes, parseSpecFile, type SpecFileV2 } from './spec-file.ts';
import { readDocument } from './stored-document.ts';

export interface EntryReportV2 {
  readonly names: EntryNames;
  /** From the spec; undefined if it could not be read. */
  readonly root: SpecNode | undefined;
  readonly nodes: readonly SpecNode[];
  readonly signedBy: string | undefined;
  /** Size of the tarball; undefined if it is missing or was not checked. */
  readonly tarballBytes: number | undefined;
  readonly findings: readonly Finding[];
}

export interface EntryReadOptions {
  readonly store: ObjectStore;
  readonly policy: SignaturePolicy;
  /** Read every byte of the tarball, or only check that it exists. */
  readonly level: 'metadata' | 'full';
  /** Sizes of the tarballs by key, if the mirror could be listed. */
  readonly tarballSizes: ReadonlyMap<string, number> | undefined;
}

/**
 * Reads one entry and judges it alone: signature, names, spec and tarball. Problems become findings; it throws only if
 * the store fails.
 */
export async function readEntryV2(names: EntryNames, options: EntryReadOptions): Promise<EntryReportV2> {
  const findings: Finding[] = [];
  const key = specKeyOf(names);
  const report = (rest: Partial<EntryReportV2> = {}): EntryReportV2 => ({
    names,
    root: undefined,
    nodes: [],
    signedBy: undefined,
    tarballBytes: undefined,
    ...rest,
    findings,
  });
  if (names.signed && names.unsigned) {
    findings.push(
      finding(
        'unsigned',
        specKeyV2(names.stem, false),
        'it is unsigned beside a signed spec of the same name, and clients that do not check signatures take it',
        'Delete it: Spack never stores both.',
      ),
    );
  }
  const stored = await readDocument(options.store, key, maxSpecFileBytes, 'document-too-large', findings);
  if (stored.kind === 'missing') findings.push(missingBlob(key, 'the spec'));
  if (stored.kind !== 'read') return report();
  const opened = await openSpecFile(stored.body, key, names.signed, options.policy);
  if ('severity' in opened) {
    findings.push(opened);
    return report();
  }
  const { signedBy } = opened;
  const spec = parsed(key, 'spec-malformed', findings, () => parseSpecFile(opened.json));
  if (spec === undefined) return report({ signedBy });
  const { root, nodes } = spec;
  const mismatch = bindingProblem(key, names, spec);
  if (mismatch !== undefined) {
    findings.push(mismatch);
    return report({ root, nodes, signedBy });
  }
  const tarball = await checkTarballV2(spec, options);
  findings.push(...tarball.findings);
  return report({ root, nodes, signedBy, tarballBytes: tarball.sizeBytes });
}

type OpenedSpecFile = { readonly json: Uint8Array; readonly signedBy: string | undefined };

/** Clients rely on a file's name to know whether it is signed, so its content must match. */
async function openSpecFile(
  body: Uint8Array,
  key: string,
  signed: boolean,
  policy: SignaturePolicy,
): Promise<OpenedSpecFile | Finding> {
  if (signed && looksSigned(Buffer.from(body.buffer, body.byteOffset, body.byteLength))) {
    const opened = await openDocument(body, key, policy);
    if (isFinding(opened)) return opened;
    return { json: Buffer.from(opened.text), signedBy: opened.signedBy };
  }
  if (!policy.allowUnsigned) return finding('unsigned', key, 'it is not signed', unsignedHint);
  if (signed) return finding('signature-malformed', key, 'it is not signed, although its name says so');
  return { json: body, signedBy: undefined };
}

const unsignedHint =
  'Convert the mirror to layout v3 with "spack buildcache migrate" and sign it with buildcache-sign, or allow unsigned entries.';

/** A spec is bound to its file name: Spack looks for exactly that spec there. */
function bindingProblem(key: string, names: EntryNames, spec: SpecFileV2): Finding | undefined {
  const { stem } = spec.location;
  if (stem === names.stem) return undefined;
  const who = `${spec.root.name}@${spec.root.version}/${spec.root.hash}`;
  if (stem.slice(0, -spec.root.hash.length) === names.stem.slice(0, -names.dagHash.length))
    return finding(
      'hash-mismatch',
      key,
      `its name has the DAG hash ${names.dagHash}, but its spec is ${who}`,
    );
  return finding('name-mismatch', key, `its name belongs to another package; its spec is ${who}`);
}

interface TarballReport {
  readonly sizeBytes: number | undefined;
  readonly findings: readonly Finding[];
}

async function checkTarballV2(spec: SpecFileV2, options: EntryReadOptions): Promise<TarballReport> {
  const key = spec.location.tarballKey;
  try {
    return options.level === 'full'
      ? await readWholeTarball(key, spec, options.store)
      : await findTarball(key, options);
  } catch (error) {
    const problem = storeFinding(error, key, 'blob-oversized', 'it is too large to read');
    if (problem === undefined) throw error;
    return { sizeBytes: undefined, findings: [problem] };
  }
}

async function findTarball(key: string, { store, tarballSizes }: EntryReadOptions): Promise<TarballReport> {
  const sizeBytes = tarballSizes === undefined ? (await store.head(key))?.sizeBytes : tarballSizes.get(key);
  return { sizeBytes, findings: sizeBytes === undefined ? [missingBlob(key, 'the tarball')] : [] };
}

async function readWholeTarball(key: string, spec: SpecFileV2, store: ObjectStore): Promise<TarballReport> {
  const stream = await store.readStream(key, { maxBytes: Number.MAX_SAFE_INTEGER });
  if (stream === undefined) return { sizeBytes: undefined, findings: [missingBlob(key, 'the tarball')] };
  const { sizeBytes, sha256, verdict } = await readTarball(stream.body);
  if (spec.tarballSha256 === undefined) {
    const why = 'it is older than Spack 0.19, when nothing outside a tarball said what is in it';
    return { sizeBytes, findings: [finding('tarball-unbound', key, why, oldTarballHint)] };
  }
  if (sha256 !== spec.tarballSha256) {
    const why = `its SHA-256 is ${sha256}, but its spec says ${spec.tarballSha256}`;
    return { sizeBytes, findings: [finding('tarball-checksum-mismatch', key, why)] };
  }
  return { sizeBytes, findings: tarballFindings(key, verdict, spec.root.hash) };
}

const oldTarballHint = 'Build and publish the package again: Spack 1.x cannot install such a tarball either.';
