import { createHash, type Hash } from 'node:crypto';
import { printable, UserError } from '@slipway/core';
import {
  type FindingList,
  type IndexFindingCode,
  indexFinding,
  type Metadata,
  normalizeVersion,
  parseFileName,
  parseMetadata,
  type ReadFile,
} from '@slipway/simple-index';
import { BodyTrouble, type IndexReader, type Trouble } from './check-reader.ts';
import { readWheelMetadata } from './wheel-metadata.ts';

/** As `parseMetadata` takes it. */
const maxMetadataBytes = 2 ** 22;
/** The hash functions that Python guarantees. */
const algorithms = ['sha512', 'sha384', 'sha256', 'sha224', 'sha1', 'md5'] as const;

/** A file with the page that it was found on. */
export interface CheckedFile extends ReadFile {
  readonly pageKey: string;
}

/** What METADATA says, and the SHA-256 of its bytes. */
export interface MetadataRead {
  readonly sha256: string;
  /** Undefined if it cannot be used. */
  readonly metadata: Metadata | undefined;
}

/** Follows the links of pages to files. */
export class FileChecks {
  readonly #reader: IndexReader;
  readonly #findings: FindingList;
  readonly #keyOf: (url: string) => string;

  constructor(reader: IndexReader, findings: FindingList, keyOf: (url: string) => string) {
    this.#reader = reader;
    this.#findings = findings;
    this.#keyOf = keyOf;
  }

  /** Whether the file is there with the size that its page says. */
  async checkLink(file: CheckedFile): Promise<boolean> {
    const answer = await this.#reader.head(file.url);
    if (answer.kind !== 'found') {
      this.#trouble(file, answer, 'page-link-dead');
      return false;
    }
    const { sizeBytes } = answer.value;
    if (sizeBytes !== undefined) this.#checkSize(file, sizeBytes);
    return true;
  }

  /** Reads the whole file and compares hashes and size. Returns its size; undefined if it could not be read. */
  async checkBytes(file: CheckedFile): Promise<number | undefined> {
    const answer = await this.#reader.openStream(file.url);
    if (answer.kind !== 'found') {
      this.#trouble(file, answer, 'page-link-dead');
      return undefined;
    }
    const digests = digestsOf(file.hashes);
    let sizeBytes = 0;
    try {
      for await (const chunk of answer.value.body) {
        sizeBytes += chunk.length;
        for (const [, digest] of digests) digest.update(chunk);
      }
    } catch (error) {
      if (!(error instanceof BodyTrouble)) throw error;
      this.#trouble(file, { kind: 'unchecked', reason: error.message }, 'page-link-dead');
      return undefined;
    }
    this.#checkSize(file, sizeBytes);
    this.#checkHashes(file, digests, file.hashes, 'page-hash-wrong', 'its bytes do');
    return sizeBytes;
  }

  /** Reads the METADATA that a page says is beside a file, and compares it with its hash and the file's name. */
  async checkMetadata(file: CheckedFile): Promise<MetadataRead | undefined> {
    const answer = await this.#reader.readWhole(`${file.url}.metadata`, { maxBytes: maxMetadataBytes });
    if (answer.kind !== 'found') {
      this.#trouble(file, answer, 'page-metadata-missing');
      return undefined;
    }
    const { bytes } = answer.value;
    const hashes = file.metadataHashes ?? new Map<string, string>();
    const digests = digestsOf(hashes);
    for (const [, digest] of digests) digest.update(bytes);
    this.#checkHashes(file, digests, hashes, 'page-metadata-hash', 'the METADATA beside it does');
    return this.#metadataIn(file, bytes);
  }

