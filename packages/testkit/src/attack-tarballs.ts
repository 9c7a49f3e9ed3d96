import { gzipSync } from 'node:zlib';
import { type Attack, type AttackContext, victims } from './attack.ts';
import {
  addMembers,
  attackTarball,
  buildInfo,
  file,
  honestMembers,
  link,
  replaceTarball,
  victimPrefix,
} from './attack-tarball.ts';
import { tarballMemberAttacks } from './attack-tarball-members.ts';
import { readSpecJson } from './mirror-files.ts';
import { rawTar, type TarMember, withPaxNames } from './raw-tar.ts';

const specs: readonly Attack[] = [
  attackTarball(
    'the spec of another package in it, and the right one deeper and first',
    'tarball-mismatch',
    (context) => {
      const right = readSpecJson(context.directory, victims.program);
      const [first, ...honest] = honestMembers(readSpecJson(context.directory, victims.data));
      const decoy = file('share/.spack/spec.json', { body: right });
      return replaceTarball(context, gzipSync(rawTar([...(first ? [first] : []), decoy, ...honest])));
    },
  ),
  attackTarball(
    'another package deeper, and a header before the right one where Python stops to read',
    'tarball-header-unsupported',
    (context) => {
      const right = honestMembers(readSpecJson(context.directory, victims.program));
      const other = `${victimPrefix}/other`;
      const decoy = honestMembers(readSpecJson(context.directory, victims.data), other);
      const stop = file('stop', { userField: 'nobody' });
      const known = new Set(decoy.map(({ name }) => name));
      return replaceTarball(
        context,
        gzipSync(rawTar(withPaxNames([...decoy, stop, ...right.filter(({ name }) => !known.has(name))]))),
      );
    },
  ),
  attackTarball('its spec only deeper', 'tarball-unbound', (context) => {
    const specJson = readSpecJson(context.directory, victims.program);
    const honest = honestMembers(specJson).filter(({ name }) => !name.endsWith('spec.json'));
    return replaceTarball(
      context,
      gzipSync(rawTar([...honest, file('share/.spack/spec.json', { body: specJson })])),
    );
  }),
  attackTarball('no prefix at all', 'tarball-unbound', (context) => {
    const body = readSpecJson(context.directory, victims.program);
    const buildInfoMember = { ...buildInfo('opt'), name: '.spack/binary_distribution' };
    return replaceTarball(context, gzipSync(rawTar([{ name: '.spack/spec.json', body }, buildInfoMember])));
  }),
  attackTarball('two specs of the same name', 'tarball-duplicate', (context) =>
    addMembers(context, file('.spack/spec.json', { body: readSpecJson(context.directory, victims.data) })),
  ),
  attackTarball('the decoy of a spec beside the prefix', 'tarball-outside-prefix', (context) => {
    const decoy = { name: 'opt/.spack/spec.json', body: readSpecJson(context.directory, victims.data) };
    return addMembers(context, decoy);
  }),
  attackTarball('a spec that is a link', 'tarball-metadata-link', (context) => {
    const honest = honestMembers('').filter(({ name }) => !name.endsWith('spec.json'));
    return replaceTarball(context, gzipSync(rawTar([...honest, link('.spack/spec.json', '/etc/passwd')])));
  }),
  attackTarball('a spec without bounds', 'tarball-spec-too-large', (context) => {
    const specJson = readSpecJson(context.directory, victims.program);
    const endless = `${specJson}${' '.repeat(20 * 1024 * 1024)}`;
    return replaceTarball(context, gzipSync(rawTar(honestMembers(endless))));
  }),
  attackTarball(
    'a spec with two hashes of its root, of which Python takes the last',
    'tarball-mismatch',
    (context) => {
      const document: { spec: { nodes: { hash: string }[] } } = JSON.parse(
        readSpecJson(context.directory, victims.program),
      );
      const last = `"hash":"${'a'.repeat(32)}"`;
      const right = `"hash":"${document.spec.nodes[0]?.hash}"`;
      const doubled = JSON.stringify(document).replace(right, `${right},${last}`);
      return replaceTarball(context, gzipSync(rawTar(honestMembers(doubled))));
    },
  ),
];

/** Spack rewrites the files that are listed here, wherever they are. */
const relocations: readonly Attack[] = (
  [
    ['of a file out of the prefix', 'relocate_textfiles: [../../../etc/hosts]'],
    ['of an absolute path', 'relocate_textfiles: [/etc/hosts]'],
    ['of a file behind a link', 'relocate_textfiles: [etc/hosts]'],
    ['of a link as a text', 'relocate_textfiles: [etc]'],
    ['of a program out of the prefix', 'relocate_binaries: [bin/greet, ../planted]'],
    ['of a link out of the prefix', 'relocate_links: [../../../etc/localtime]'],
    ['in quotes', "relocate_textfiles: ['../planted']"],
    ['with escapes', 'relocate_textfiles: ["\\x2e\\x2e/planted"]'],
    ['with an escape in its name', '"\\x72elocate_textfiles": [../planted]'],
    ['by an alias', 'a: &a [../planted], relocate_textfiles: *a'],
    ['with a tag', 'relocate_textfiles: !!set {../planted: }'],
    ['as a mapping', 'relocate_textfiles: {../planted: x}'],
    ['twice', 'relocate_textfiles: [], relocate_textfiles: [../planted]'],
    ['behind a comment', 'a: 1 # }\n, relocate_textfiles: [../planted]'],
  ] as const
).map(([what, relocated]) =>
  attackTarball(`the relocation ${what}`, 'tarball-relocation-outside', (context) => {
    const honest = honestMembers(readSpecJson(context.directory, victims.program)).slice(0, -1);
    const members = [...honest, link('etc', '/etc'), buildInfo(victimPrefix, relocated)];
    return replaceTarball(context, gzipSync(rawTar(members)));
  }),
);

