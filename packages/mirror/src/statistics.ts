import { DigestMap } from '@slipway/core';
import type { BlobRecord } from '@slipway/spack-buildcache';
import type { EntryReport } from './entry-reader.ts';
import type { NodeGraph } from './node-graph.ts';

/** Figures about a mirror. Sizes are in bytes. */
export interface MirrorStatistics {
  readonly entries: number;
  readonly packages: number;
  readonly versions: number;
  readonly compilers: readonly Count[];
  readonly targets: readonly Count[];
  readonly operatingSystems: readonly Count[];
  readonly signers: readonly Count[];
  readonly externals: number;
  readonly tarballBytes: number;
  readonly blobs: number;
  readonly blobBytes: number;
  /** Bytes saved by content addressing: referred to more than once but stored once. */
  readonly duplicateBytesSaved: number;
  readonly orphans: number;
  readonly orphanBytes: number;
}

export interface BlobSizes {
  readonly size: number;
  get(name: string): number | undefined;
  values(): Iterable<number>;
}

export type CountedEntry = Pick<EntryReport, 'spec' | 'signedBy' | 'blobs'> & {
  readonly tarball: Pick<BlobRecord, 'contentLength'> | undefined;
};

export interface Count {
  readonly name: string;
  readonly entries: number;
}

class Tally {
  readonly #counts = new Map<string, number>();

  add(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  get size(): number {
    return this.#counts.size;
  }

  counts(): readonly Count[] {
    return [...this.#counts]
      .map(([name, entries]) => ({ name, entries }))
      .sort((a, b) => b.entries - a.entries || (a.name < b.name ? -1 : 1));
  }
}

/** Adds up entries as they are read, without keeping them. */
export class StatisticsCollector {
  readonly #packages = new Tally();
  readonly #versions = new Tally();
  readonly #signers = new Tally();
  /** The size of each blob that entries refer to, or -1 if only unreadable entries refer to it. */
  readonly referenced = new DigestMap();
  #entries = 0;
  #tarballBytes = 0;
  #duplicateBytes = 0;

  addEntry(entry: CountedEntry): void {
    if (entry.spec === undefined) {
      for (const { checksum } of entry.blobs)
        if (!this.referenced.has(checksum)) this.referenced.set(checksum, -1);
      return;
    }
    this.#entries += 1;
    this.#packages.add(entry.spec.name);
    this.#versions.add(`${entry.spec.name}@${entry.spec.version}`);
    this.#signers.add(entry.signedBy ?? 'unsigned');
    this.#tarballBytes += entry.tarball?.contentLength ?? 0;
    for (const blob of entry.blobs) {
      if ((this.referenced.get(blob.checksum) ?? -1) >= 0) this.#duplicateBytes += blob.contentLength;
      else this.referenced.set(blob.checksum, blob.contentLength);
    }
  }

  /** The figures. Compilers, targets and systems are those of `roots`. */
  statistics(
    graph: NodeGraph,
    roots: Iterable<string>,
    blobSizes: BlobSizes,
    orphans: readonly string[],
  ): MirrorStatistics {
    const compilers = new Tally();
    const targets = new Tally();
    const systems = new Tally();
    const found: string[] = [];
    for (const root of roots) {
      const entry = graph.find(root);
      if (entry === undefined) continue;
      found.push(root);
      const { target, operatingSystem, compiler } = entry;
      targets.add(target || 'unknown');
      systems.add(operatingSystem || 'unknown');
      if (compiler !== undefined) {
        const node = 'label' in compiler ? undefined : graph.find(compiler.hash);
        compilers.add('label' in compiler ? compiler.label : `${node?.name}@${node?.version}`);
      }
    }
    let blobBytes = 0;
    for (const sizeBytes of blobSizes.values()) blobBytes += sizeBytes;
    return {
      entries: this.#entries,
      packages: this.#packages.size,
      versions: this.#versions.size,
      compilers: compilers.counts(),
      targets: targets.counts(),
      operatingSystems: systems.counts(),
      signers: this.#signers.counts(),
      externals: graph.externalsOf(found).size,
      tarballBytes: this.#tarballBytes,
      blobs: blobSizes.size,
      blobBytes,
      duplicateBytesSaved: this.#duplicateBytes,
      orphans: orphans.length,
      orphanBytes: orphans.reduce((sum, sha256) => sum + (blobSizes.get(sha256) ?? 0), 0),
    };
  }
}
