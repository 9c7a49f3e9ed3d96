import { formatBytes } from '@slipway/core';
import { describeMachine, type Machine } from './machine.ts';
import type { Aim, Result, Sample } from './measure.ts';

/** All results of a run, as written to the result file. */
export interface Findings {
  readonly measuredAt: string;
  readonly machine: Machine;
  /** The load of the last minute before the first measurement. */
  readonly loadBefore: number;
  /** Versions of the peers that ran. */
  readonly peers: Readonly<Record<string, string>>;
  readonly results: readonly Result[];
}

const tableHead = ['measurement', 'entries', 'Slipway', 'memory', 'peer', 'peer took', 'ratio', 'aim', ''];

/** The results as Markdown: the machine, the peers, a table. */
export function formatFindings({ loadBefore, machine, measuredAt, peers, results }: Findings): string {
  const versions = Object.entries(peers).map(([name, version]) => `${name} ${version}`);
  const rows = results.map(formatRow);
  const lines = [
    `Measured on ${measuredAt.slice(0, 10)}: ${describeMachine(machine)}${versions.length > 0 ? `; ${versions.join(', ')}` : ''}.`,
    `The load average before was ${loadBefore.toFixed(1)}.`,
    '',
    tableRow(tableHead),
    tableRow(tableHead.map((_, index) => (index === 0 || index === 4 ? '---' : '--:'))),
    ...rows.map(tableRow),
  ];
  return `${lines.join('\n')}\n`;
}

/** One result on one line, as it arrives. */
export function formatResult(result: Result): string {
  const [name, entries, ours, memory, peer, peerTook, ratio, aim, verdict] = formatRow(result);
  const size = entries === '' ? '' : ` of ${entries}`;
  const against = peer === '' ? '' : ` against ${peer} ${peerTook}`;
  const factor = ratio === '' ? '' : `: ${ratio}`;
  const wanted = aim === '' ? '' : ` (aim ${aim}${verdict === '' ? '' : `, ${verdict}`})`;
  return `${name}${size}: ${ours}${memory === '' ? '' : `, ${memory}`}${against}${factor}${wanted}\n`;
}

function tableRow(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function formatRow({ name, entryCount, ours, peer, ratio, aim, reached }: Result): string[] {
  const extraMs = peer === undefined ? undefined : ours.medianMsPerPiece - peer.medianMsPerPiece;
  return [
    name,
    entryCount === undefined ? '' : entryCount.toLocaleString('en-US'),
    formatSample(ours),
    ours.peakRssBytes === undefined ? '' : formatBytes(ours.peakRssBytes),
    peer === undefined ? '' : `${peer.label}${peer.measuredElsewhere ? ', measured elsewhere' : ''}`,
    peer === undefined ? '' : formatSample(peer),
    aim?.kind === 'extra-ms'
      ? `+${formatMs(extraMs ?? Number.NaN)}`
      : ratio === undefined
        ? ''
        : `${formatRatio(ratio)}${peer?.measuredElsewhere === true ? ' (other machine)' : ''}`,
    aim === undefined ? '' : formatAim(aim),
    reached === undefined ? '' : reached ? 'reached' : 'missed',
  ];
}

function formatSample(sample: Sample): string {
  const unit = sample.pieces === 1 ? '' : ' each';
  const count = sample.runsMs.length;
  const made = sample.resultBytes === undefined ? '' : `, ${formatBytes(sample.resultBytes)}`;
  return `${formatMs(sample.medianMsPerPiece)}${unit}${made}${count === 0 ? '' : ` (${count} ${count === 1 ? 'run' : 'runs'})`}`;
}

function formatMs(ms: number): string {
  if (ms < 10) return `${ms.toFixed(2)} ms`;
  if (ms < 1000) return `${ms.toFixed(0)} ms`;
  return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
}

function formatRatio(ratio: number): string {
  return `${ratio.toFixed(ratio < 10 ? 1 : 0)}×`;
}

function formatAim(aim: Aim): string {
  switch (aim.kind) {
    case 'ratio':
      return `${aim.atLeast}×`;
    case 'peak-rss':
      return `< ${formatBytes(aim.belowBytes)}`;
    case 'extra-ms':
      return `+${aim.atMost} ms`;
  }
}
