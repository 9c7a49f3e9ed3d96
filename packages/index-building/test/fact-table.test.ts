import { createHash } from 'node:crypto';
import type { FileFacts, HashOrigin } from '@slipway/simple-index';
import { describe, expect, it } from 'vitest';
import { FactTable } from '../src/index.ts';

const origins: readonly (HashOrigin | null)[] = ['checksum', 'metadata', 'computed', 'none', null];
const hash = (text: string) => createHash('sha256').update(text).digest('hex');

/** Facts with every mixture of what is known and what is not. */
function factsOf(number: number): FileFacts {
  const metadata = {
    etag: `"m${number}"`,
    sha256: number % 3 === 0 ? null : hash(`m${number}`),
    requiresPython: number % 4 === 0 ? null : `>=3.${number % 7}`,
  };
  return {
    etag: `"${number}"`,
    sizeBytes: number,
    modifiedAtMs: 1_700_000_000_000 + number,
    uploadedAtMs: 1_600_000_000_000 + number,
    sha256: number % 5 === 0 ? null : hash(String(number)),
    hashOrigin: origins[number % origins.length] ?? null,
    metadata: number % 2 === 0 ? null : metadata,
  };
}

describe('a table of facts', () => {
  it('gives back what it was given, and the last of several', () => {
    const table = new FactTable();
    const add = (number: number, facts: FileFacts) => {
      const { etag, sizeBytes, modifiedAtMs } = facts;
      table.set({ key: `whl/${number}.whl`, etag, sizeBytes, modifiedAtMs }, facts);
    };
    const count = 40_000;
    for (let number = 0; number < count; number += 1) add(number, factsOf(number + 1));
    for (let number = 0; number < count; number += 1) add(number, factsOf(number));
    for (let number = 0; number < count; number += 1) {
      const facts = table.get(`whl/${number}.whl`);
      if (JSON.stringify(facts) !== JSON.stringify(factsOf(number))) expect(facts).toEqual(factsOf(number));
    }
    expect(table.get('whl/none.whl')).toBeUndefined();
  });
});
