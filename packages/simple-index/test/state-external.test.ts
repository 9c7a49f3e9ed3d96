import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodeExternal,
  type ExternalFile,
  type ExternalState,
  encodeExternal,
  externalUrl,
} from '../src/index.ts';

const parameters = { seed: 20261128, numRuns: 500 } as const;
const fileName = 'numpy-2.0-cp313-cp313-linux_x86_64.whl';
const row = ['https://f.example/a.whl', 1, 2, 'a'.repeat(64), '', '>=3.9', null, 0];
const document = {
  format: 1,
  index: 'https://i.example/',
  etag: '"e"',
  status: null,
  files: { [fileName]: row },
};

function read(value: unknown) {
  return decodeExternal(gzipSync(JSON.stringify(value)), 'numpy');
}

function file(rest: Partial<ExternalFile> & { readonly version: string }): ExternalFile {
  const name = `numpy-${rest.version}-py3-none-any.whl`;
  return {
    key: name,
    fileName: name,
    project: 'numpy',
    etag: '',
    modifiedAtMs: 0,
    sizeBytes: undefined,
    uploadedAtMs: undefined,
    sha256: undefined,
    metadata: undefined,
    requiresPython: undefined,
    yanked: undefined,
    url: 'https://f.example/numpy.whl',
    isDropped: false,
    ...rest,
  };
}

const text = fc.string({ maxLength: 50 });
const sum = fc.stringMatching(/^[0-9a-f]{64}$/);
const none = { nil: undefined };
const state: fc.Arbitrary<ExternalState> = fc.record({
  index: fc.webUrl(),
  etag: fc.option(text),
  status: fc.option(fc.record({ status: fc.constantFrom('active', 'quarantined'), reason: text })),
  files: fc
    .array(
      fc.record({
        version: fc.nat(20).map((minor) => `1.${minor}`),
        sizeBytes: fc.option(fc.maxSafeNat(), none),
        uploadedAtMs: fc.option(fc.maxSafeNat(), none),
        sha256: fc.option(sum, none),
        metadata: fc.option(fc.record({ sha256: fc.option(sum, none) }), none),
        requiresPython: fc.option(text, none),
        yanked: fc.option(text, none),
        isDropped: fc.boolean(),
      }),
    )
    .map((files) => new Map(files.map(file).map((one) => [one.fileName, one]))),
});

describe('what is remembered of a project of another index', () => {
  test('is read as it was written, whatever it is, and has the same bytes in any order', () => {
    fc.assert(
      fc.property(state, (one) => {
        const bytes = encodeExternal(one);
        expect(decodeExternal(bytes, 'numpy')).toEqual({ kind: 'read', value: one });
        const files = new Map([...one.files].reverse());
        expect(encodeExternal({ ...one, files })).toEqual(bytes);
      }),
      parameters,
    );
  });

  test('is read if every value is of its kind', () => {
    expect(read(document)).toMatchObject({ kind: 'read', value: { etag: '"e"' } });
  });

  test.each([
    ['another format', { ...document, format: 2 }],
    ['no index', { ...document, index: 5 }],
    ['an unknown status', { ...document, status: ['lost', null] }],
    ['a file of another project', { ...document, files: { 'six-1-py3-none-any.whl': row } }],
    ['what is no distribution', { ...document, files: { 'numpy.txt': row } }],
    ['a short row', { ...document, files: { [fileName]: row.slice(1) } }],
    ['a local URL', { ...document, files: { [fileName]: ['file:///etc/passwd', ...row.slice(1)] } }],
    ['a script', { ...document, files: { [fileName]: ['javascript:alert(1)', ...row.slice(1)] } }],
    ['a relative URL', { ...document, files: { [fileName]: ['../a.whl', ...row.slice(1)] } }],
    ['a password', { ...document, files: { [fileName]: ['https://u:p@f.example/a.whl', ...row.slice(1)] } }],
    ['a negative size', { ...document, files: { [fileName]: row.with(1, -1) } }],
    ['half a sum', { ...document, files: { [fileName]: row.with(3, 'a'.repeat(63)) } }],
    ['a long text', { ...document, files: { [fileName]: row.with(6, 'a'.repeat(2_001)) } }],
  ])('is damaged with %s', (_, value) => {
    expect(read(value)).toEqual({ kind: 'damaged', reason: expect.any(String) });
  });

  test('never throws for bytes of any kind', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.jsonValue().map((value) => gzipSync(JSON.stringify(value))),
        ),
        (bytes) => {
          expect(decodeExternal(bytes, 'numpy').kind).toBe('damaged');
        },
      ),
      parameters,
    );
  });

  test('I8: is not written if no run could read it', () => {
    const yanked = '\u0000'.repeat(2_000);
    const files = Array.from({ length: 6_000 }, (_, index) => file({ version: `${index}`, yanked }));
    const large = { index: 'https://i.example/', etag: null, status: null };
    const encode = () =>
      encodeExternal({ ...large, files: new Map(files.map((one) => [one.fileName, one])) });
    expect(encode).toThrow(expect.objectContaining({ code: 'too-large' }));
  });

  test('names no place but http and https without a user', () => {
    expect(externalUrl('https://f.example/a b.whl#sha256=1')).toBe('https://f.example/a%20b.whl');
    for (const url of [
      'ftp://f.example/a',
      'data:,',
      'https://u@f.example/a',
      'https://:p@f.example/a',
      'a',
    ]) {
      expect(externalUrl(url)).toBeUndefined();
    }
  });

  test('has only what is known', () => {
    const bytes = encodeExternal({ index: 'https://i.example/', etag: null, status: null, files: new Map() });
    expect(gunzipSync(bytes).toString()).toBe(
      '{"format":1,"index":"https://i.example/","etag":null,"status":null,"files":{}}',
    );
  });
});
