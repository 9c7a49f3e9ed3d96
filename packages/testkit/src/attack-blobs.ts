import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { type Attack, type Payload, pathOf, payloadKey, victims } from './attack.ts';

interface Damage {
  readonly what: string;
  readonly code: string;
  damage(path: string): void;
}

/** What can happen to a stored file whose name stays the same. */
const damages: readonly Damage[] = [
  {
    what: 'tampered with at the same size',
    code: 'blob-tampered',
    damage(path) {
      const bytes = readFileSync(path);
      const middle = bytes.length >> 1;
      bytes[middle] = (bytes[middle] ?? 0) ^ 0x01;
      writeFileSync(path, bytes);
    },
  },
  {
    what: 'truncated',
    code: 'blob-truncated',
    damage: (path) => truncateSync(path, readFileSync(path).length >> 1),
  },
  { what: 'emptied', code: 'blob-truncated', damage: (path) => truncateSync(path, 0) },
  { what: 'missing', code: 'blob-missing', damage: (path) => rmSync(path) },
  {
    what: 'followed by more bytes',
    code: 'blob-oversized',
    damage: (path) => writeFileSync(path, 'more', { flag: 'a' }),
  },
];

const payloads: readonly Payload[] = ['tarball', 'spec'];

export const blobAttacks: readonly Attack[] = payloads.flatMap((payload) =>
  damages.map(
    ({ what, code, damage }): Attack => ({
      name: `the ${payload} ${what}`,
      code,
      // Only reading every byte of a tarball shows that one has changed.
      level: payload === 'tarball' && code === 'blob-tampered' ? 'full' : 'metadata',
      against: 'entry',
      apply: (context) => damage(pathOf(context, payloadKey(context, victims.program, payload))),
    }),
  ),
);

/** The same damage, done to an index blob. */
export { damages };
