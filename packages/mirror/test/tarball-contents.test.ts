import { gzipSync } from 'node:zlib';
import {
  buildInfo,
  gnuFormat,
  gnuLong,
  honestMembers,
  paxHeader,
  rawTar,
  type TarMember,
  victimPrefix,
  withPaxNames,
} from '@slipway/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { relocationListOf } from '../src/relocation-list.ts';
import { TarballFault } from '../src/tar-header.ts';
import { TarballContents } from '../src/tarball-contents.ts';
import { judgeTarball, TarballJudge, type TarballVerdict } from '../src/tarball-reading.ts';

const dagHash = 'dhoyfew7acbbjzzbqka3wknqpckquxwo';
const specJson = JSON.stringify({
  spec: { _meta: { version: 5 }, nodes: [{ name: 'greet', hash: dagHash }] },
});
const inPrefix = (path: string): string => `${victimPrefix}/${path}`;
const sound = { kind: 'sound', dagHash, warnings: [] };

function judge(...added: readonly TarMember[]): Promise<TarballVerdict> {
  const honest = honestMembers(specJson);
  return judgeTarball(
    gzipSync(rawTar(withPaxNames([...honest.slice(0, -1), ...added, ...honest.slice(-1)]))),
  );
}

/** The verdict on a tarball that arrives in pieces of these sizes, cyclically. */
async function judgePieces(stored: Uint8Array, sizes: readonly number[]): Promise<TarballVerdict> {
  const tarball = new TarballJudge();
  for (let start = 0, turn = 0; start < stored.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    await tarball.push(stored.subarray(start, start + size));
    start += size;
  }
  return tarball.end();
}

const codeOf = (verdict: TarballVerdict): string => (verdict.kind === 'sound' ? 'sound' : verdict.fault.code);

describe('a tarball may hold', () => {
  const longPath = `share/${'a-long-name/'.repeat(20)}file`;
  const honest: readonly (readonly [string, readonly TarMember[]])[] = [
    [
      'links to anywhere, with nothing below them',
      [
        { name: inPrefix('bin/sh'), type: '2', target: '/bin/sh' },
        { name: inPrefix('bin/up'), type: '2', target: '../../other-1.0/bin/up' },
        { name: inPrefix('bin/none'), type: '2', target: 'nowhere' },
      ],
    ],
    [
      'hard links to earlier files, and to such links',
      [
        { name: inPrefix('bin/a'), type: '1', target: inPrefix('bin/greet') },
        { name: inPrefix('bin/b'), type: '1', target: inPrefix('bin/a') },
      ],
    ],
    ['long names as Python writes them now', [{ name: inPrefix(longPath), body: 'x' }]],
    [
      'long names as Python wrote them before 3.8',
      [
        gnuLong('target', inPrefix(longPath)),
        gnuLong('name', inPrefix('bin/link')),
        { name: inPrefix('bin/link').slice(0, 100), type: '2', target: 'cut off', format: gnuFormat },
      ],
    ],
    [
      'names that are not UTF-8',
      [
        paxHeader({ hdrcharset: 'BINARY', path: inPrefix('bin/caf\xe9') }),
        { name: inPrefix('bin/caf'), body: 'x' },
      ],
    ],
    [
      "backslashes, as in the names of systemd's units",
      [{ name: inPrefix('lib\\x2dfoo.service'), body: 'x' }],
    ],
    [
      'names with dots',
      [
        { name: inPrefix('...'), body: 'x' },
        { name: inPrefix('bin/..a'), body: 'x' },
      ],
    ],
    ['a slash at the end of a directory', [{ name: inPrefix('lib/'), type: '5' }]],
    [
      'a directory entry after its contents',
      [
        { name: inPrefix('lib/x'), body: 'x' },
        { name: inPrefix('lib'), type: '5' },
      ],
    ],
    [
      'another spec deeper inside, which is ignored',
      [
        { name: inPrefix('share/.spack/spec.json'), body: specJson.replace(dagHash, 'a'.repeat(32)) },
        { name: inPrefix('share/.spack/binary_distribution'), body: '' },
      ],
    ],
    [
      'dates and owners',
      [
        paxHeader({ mtime: '1.5', uid: '12345678', uname: 'somebody' }),
        { name: inPrefix('bin/dated'), body: 'x' },
      ],
    ],
    [
      'a size in base 256',
      [{ name: inPrefix('bin/x'), sizeField: `\x80${'\0'.repeat(10)}\x03`, body: 'abc' }],
    ],
  ];

  it.each(honest)('%s', async (_, members) => {
    expect(await judge(...members)).toEqual(sound);
  });

  it('no directories before its prefix, as Spack before 0.22 packed', async () => {
    const members = honestMembers(specJson).filter(({ name }) => name.startsWith(victimPrefix));
    expect(await judgeTarball(gzipSync(rawTar(members)))).toEqual(sound);
  });

  it('a file name and a comment in its gzip header', async () => {
    const packed = gzipSync(rawTar(honestMembers(specJson)));
    packed[3] = 8 + 16;
    const named = Buffer.concat([
      packed.subarray(0, 10),
      Buffer.from('name.tar\0comment\0'),
      packed.subarray(10),
    ]);
    expect(await judgeTarball(named)).toEqual(sound);
    expect(await judgePieces(named, [3])).toEqual(sound);
  });

  it('names that are not UTF-8, listed as Spack lists them', async () => {
    const info = buildInfo(victimPrefix, 'relocate_textfiles: ["bin/caf\\uDCE9"]');
    const members = [
      ...honestMembers(specJson).slice(0, -1),
      { name: inPrefix('bin/caf\xe9'), body: 'x' },
      info,
    ];
    expect(await judgeTarball(gzipSync(rawTar(members)))).toEqual(sound);
  });

  it('owners and dates in base 256', async () => {
    expect(
      await judge({ name: inPrefix('bin/owned'), userField: '\x80\0\0\0\xff\xff\xff\xfe', body: 'x' }),
    ).toEqual(sound);
  });

  it('set-user-ID bits with a warning', async () => {
    const verdict = await judge({ name: inPrefix('bin/su'), mode: 0o4755, body: 'x' });
    expect(verdict).toMatchObject({ kind: 'sound', warnings: [{ code: 'tarball-setuid' }] });
  });
});