  /** Takes METADATA out of a wheel and compares it with that beside it (if any), or with the file's name. */
  async checkWheel(file: CheckedFile, sizeBytes: number, beside: MetadataRead | undefined): Promise<void> {
    if (!file.fileName.endsWith('.whl')) return;
    let bytes: Uint8Array;
    try {
      bytes = await readWheelMetadata(this.#ranges(), { key: file.url, sizeBytes, etag: undefined });
    } catch (error) {
      if (error instanceof BodyTrouble) return;
      if (!(error instanceof UserError)) throw error;
      this.#report(file, 'page-metadata-unreadable', `the wheel cannot be used: ${printable(error.message)}`);
      return;
    }
    if (beside === undefined) this.#metadataIn(file, bytes);
    else if (createHash('sha256').update(bytes).digest('hex') !== beside.sha256)
      this.#report(file, 'page-metadata-differs', 'the METADATA beside it is not that in the wheel');
  }

  #ranges(): Parameters<typeof readWheelMetadata>[0] {
    return {
      readRange: async (url, { startByte, lengthBytes }) => {
        const part = await this.#reader.readPart(url, startByte, lengthBytes);
        if (part.kind !== 'found') throw new BodyTrouble(part.reason);
        return { info: { key: url, sizeBytes: part.value.length }, body: part.value };
      },
    };
  }

  #metadataIn(file: CheckedFile, bytes: Uint8Array): MetadataRead {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    let metadata: Metadata;
    try {
      metadata = parseMetadata(bytes);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      this.#report(file, 'page-metadata-unreadable', error.message);
      return { sha256, metadata: undefined };
    }
    const name = parseFileName(file.fileName);
    if (name.kind !== 'refused') {
      const isOther =
        name.project !== metadata.project ||
        normalizeVersion(name.version) !== normalizeVersion(metadata.version);
      if (isOther) {
        this.#report(
          file,
          'page-metadata-other',
          `its METADATA is of ${printable(metadata.name, 100)} ${printable(metadata.version, 100)}`,
        );
      }
    }
    const said = plain(file.requiresPython ?? '');
    if (said !== plain(metadata.requiresPython ?? '')) {
      this.#report(
        file,
        'page-requires-python',
        `its page says ${quoted(said)} for Requires-Python, its METADATA ${quoted(plain(metadata.requiresPython ?? ''))}`,
      );
    }
    return { sha256, metadata };
  }

  #checkSize(file: CheckedFile, sizeBytes: number): void {
    if (file.sizeBytes === undefined || file.sizeBytes === sizeBytes) return;
    this.#report(file, 'page-size-wrong', `its page says ${file.sizeBytes} bytes, it has ${sizeBytes}`);
  }

  #checkHashes(
    file: CheckedFile,
    digests: ReadonlyMap<string, Hash>,
    hashes: ReadonlyMap<string, string>,
    code: IndexFindingCode,
    what: string,
  ): void {
    for (const [algorithm, digest] of digests) {
      const actual = digest.digest('hex');
      if (actual === hashes.get(algorithm)) continue;
      this.#report(file, code, `${what} not match its page: the ${algorithm} is ${actual}`);
    }
  }

  #trouble(file: CheckedFile, { kind, reason }: Trouble, code: IndexFindingCode): void {
    const troubleCode =
      kind === 'internal' ? 'page-link-internal' : kind === 'unchecked' ? 'page-link-unchecked' : code;
    const what = code === 'page-metadata-missing' ? 'the METADATA that its page names' : 'its link';
    this.#report(file, troubleCode, `${what} (${this.#keyOf(file.url)}) ${reason}`);
  }

  #report({ fileName, pageKey }: CheckedFile, code: IndexFindingCode, message: string): void {
    this.#findings.add(indexFinding(code, `${printable(fileName)}: ${message}`, pageKey));
  }
}

function digestsOf(hashes: ReadonlyMap<string, string>): ReadonlyMap<string, Hash> {
  return new Map(algorithms.filter((name) => hashes.has(name)).map((name) => [name, createHash(name)]));
}

function plain(specifier: string): string {
  return specifier.replaceAll(/\s+/g, '');
}

function quoted(text: string): string {
  return text === '' ? 'nothing' : `"${printable(text, 100)}"`;
}
