import { JsonScanner, UserError } from '@slipway/core';
import { isDagHash, parseSpecNode, runtimeDeptypes, type SpecNode } from '@slipway/spack-buildcache';
import { type LocationV2, locateV2 } from './names.ts';

/** Larger indexes are not read, to bound memory. */
export const maxIndexBytesV2 = 512 * 1024 * 1024;
const maxRecords = 500_000;
const maxIndexDepth = 40;
const versions: ReadonlySet<unknown> = new Set(['6', '7', '8']);
const noSuchVersion = 'it is not a Spack database of version 6, 7 or 8';
const olderVersionPattern = /^(?:[1-5]|0\.[0-9.]{1,8})$/;
/** Fields of a record that do not matter here; some releases of Spack wrote them. */
const ignoredFields: ReadonlySet<string> = new Set([
  'path',
  'installed',
  'explicit',
  'installation_time',
  'deprecated_for',
  'origin',
]);

export interface IndexRecordV2 {
  readonly node: Omit<SpecNode, 'json'>;
  readonly refCount: number;
  readonly inBuildcache: boolean;
}

/** The package index of a layout-v2 mirror: a Spack database of version 6, 7 or 8. Read-only. */
export class IndexDatabase {
  readonly #records: ReadonlyMap<string, IndexRecordV2>;
  readonly entryCount: number;

  private constructor(records: ReadonlyMap<string, IndexRecordV2>) {
    this.#records = records;
    let entryCount = 0;
    for (const record of records.values()) if (record.inBuildcache) entryCount += 1;
    this.entryCount = entryCount;
  }

  /**
   * Reads an index strictly. Throws `JsonError`, or `UserError`: `content-invalid` if it is not a database of these
   * versions, `name-invalid` for names and hashes that are unsafe in paths, `not-supported` for an older database.
   */
  static parse(json: Uint8Array): IndexDatabase {
    try {
      return IndexDatabase.#parse(json);
    } catch (error) {
      // The version may come after the records, which fail first if it is another one.
      const version = error instanceof UserError ? databaseVersionOf(json) : undefined;
      if (version === undefined || versions.has(version)) throw error;
      if (olderVersionPattern.test(version))
        throw tooOld('it comes from', `it is a Spack database of version ${version}`);
      throw malformed(noSuchVersion);
    }
  }

  static #parse(json: Uint8Array): IndexDatabase {
    const records = new Map<string, IndexRecordV2>();
    const scanner = new JsonScanner(json, { maxDepth: maxIndexDepth });
    let sawVersion = false;
    let sawInstalls = false;
    scanner.object((key) => {
      if (key !== 'database') {
        scanner.skipValue();
        return;
      }
      scanner.object((databaseKey) => {
        if (databaseKey === 'installs') {
          sawInstalls = true;
          scanner.object((hash) => {
            if (records.size >= maxRecords) throw malformed(`it lists more than ${maxRecords} nodes`);
            records.set(hash, parseRecord(scanner, hash));
          });
        } else if (databaseKey === 'version') {
          sawVersion = true;
          if (!versions.has(scanner.value())) throw malformed(noSuchVersion);
        } else scanner.skipValue();
      });
    });
    scanner.end();
    if (!sawVersion) throw malformed('it has no version');
    if (!sawInstalls) throw malformed('it has no "installs"');
    return new IndexDatabase(records);
  }

  hasEntry(hash: string): boolean {
    return this.#records.get(hash)?.inBuildcache === true;
  }

  /** All records by hash, in the order of the index. */
  records(): Iterable<readonly [string, IndexRecordV2]> {
    return this.#records;
  }

  /** Where the files of each entry belong, in the order of the index. */
  *locations(): Generator<LocationV2 & { readonly dagHash: string }> {
    for (const [dagHash, { node, inBuildcache }] of this.#records) {
      if (!inBuildcache) continue;
      yield { dagHash, ...locateV2(node, (hash) => this.#records.get(hash)?.node) };
    }
  }

  /**
   * The lowest and highest acceptable dependent count of each record: some releases of Spack counted only link and run
   * dependencies, others counted more.
   */
  dependents(): ReadonlyMap<string, { readonly least: number; readonly most: number }> {
    const counts = new Map<string, { least: number; most: number }>();
    for (const hash of this.#records.keys()) counts.set(hash, { least: 0, most: 0 });
    for (const { node } of this.#records.values()) {
      for (const { hash, deptypes } of node.dependencies) {
        const count = counts.get(hash);
        if (count === undefined) continue;
        count.most += 1;
        if ((deptypes & runtimeDeptypes) !== 0) count.least += 1;
      }
    }
    return counts;
  }
}

/** The version that an index claims, wherever it appears; undefined if the JSON has none. */
function databaseVersionOf(json: Uint8Array): string | undefined {
  const scanner = new JsonScanner(json, { maxDepth: maxIndexDepth });
  let version: unknown;
  try {
    scanner.object((key) => {
      if (key !== 'database') scanner.skipValue();
      else {
        scanner.object((databaseKey) => {
          if (databaseKey === 'version') version = scanner.value();
          else scanner.skipValue();
        });
      }
    });
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
  return typeof version === 'string' ? version : undefined;
}

/** The error for a mirror whose format nothing reads any more; `what` begins the sentence. */
export function tooOld(what: string, why: string): UserError {
  return new UserError(
    'not-supported',
    `${what} a mirror of layout v1, which Spack 0.16 and older wrote: ${why}`,
    {
      hint: 'Neither Slipway nor Spack 1.x reads or migrates it. Build its packages again and push them to a new mirror.',
    },
  );
}

function parseRecord(scanner: JsonScanner, hash: string): IndexRecordV2 {
  if (!isDagHash(hash))
    throw new UserError('name-invalid', 'the package index lists something other than a DAG hash');
  let node: Omit<SpecNode, 'json'> | undefined;
  let refCount: unknown = 0;
  let inBuildcache: unknown = false;
  scanner.object((field) => {
    if (field === 'spec') {
      const { start, end } = scanner.skipValue();
      // Drop the JSON, which would keep the whole index in memory.
      const { json: _, ...parsed } = parseSpecNode(scanner.bytes.subarray(start, end));
      node = parsed;
    } else if (field === 'ref_count') refCount = scanner.value();
    else if (field === 'in_buildcache') inBuildcache = scanner.value();
    else if (ignoredFields.has(field)) scanner.skipValue();
    else scanner.fail('a record of the package index has a field that Spack refuses');
  });
  if (node === undefined || !Number.isSafeInteger(refCount) || typeof inBuildcache !== 'boolean')
    throw malformed(`its record ${hash} is malformed`);
  if (node.hash !== hash) throw malformed(`its record ${hash} describes another node`);
  return { node, refCount: Number(refCount), inBuildcache };
}

function malformed(why: string): UserError {
  return new UserError('content-invalid', `the package index is malformed: ${why}`);
}
