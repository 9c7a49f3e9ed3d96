import type { ProgressPort } from '@slipway/core';
import { EntryFormats } from './entry-formats.ts';
import type { EntryReport } from './entry-reader.ts';
import { type EntryScan, scanEntries } from './entry-scan.ts';
import type { Finding } from './findings.ts';
import { NodeGraph } from './node-graph.ts';

export type CollectionScan = Omit<EntryScan, 'nodes' | 'onEntry'> & { readonly progress: ProgressPort };

/** Entries that have been read and judged: the nodes of their specs, their formats, and their findings. */
export class EntryCollection {
  readonly graph: NodeGraph;
  readonly formats = new EntryFormats();
  readonly findings: Finding[] = [];

  constructor(expectedEntries: number) {
    this.graph = new NodeGraph(expectedEntries);
  }

  /** Reads the entries of these manifests and shows progress as `label`. */
  async read(
    keys: readonly string[],
    label: string,
    { progress, ...scan }: CollectionScan,
    onEntry: (entry: EntryReport) => void = () => undefined,
  ): Promise<void> {
    progress.start(label, keys.length, 'entries');
    await scanEntries(keys, {
      ...scan,
      nodes: this.graph.tables,
      onEntry: (entry) => {
        progress.advance(1);
        this.findings.push(...entry.findings);
        this.formats.note(entry);
        onEntry(entry);
      },
    });
  }
}
