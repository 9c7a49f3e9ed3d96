import { describe, expect, it } from 'vitest';
import { plan } from '../src/plan.ts';

const fingerprint = 'A'.repeat(40);
const entry = (key: string, signedBy?: string) => ({ key, payloadSha256: `sha of ${key}`, signedBy });

describe('the plan of signing', () => {
  it('signs what this key has not signed, then adds its public half', () => {
    const entries = [entry('mine', fingerprint), entry('nobody’s'), entry('theirs', 'B'.repeat(40))];
    expect(plan({ fingerprint, entries, output: undefined })).toEqual({
      alreadySigned: 1,
      steps: [
        { kind: 'sign-manifest', key: 'nobody’s', payloadSha256: 'sha of nobody’s' },
        { kind: 'sign-manifest', key: 'theirs', payloadSha256: 'sha of theirs' },
        { kind: 'add-public-key', fingerprint },
      ],
    });
  });

  it('copies blobs, then other documents, and then signs', () => {
    const entries = [
      entry('new'),
      entry('mine', fingerprint),
      entry('signed there'),
      entry('unsigned there'),
    ];
    const output = {
      blobs: ['blob'],
      documents: ['layout', ...entries.map(({ key }) => key)],
      signers: new Map([
        ['signed there', fingerprint],
        ['unsigned there', undefined],
      ]),
    };
    const { steps, alreadySigned } = plan({ fingerprint, entries, output });
    expect(alreadySigned).toBe(2);
    expect(steps).toMatchObject([
      { kind: 'copy-objects', keys: ['blob'] },
      { kind: 'copy-objects', keys: ['layout', 'mine', 'signed there'] },
      { kind: 'sign-manifest', key: 'new' },
      { kind: 'sign-manifest', key: 'unsigned there' },
      { kind: 'add-public-key' },
    ]);
  });

  it('signs again what is signed in the staged tree but unsigned in the output', () => {
    const output = { blobs: [], documents: [], signers: new Map([['mine', undefined]]) };
    const { steps } = plan({ fingerprint, entries: [entry('mine', fingerprint)], output });
    expect(steps.map(({ kind }) => kind)).toEqual(['sign-manifest', 'add-public-key']);
  });
});
