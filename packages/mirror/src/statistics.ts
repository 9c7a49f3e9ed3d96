import type { BlobRecord } from '@slipway/spack-buildcache';
import type { EntryReport } from './entry-reader.ts';
import type { NodeGraph } from './node-graph.ts';

/** Figures about a mirror for people. Sizes in bytes. */
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
  /** Bytes that content addressing saves: referred to more than once, stored once. */
  readonly duplicateBytesSaved: number;
  readonly orphans: number;
  readonly orphanBytes: number;
}

/** What is counted of an entry. */
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

/** Adds entries up as they are read, and keeps nothing of them. */
export class StatisticsCollector {
  readonly #packages = new Tally();
  readonly #versions = new Tally();
  readonly #signers = new Tally();
  readonly #referenced = new Map<string, number>();
  #entries = 0;
  #tarballBytes = 0;
  #duplicateBytes = 0;

  addEntry(entry: CountedEntry): void {
    if (entry.spec === undefined) return;
    this.#entries += 1;
    this.#packages.add(entry.spec.name);
    this.#versions.add(`${entry.spec.name}@${entry.spec.version}`);
    this.#signers.add(entry.signedBy ?? 'unsigned');
    this.#tarballBytes += entry.tarball?.contentLength ?? 0;
    for (const blob of entry.blobs) {
      if (this.#referenced.has(blob.checksum)) this.#duplicateBytes += blob.contentLength;
      else this.#referenced.set(blob.checksum, blob.contentLength);
    }
  }

  /** The figures; compilers, targets and systems are those of `roots`. */
  statistics(
    graph: NodeGraph,
    roots: Iterable<string>,
    blobSizes: ReadonlyMap<string, number>,
    orphans: readonly string[],
  ): MirrorStatistics {
    const compilers = new Tally();
    const targets = new Tally();
    const systems = new Tally();
    const externals = new Set<string>();
    for (const root of roots) {
      const node = graph.find(root);
      if (node === undefined) continue;
      targets.add(node.target || 'unknown');
      systems.add(node.operatingSystem || 'unknown');
      if (node.compiler !== undefined) {
        const compiler = 'label' in node.compiler ? undefined : graph.find(node.compiler.hash);
        compilers.add(
          'label' in node.compiler ? node.compiler.label : `${compiler?.name}@${compiler?.version}`,
        );
      }
      for (const dependency of node.dependencyHashes)
        if (graph.find(dependency)?.external) externals.add(dependency);
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
      externals: externals.size,
      tarballBytes: this.#tarballBytes,
      blobs: blobSizes.size,
      blobBytes,
      duplicateBytesSaved: this.#duplicateBytes,
      orphans: orphans.length,
      orphanBytes: orphans.reduce((sum, sha256) => sum + (blobSizes.get(sha256) ?? 0), 0),
    };
  }
}