/** Lists that Spack reads differently than they look, with what would make them pass. */
const disguisedRelocations: readonly Attack[] = (
  [
    ['of a file behind a name with a carriage return', "['a\rb']", file('a\rb')],
    ['of a file behind a name with a line break of YAML', "['a\x85b']", file('a\xc2\x85b')],
    ['of a file behind a quoted name with a separator of lines', '["a\u2028b"]', file('a\xe2\x80\xa8b')],
  ] as const
).map(([what, list, decoy]) =>
  attackTarball(`the relocation ${what}`, 'tarball-relocation-outside', (context) =>
    replaceRelocations(context, `relocate_textfiles: ${list}`, decoy, link('a b', '/etc/hosts')),
  ),
);

const moreRelocations: readonly Attack[] = [
  ...disguisedRelocations,
  attackTarball('the relocation in a merged mapping', 'tarball-relocation-outside', (context) =>
    replaceRelocations(context, '<<: {relocate_textfiles: a}', link('a', '/etc/hosts')),
  ),
  attackTarball(
    'a link to what lists the relocation, and a decoy of it that Spack finds the prefix by',
    'tarball-metadata-link',
    (context) => {
      const honest = honestMembers(readSpecJson(context.directory, victims.program)).slice(0, -1);
      const list = file('list', { body: '{relocate_textfiles: [../planted]}' });
      const decoy = { ...buildInfo(victimPrefix), name: `${victimPrefix}/other.spack/binary_distribution` };
      const members = [...honest, list, link('.spack/binary_distribution', '../list'), decoy];
      return replaceTarball(context, gzipSync(rawTar(withPaxNames(members))));
    },
  ),
  attackTarball('its list of relocations in another directory', 'tarball-relocation-outside', (context) => {
    const honest = honestMembers(readSpecJson(context.directory, victims.program)).slice(0, -1);
    const decoy = { ...buildInfo(victimPrefix), name: `${victimPrefix}/other.spack/binary_distribution` };
    return replaceTarball(context, gzipSync(rawTar(withPaxNames([...honest, decoy]))));
  }),
];

function replaceRelocations(
  context: AttackContext,
  relocated: string,
  ...added: readonly TarMember[]
): Promise<void> {
  const honest = honestMembers(readSpecJson(context.directory, victims.program)).slice(0, -1);
  return replaceTarball(context, gzipSync(rawTar([...honest, ...added, buildInfo(victimPrefix, relocated)])));
}

const frames: readonly Attack[] = [
  attackTarball('an entry after its end', 'tarball-trailing-data', (context) => {
    const tar = rawTar(honestMembers(readSpecJson(context.directory, victims.program)));
    return replaceTarball(context, gzipSync(Buffer.concat([tar, rawTar([file('../planted')])])));
  }),
  attackTarball('no end', 'tarball-unreadable', (context) => {
    const tar = rawTar(honestMembers(readSpecJson(context.directory, victims.program)));
    return replaceTarball(context, gzipSync(tar.subarray(0, -1024)));
  }),
  ...(
    [
      ['two gzip members', []],
      ['a gzip member behind zeros, which Python reads and Node does not', [Buffer.alloc(16)]],
    ] as const
  ).map(([name, between]) =>
    attackTarball(name, 'gzip-trailing-data', (context) => {
      const tar = rawTar(honestMembers(readSpecJson(context.directory, victims.program)));
      const planted = gzipSync(rawTar([file('../planted')]));
      return replaceTarball(context, Buffer.concat([gzipSync(tar.subarray(0, -1024)), ...between, planted]));
    }),
  ),
  attackTarball('bytes after its gzip', 'gzip-trailing-data', (context) => {
    const tar = rawTar(honestMembers(readSpecJson(context.directory, victims.program)));
    return replaceTarball(context, Buffer.concat([gzipSync(tar), Buffer.from('more')]));
  }),
  attackTarball('a wrong checksum in its gzip', 'tarball-unreadable', (context) => {
    const packed = gzipSync(rawTar(honestMembers(readSpecJson(context.directory, victims.program))));
    packed.writeUInt32LE(0x12345678, packed.length - 8);
    return replaceTarball(context, packed);
  }),
  attackTarball('no gzip around it', 'tarball-unreadable', (context) =>
    replaceTarball(context, rawTar(honestMembers(readSpecJson(context.directory, victims.program)))),
  ),
];

/** What a hostile or careless build job could pack. The manifest is correct, and everything is signed. */
export const tarballAttacks: readonly Attack[] = [
  ...tarballMemberAttacks,
  ...specs,
  ...relocations,
  ...moreRelocations,
  ...frames,
];
