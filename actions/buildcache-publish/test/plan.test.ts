import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Observation, type PresentEntry, plan, type StagedEntry, type Step } from '../src/plan.ts';

const signer = 'A'.repeat(40);

function entry(name: string, more: Partial<StagedEntry> = {}): StagedEntry {
  const blob = (kind: string) => ({
    checksum: `${name}-${kind}`,
    contentLength: 10,
    mediaType: kind,
    compression: 'gzip' as const,
    checksumAlgorithm: 'sha256' as const,
  });
  return {
    key: `key-${name}`,
    dagHash: name,
    payloadSha256: `payload-${name}`,
    signedBy: signer,
    blobs: [blob('tarball'), blob('spec')],
    dependencies: [],
    ...more,
  };
}

function observation(entries: readonly StagedEntry[], more: Partial<Observation> = {}): Observation {
  const hashes = entries.map(({ dagHash }) => dagHash);
  return {
    entries,
    present: {},
    presentBlobs: [],
    keys: [signer],
    view: undefined,
    signUnsigned: false,
    overwrite: false,
    unindexed: hashes,
    unindexedInView: hashes,
    pending: [],
    ...more,
  };
}

/** A short text for a step. */
function brief(step: Step): string {
  switch (step.kind) {
    case 'announce':
      return `announce ${step.hashes.join(' ')}`;
    case 'upload-blob':
      return `upload ${step.sha256}`;
    case 'write-manifest':
      return `${step.replaces === undefined ? 'write' : 'replace'} ${step.dagHash}`;
    case 'advance-index':
      return `${step.view ?? 'main'} + ${step.hashes.join(' ')}`.trimEnd();
    default:
      return step.kind;
  }
}

const same: PresentEntry = { etag: 'e', payloadSha256: 'payload-a', signedBy: signer };

describe('the plan of publishing', () => {
  it('orders blobs, manifests with dependencies first, keys, layout, and the index last', () => {
    const entries = [
      entry('app', { dependencies: ['lib'] }),
      entry('data'),
      entry('lib', { dependencies: ['data'] }),
    ];
    expect(plan(observation(entries, { view: 'stable' })).steps.map(brief)).toEqual([
      'announce app data lib',
      'upload app-tarball',
      'upload app-spec',
      'upload data-tarball',
      'upload data-spec',
      'upload lib-tarball',
      'upload lib-spec',
      'write data',
      'write lib',
      'write app',
      'add-keys',
      'ensure-layout',
      'main + app data lib',
      'stable + app data lib',
      'withdraw-announcements',
    ]);
  });

  const cases: readonly [
    string,
    PresentEntry | undefined,
    Partial<Observation>,
    Partial<StagedEntry>,
    string,
  ][] = [
    ['is new', undefined, {}, {}, 'written'],
    ['is there', same, {}, {}, 'unchanged'],
    ['is there, overwriting', same, { overwrite: true }, {}, 'unchanged'],
    ['differs', { ...same, payloadSha256: 'other' }, {}, {}, 'kept'],
    ['differs, overwriting', { ...same, payloadSha256: 'other' }, { overwrite: true }, {}, 'replaced'],
    ['is there unsigned', { ...same, signedBy: undefined }, {}, {}, 'replaced'],
    ['is there signed, and staged unsigned', same, {}, { signedBy: undefined }, 'unchanged'],
    ['is unsigned on both sides', { ...same, signedBy: undefined }, {}, { signedBy: undefined }, 'unchanged'],
    ['is there by another trusted key', { ...same, signedBy: 'B'.repeat(40) }, {}, {}, 'unchanged'],
    [
      'exists but would be refused',
      { etag: 'e', payloadSha256: undefined, signedBy: undefined },
      {},
      {},
      'replaced',
    ],
  ];
  it.each(cases)('an entry that %s', (_, present, more, staged, outcome) => {
    const { steps, kept, unchanged } = plan(
      observation([entry('a', staged)], {
        present: present === undefined ? {} : { 'key-a': present },
        ...more,
      }),
    );
    const words = steps.map(brief);
    expect({
      written: words.includes('write a'),
      replaced: words.includes('replace a'),
      kept: kept.length === 1,
      unchanged: unchanged.length === 1,
    }).toEqual({ written: false, replaced: false, kept: false, unchanged: false, [outcome]: true });
    expect(words.some((word) => word.startsWith('announce'))).toBe(
      outcome === 'written' || outcome === 'replaced',
    );
    // The mirror's own entry is kept: neither its blobs nor its node come from the staged tree.
    expect(words.includes('upload a-tarball')).toBe(outcome !== 'kept');
    expect(words).toContain(outcome === 'kept' ? 'main +' : 'main + a');
  });

  it('uploads a blob that several entries share once, and existing ones not at all', () => {
    const [first, second] = [entry('a'), entry('b', { blobs: entry('a').blobs })];
    const words = plan(observation([first, second], { presentBlobs: ['a-spec'] })).steps.map(brief);
    expect(words.filter((word) => word.startsWith('upload'))).toEqual(['upload a-tarball']);
  });

  it('indexes what an interrupted run stored and did not index', () => {
    const { steps, unchanged } = plan(observation([entry('a')], { present: { 'key-a': same } }));
    expect(unchanged).toEqual(['key-a']);
    expect(steps.map(brief)).toContain('main + a');
  });

  it('withdraws the notes of interrupted publishes whose entries are all indexed now, and no others', () => {
    const pending = [
      { publishId: 'of mine', unindexed: ['a'] },
      { publishId: 'indexed since', unindexed: [] },
      { publishId: 'of somebody else', unindexed: ['a', 'x'] },
    ];
    const { steps } = plan(observation([entry('a')], { present: { 'key-a': same }, pending }));
    expect(steps.at(-1)).toEqual({
      kind: 'withdraw-announcements',
      publishIds: ['of mine', 'indexed since'],
    });
  });

  it('does not add keys if none is trusted', () => {
    expect(plan(observation([entry('a')], { keys: [] })).steps.map(brief)).not.toContain('add-keys');
  });
});