describe('I8: what is kept of a tarball is limited', () => {
  const entry = { kind: 'file', target: '', mode: 0o644, sizeBytes: 0 } as const;

  it('by total name length', () => {
    const contents = new TarballContents();
    const long = `${'x'.repeat(200)}/`.repeat(18);
    const addMany = (): void => {
      for (let index = 0; ; index += 1) contents.entry({ ...entry, name: `${long}${index}` });
    };
    expect(addMany).toThrow(expect.objectContaining({ code: 'tarball-too-large' }));
  });

  it('by the number of entries', () => {
    const contents = new TarballContents();
    const addMany = (): void => {
      for (let index = 0; ; index += 1) contents.entry({ ...entry, name: `${index}` });
    };
    expect(addMany).toThrow(TarballFault);
  });
});

/** All kinds of members, honest or not, below and beside the prefix. */
const names = fc.oneof(
  fc.constantFrom(
    'bin',
    'bin/greet',
    'lib',
    'lib/x',
    'lib/x/y',
    'share',
    'share/a',
    '..',
    '../x',
    './a',
    'a//b',
    'lib/',
  ),
  fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/')),
);
const places = fc.oneof(
  { weight: 8, arbitrary: names.map(inPrefix) },
  { weight: 1, arbitrary: names.map((name) => `${victimPrefix}${name}`) },
  { weight: 1, arbitrary: fc.constantFrom('/etc/x', 'opt/spack', 'opt/x', 'opt', '', '/') },
);
const members = fc.array(
  fc.record(
    {
      name: places,
      type: fc.constantFrom('0', '0', '1', '2', '2', '5', '5', '3', '6', '7', '\0'),
      target: fc.oneof(places, fc.constantFrom('/etc', '..', '../../..', 'lib', 'a', 'bin/greet')),
      body: fc.constantFrom('', 'x'),
      prefix: fc.constantFrom('', '', '', '', 'a'),
    },
    { requiredKeys: ['name', 'type', 'target'] },
  ),
  { maxLength: 6 },
);

const packed = members.map((added) => {
  const honest = honestMembers(specJson);
  return gzipSync(rawTar(withPaxNames([...honest.slice(0, -1), ...added, ...honest.slice(-1)])), {
    level: 1,
  });
});

