import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Artifact, artifactsText, parseArtifacts, UserError } from '../src/index.ts';

const sha256 = 'a'.repeat(64);
const text = fc.stringMatching(/^[^\u0000-\u001f\u007f/\\]{1,40}$/).filter((name) => !/^\.{1,2}$/.test(name));
const artifact: fc.Arbitrary<Artifact> = fc.record(
  {
    name: text,
    sizeBytes: fc.maxSafeNat(),
    sha256: fc.stringMatching(/^[0-9a-f]{64}$/),
    path: text,
    platform: text,
    key: text,
    url: text,
  },
  { requiredKeys: ['name', 'sizeBytes', 'sha256'] },
);

describe('a list of artifacts', () => {
  test('is read as it was written', () => {
    fc.assert(
      fc.property(fc.array(artifact), (artifacts) => {
        expect(parseArtifacts(artifactsText(artifacts))).toEqual(artifacts);
      }),
    );
  });

  test('may be a manifest of stored objects, named by their keys', () => {
    const manifest = [{ key: 'a/b.zip', sizeBytes: 1, sha256, etag: '"x"' }];
    expect(parseArtifacts(JSON.stringify(manifest))).toEqual([
      { name: 'b.zip', key: 'a/b.zip', sizeBytes: 1, sha256 },
    ]);
  });

  test('may be part of a report', () => {
    fc.assert(
      fc.property(fc.array(artifact), fc.dictionary(fc.string(), fc.jsonValue()), (artifacts, rest) => {
        const report = { ...rest, outputs: { artifacts: null }, artifacts };
        expect(parseArtifacts(JSON.stringify(report))).toEqual(parseArtifacts(artifactsText(artifacts)));
      }),
    );
  });

  test.each([
    ['invalid JSON', '[', /not JSON/],
    ['neither an array nor a report', '1', /neither a JSON array nor a report/],
    ['null', 'null', /neither a JSON array nor a report/],
    [
      'a report of a run that published nothing',
      '{"dryRun":true}',
      /without "artifacts"; reports of failed runs and dry runs/,
    ],
    [
      'a report whose list is not an array',
      '{"artifacts":{}}',
      /"artifacts" of the report is not a JSON array/,
    ],
    [
      'a report with two invalid files',
      JSON.stringify({ artifacts: [1, { name: 'a' }] }),
      /file 1: .*; file 2: /,
    ],
    [
      'a report with too many files',
      JSON.stringify({ artifacts: Array.from({ length: 10_001 }, () => 1) }),
      /more than/,
    ],
    ['a text that is too long', JSON.stringify({ padding: 'x'.repeat(16 * 2 ** 20) }), /too long/],
    [
      'a name that is a path',
      JSON.stringify([{ name: '../a', sizeBytes: 1, sha256 }]),
      /file 1: .*not a file name/,
    ],
    ['no name', JSON.stringify([{ sizeBytes: 1, sha256 }]), /not a file name/],
    ['a negative size', JSON.stringify([{ name: 'a', sizeBytes: -1, sha256 }]), /sizeBytes of a/],
    [
      'an invalid hash',
      JSON.stringify([{ name: 'a', sizeBytes: 1, sha256: sha256.toUpperCase() }]),
      /sha256 of a/,
    ],
    [
      'a URL with a line break',
      JSON.stringify([{ name: 'a', sizeBytes: 1, sha256, url: 'x\n::y' }]),
      /url of a/,
    ],
    ['two invalid files', JSON.stringify([1, { name: 'a' }]), /file 1: .*; file 2: /],
    ['too many', JSON.stringify(Array.from({ length: 10_001 }, () => 1)), /more than/],
  ])('is refused with %s', (_, given, message) => {
    expect(() => parseArtifacts(given)).toThrow(message);
  });

  test('any content gives a list or a UserError (I8)', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (given) => {
        try {
          expect(Array.isArray(parseArtifacts(given))).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
        }
      }),
    );
  });
});