/** Graphs of up to 12 entries with any edges, including cycles, any part of which is already stored. */
const observations = fc.integer({ min: 1, max: 12 }).chain((count) => {
  const hash = (index: number) => `h${index}`;
  const hashes = Array.from({ length: count }, (_, index) => hash(index));
  return fc
    .record({
      edges: fc.array(fc.tuple(fc.nat(count - 1), fc.nat(count - 1)), { maxLength: 30 }),
      present: fc.array(fc.constantFrom<'same' | 'other' | 'none'>('same', 'other', 'none'), {
        minLength: count,
        maxLength: count,
      }),
      unindexed: fc.subarray(hashes),
      view: fc.option(fc.constant('stable'), { nil: undefined }),
      overwrite: fc.boolean(),
    })
    .map(({ edges, present, unindexed, view, overwrite }) => {
      const entries = hashes.map((name, index) =>
        entry(name, { dependencies: edges.filter(([from]) => from === index).map(([, to]) => hash(to)) }),
      );
      const stored: Record<string, PresentEntry> = {};
      for (const [index, kind] of present.entries()) {
        if (kind === 'none') continue;
        const payloadSha256 = kind === 'same' ? `payload-h${index}` : 'other';
        stored[`key-h${index}`] = { etag: 'e', payloadSha256, signedBy: signer };
      }
      return {
        acyclic: edges.every(([from, to]) => from < to),
        observation: observation(entries, { present: stored, unindexed, view, overwrite }),
      };
    });
});

describe('I1: for any staged graph', () => {
  it('what is stored is complete at every moment, and nothing is lost or done twice', () => {
    fc.assert(
      fc.property(observations, ({ acyclic, observation: seen }) => {
        const { steps, kept, unchanged } = plan(seen);
        const phases = [
          'announce',
          'upload-blob',
          'write-manifest',
          'add-keys',
          'ensure-layout',
          'advance-index',
        ];
        const order = [...phases, 'withdraw-announcements'];
        const positions = steps.map(({ kind }) => order.indexOf(kind));
        expect(positions).toEqual(positions.toSorted((a, b) => a - b));

        const writes = steps.filter((step) => step.kind === 'write-manifest');
        const written = writes.map((step) => step.key);
        expect([...written, ...kept, ...unchanged].sort()).toEqual(seen.entries.map(({ key }) => key).sort());

        const uploads = steps.filter((step) => step.kind === 'upload-blob').map((step) => step.sha256);
        expect(new Set(uploads).size).toBe(uploads.length);

        const waves = new Map(writes.map((step) => [step.dagHash, step.wave]));
        for (const { dagHash, dependencies } of seen.entries) {
          const wave = waves.get(dagHash);
          if (wave === undefined || !acyclic) continue;
          for (const dependency of dependencies) {
            expect(waves.get(dependency) ?? -1, `${dependency} before ${dagHash}`).toBeLessThan(wave);
          }
        }

        const indexed = steps.find((step) => step.kind === 'advance-index' && step.view === undefined);
        const keptHashes = new Set(kept.map((key) => key.replace('key-', '')));
        const stored = seen.entries.map(({ dagHash }) => dagHash).filter((hash) => !keptHashes.has(hash));
        const announced = steps.find((step) => step.kind === 'announce');
        expect(announced?.hashes).toEqual(writes.length > 0 ? stored : undefined);
        const withdrawn = steps.find((step) => step.kind === 'withdraw-announcements');
        expect(withdrawn?.publishIds).toEqual(announced && [announced.publishId]);
        expect(indexed).toMatchObject({
          hashes: stored.filter((hash) => seen.unindexed.includes(hash)),
        });
      }),
      { numRuns: 400 },
    );
  });
});