describe('judging a tarball', () => {
  const tar = rawTar(honestMembers(specJson));
  const half = tar.length / 2;
  it.each([
    ['two members', [gzipSync(tar.subarray(0, half)), gzipSync(tar.subarray(half))]],
    ['an empty member first', [gzipSync(''), gzipSync(tar)]],
    ['an empty member last', [gzipSync(tar), gzipSync('')]],
    ['a member behind zeros', [gzipSync(tar), Buffer.alloc(3), gzipSync(tar)]],
    ['zeros at the end', [gzipSync(tar), Buffer.alloc(512)]],
    ['other bytes at the end', [gzipSync(tar), Buffer.from('more')]],
  ])('I8: refuses a gzip with %s, whole and in pieces', async (_, pieces) => {
    const tarball = Buffer.concat(pieces);
    for (const verdict of [await judgeTarball(tarball), await judgePieces(tarball, [50])])
      expect(codeOf(verdict)).toBe('gzip-trailing-data');
  });

  it('I8: gives the same verdict whether it is read whole or in pieces', async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(packed, sizes, async (tarball, pieces) => {
        expect(await judgePieces(tarball, pieces)).toEqual(await judgeTarball(tarball));
      }),
      { numRuns: 200 },
    );
  });

  it('I8: ends in a verdict whatever bytes the tar contains', async () => {
    const changes = fc.array(fc.record({ at: fc.nat(), byte: fc.nat(255) }), { minLength: 1, maxLength: 8 });
    const counts = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(changes, fc.nat(2), async (edits, cut) => {
        const tar = rawTar(honestMembers(specJson));
        for (const { at, byte } of edits) tar[at % (12 * 512)] = byte;
        const tarball = gzipSync(tar.subarray(0, cut === 0 ? tar.length / 2 : tar.length), { level: 1 });
        const code = codeOf(await judgeTarball(tarball));
        counts.set(code, (counts.get(code) ?? 0) + 1);
        expect(await judgePieces(tarball, [333])).toEqual(await judgeTarball(tarball));
      }),
      { numRuns: 300 },
    );
    expect(counts.size).toBeGreaterThan(1);
  });

  it('I8: ends in a verdict whatever bytes the file contains', async () => {
    await fc.assert(
      fc.asyncProperty(packed, fc.nat(), fc.uint8Array({ maxLength: 6 }), async (tarball, at, planted) => {
        const changed = Buffer.from(tarball);
        changed.set(planted.slice(0, changed.length), at % Math.max(1, changed.length - planted.length));
        // Either of two faults may be found first.
        const { kind } = await judgeTarball(changed);
        expect((await judgePieces(changed, [97, 4096])).kind).toBe(kind);
      }),
      { numRuns: 200 },
    );
  });
});

describe('the relocation list', () => {
  const wrap = (rest: string): string => `{buildpath: /opt/spack, hash_to_prefix: {abc: /a/b}, ${rest}}\n`;
  const read: readonly (readonly [string, string, readonly string[], readonly string[]])[] = [
    [
      'plain paths',
      'relocate_textfiles: [a, b/c-d.e], relocate_binaries: [lib/x.so], relocate_links: [l]',
      ['a', 'b/c-d.e', 'lib/x.so'],
      ['l'],
    ],
    ['no paths', 'relocate_textfiles: [], relocate_binaries: [], relocate_links: []', [], []],
    [
      'blanks, quotes and punctuation in them',
      `relocate_textfiles: [a b, 'it''s', "caf\\xe9", a#b, a:b, -x, 'a: b']`,
      ['a b', "it's", 'café', 'a#b', 'a:b', '-x', 'a: b'],
      [],
    ],
    [
      'names that Spack escapes or half quotes',
      'relocate_textfiles: ["tab\\tx", "new\\nline", "bell\\a", "bom\\uFEFFx", no\xa0break, :x, "latin\\uDCE9"]',
      ['tab\tx', 'new\nline', 'bell\x07', 'bom\ufeffx', 'no\xa0break', ':x', 'latin\udce9'],
      [],
    ],
    ['lines that were broken', 'relocate_textfiles: [a,\n  b],\n  relocate_links: [\n c]', ['a', 'b'], ['c']],
    ['other values before them', "a: true, b: 'x', c: [1, 2], relocate_textfiles: [a]", ['a'], []],
  ];
  it.each(read)('is read with %s', (_, text, files, links) => {
    expect(relocationListOf(wrap(text))).toEqual({ files, links });
  });

  it.each([
    ['a block', 'relocate_textfiles:\n- ../x\n'],
    ['an anchor', wrap('a: &a [x], relocate_textfiles: [x]')],
    ['an alias', wrap('relocate_textfiles: *a')],
    ['a tag', wrap('relocate_textfiles: !!seq [x]')],
    ['a comment', wrap('a: b #, \n relocate_textfiles: [x]')],
    ['a mapping in its place', wrap('relocate_textfiles: {x: y}')],
    ['a merged mapping', wrap('<<: {relocate_textfiles: [x]}')],
    ['a carriage return', wrap("relocate_textfiles: ['a\rb']")],
    ['another break of a line', wrap('relocate_textfiles: ["a\x85b"]')],
    ['a merged list', wrap('<<: {relocate_textfiles: x}, relocate_textfiles: []')],
    ['two documents', `${wrap('relocate_textfiles: []')}---\n${wrap('relocate_textfiles: [x]')}`],
    ['an escape that is not known', wrap('"relocate\\qtextfiles": [x]')],
    ['nothing behind it', '{relocate_textfiles: [x'],
  ])('is not read with %s', (_, text) => {
    const list = relocationListOf(text);
    if (list !== undefined) expect(list.files).toContain('x');
  });

  it('I8: is read to an end for any text, in linear time', () => {
    const alphabet = [...'{}[],:\'"\\ \n-#&*abr', 'relocate_links', 'relocate_textfiles: [', '"\\x'];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...alphabet), { maxLength: 60 }), (parts) => {
        relocationListOf(parts.join(''));
      }),
      { numRuns: 2000 },
    );
    for (const part of ['a b ', "''", '\\"', 'a:', ' ', '- ', 'a#']) {
      relocationListOf(`{relocate_textfiles: [${part.repeat(200_000)}`);
    }
  });
});
