import { gzipSync } from 'node:zlib';
import { mediaTypes } from '@slipway/spack-buildcache';
import { type Attack, type AttackContext, replaceRecord, victims } from './attack.ts';
import { readSpecJson, writeBlob } from './mirror-files.ts';
import { gnuFormat, gnuLong, paxHeader, rawMember, rawTar, type TarMember, withPaxNames } from './raw-tar.ts';

/** Where the files of the attacked package are installed. */
export const victimPrefix = 'opt/spack/greet-2.0-dhoyfew7acbbjzzbqka3wknqpckquxwo';
const gibibyte = 2 ** 30;

/** What an honest tarball of the attacked package has, in the order in which Spack packs it. */
export function honestMembers(specJson: string, prefix = victimPrefix): TarMember[] {
  const segments = prefix.split('/');
  const directories = segments.map((_, index) => segments.slice(0, index + 1).join('/'));
  return [
    ...[...directories, `${prefix}/.spack`].map((name): TarMember => ({ name, type: '5' })),
    { name: `${prefix}/.spack/spec.json`, body: specJson },
    { name: `${prefix}/bin`, type: '5' },
    { name: `${prefix}/bin/greet`, body: 'a program', mode: 0o755 },
    buildInfo(prefix),
  ];
}

function buildInfo(prefix: string): TarMember {
  const body = `{buildpath: /opt/spack, hash_to_prefix: {dhoyfew7acbbjzzbqka3wknqpckquxwo: /${prefix}}, relocate_textfiles: []}\n`;
  return { name: `${prefix}/.spack/binary_distribution`, body };
}

/** Puts another tarball in the place of the victim's, with every checksum right. */
export function replaceTarball(context: AttackContext, tarball: Uint8Array): Promise<void> {
  const record = writeBlob(context.directory, tarball, mediaTypes.tarball, 'gzip');
  return replaceRecord(context, victims.program, record);
}

/** The same, with what an attacker has put between the honest members and the last of them, as the members themselves. */
export function addMembers(context: AttackContext, ...added: readonly TarMember[]): Promise<void> {
  const honest = honestMembers(readSpecJson(context.directory, victims.program));
  return replaceTarball(
    context,
    gzipSync(rawTar(withPaxNames([...honest.slice(0, -1), ...added, ...honest.slice(-1)]))),
  );
}

function attack(name: string, code: string, apply: Attack['apply']): Attack {
  return { name: `a tarball with ${name}`, code, level: 'full', against: 'entry', apply };
}

function added(name: string, code: string, ...members: readonly TarMember[]): Attack {
  return attack(name, code, (context) => addMembers(context, ...members));
}

const inPrefix = (path: string): string => `${victimPrefix}/${path}`;
const link = (path: string, target: string): TarMember => ({ name: inPrefix(path), type: '2', target });
const hardLink = (path: string, target: string): TarMember => ({ name: inPrefix(path), type: '1', target });
const file = (path: string, rest: Partial<TarMember> = {}): TarMember => ({
  name: inPrefix(path),
  body: 'planted',
  ...rest,
});

const outside: readonly Attack[] = [
  added('".." in a name', 'tarball-path-outside', file('../../../../../etc/cron.d/planted')),
  added('".." at the end of a name', 'tarball-path-outside', { name: inPrefix('bin/..'), type: '5' }),
  added(
    '".." in a pax name',
    'tarball-path-outside',
    paxHeader({ path: inPrefix('../planted') }),
    file('bin/fine'),
  ),
  added(
    '".." in a long GNU name',
    'tarball-path-outside',
    gnuLong('name', inPrefix('../planted')),
    file('bin/fine'),
  ),
  added('".." between backslashes', 'tarball-path-outside', file('bin\\..\\..\\..\\planted')),
  added('an absolute name', 'tarball-path-outside', { name: '/etc/cron.d/planted', body: 'planted' }),
  added('a file beside the prefix', 'tarball-outside-prefix', { name: 'opt/spack/planted', body: 'planted' }),
  added('a file whose name goes on from the prefix', 'tarball-outside-prefix', {
    name: `${victimPrefix}-2/planted`,
    body: 'planted',
  }),
  added('a second package in it', 'tarball-outside-prefix', { name: 'opt/spack/other-1.0', type: '5' }),
  added('a link on the way to the prefix', 'tarball-outside-prefix', {
    name: 'opt/spack/link',
    type: '2',
    target: '/etc',
  }),
  added('a name in the field that GNU has no name in', 'tarball-header-unsupported', {
    name: '../planted',
    prefix: victimPrefix,
    format: gnuFormat,
  }),
];

const links: readonly Attack[] = [
  added('a file behind an absolute link', 'tarball-link-escape', link('lib', '/etc'), file('lib/planted')),
  added(
    'a file behind a link out of the prefix',
    'tarball-link-escape',
    link('lib', '../../../..'),
    file('lib/etc/planted'),
  ),
  added(
    'a file behind a link inside of the prefix',
    'tarball-link-escape',
    link('lib', 'bin'),
    file('lib/planted'),
  ),
  added('a directory behind a link', 'tarball-link-escape', link('lib', '/etc'), {
    name: inPrefix('lib/cron.d'),
    type: '5',
  }),
  added('a file behind a file', 'tarball-link-escape', file('bin/greet/planted')),
  added('a link in the place of a directory', 'tarball-duplicate', file('lib/fine'), link('lib', '/etc')),
  added('a hard link to an absolute path', 'tarball-link-escape', hardLink('bin/passwd', '/etc/passwd')),
  added(
    'a hard link out of the prefix',
    'tarball-link-escape',
    hardLink('bin/passwd', inPrefix('../../../etc/passwd')),
  ),
  added(
    'a hard link to a symbolic link',
    'tarball-link-escape',
    link('bin/a', '/etc'),
    hardLink('bin/b', inPrefix('bin/a')),
  ),
  added('a hard link to itself', 'tarball-link-escape', hardLink('bin/loop', inPrefix('bin/loop'))),
  added(
    'a hard link to what comes later',
    'tarball-link-escape',
    hardLink('bin/early', inPrefix('bin/late')),
    file('bin/late'),
  ),
];

const kinds: readonly Attack[] = [
  added('a character device', 'tarball-device', file('bin/null', { type: '3', body: '' })),
  added('a block device', 'tarball-device', file('bin/disk', { type: '4', body: '' })),
  added('a FIFO', 'tarball-device', file('bin/fifo', { type: '6', body: '' })),
  added('a socket', 'tarball-device', file('bin/socket', { mode: 0o140755 })),
  ...(
    [
      ['a contiguous file', '7'],
      ['a sparse file', 'S'],
      ['a GNU dump of a directory', 'D'],
      ['the label of a volume', 'V'],
      ['the rest of a file of another volume', 'M'],
      ['a file of the oldest kind', '\0'],
    ] as const
  ).map(([what, type]) => added(what, 'tarball-header-unsupported', file('bin/odd', { type, body: '' }))),
  added(
    'a pax header for all that follows',
    'tarball-header-unsupported',
    paxHeader({ path: inPrefix('../planted') }, 'g'),
  ),
  added(
    'a sparse file of pax',
    'tarball-header-unsupported',
    paxHeader({ 'GNU.sparse.name': '../planted' }),
    file('bin/fine'),
  ),
  added(
    'two names for one file',
    'tarball-header-unsupported',
    gnuLong('name', 'a'),
    gnuLong('name', 'b'),
    file('bin/fine'),
  ),
  added('a directory with content', 'tarball-header-unsupported', {
    name: inPrefix('lib'),
    type: '5',
    body: rawMember(file('../planted')),
  }),
  added('a link with content', 'tarball-header-unsupported', {
    ...link('lib', '/etc'),
    body: rawMember(file('../planted')),
  }),
  added(
    'a header of an unknown format',
    'tarball-header-unsupported',
    file('bin/odd', { format: 'other\u000000' }),
  ),
  added('a negative size', 'tarball-header-unsupported', file('bin/odd', { sizeField: '\xff'.repeat(12) })),
  added(
    'a size of more bytes than there are',
    'tarball-header-unsupported',
    file('bin/odd', { sizeField: `\x80\x7f${'\xff'.repeat(10)}` }),
  ),
  added(
    'a file of 8 GiB that is not there',
    'tarball-unreadable',
    file('bin/odd', { sizeField: `\x80${'\0'.repeat(6)}\x02${'\0'.repeat(4)}` }),
  ),
  added(
    'a file of terabytes',
    'tarball-too-large',
    paxHeader({ size: `${4096 * gibibyte}` }),
    file('bin/odd'),
  ),
  added('a damaged header', 'tarball-unreadable', file('bin/odd', { isDamaged: true })),
];

const names: readonly Attack[] = [
  added('an empty name', 'tarball-name-invalid', { name: '', body: 'planted' }),
  added('the root as a name', 'tarball-name-invalid', { name: '/', type: '5' }),
  added('a name with "."', 'tarball-name-invalid', file('./bin/fine')),
  added('a name with an empty part', 'tarball-name-invalid', file('bin//fine')),
  added(
    'a name with NUL',
    'tarball-name-invalid',
    paxHeader({ path: inPrefix('bin/fine\0.txt') }),
    file('bin/fine'),
  ),
  added('a name that is too long', 'tarball-name-invalid', file(`bin/${'long/'.repeat(1000)}name`)),
  added('a part of a name that is too long', 'tarball-name-invalid', file(`bin/${'x'.repeat(256)}`)),
  added('a file twice', 'tarball-duplicate', file('bin/greet')),
  added(
    'a line break and a workflow command in a name',
    'tarball-path-outside',
    file('bin/\n::error::taken over/../../../planted'),
  ),
];

const specs: readonly Attack[] = [
  attack(
    'the spec of another package in it, and the right one deeper and first',
    'tarball-mismatch',
    (context) => {
      const right = readSpecJson(context.directory, victims.program);
      const [first, ...honest] = honestMembers(readSpecJson(context.directory, victims.data));
      const decoy = file('share/.spack/spec.json', { body: right });
      return replaceTarball(context, gzipSync(rawTar([...(first ? [first] : []), decoy, ...honest])));
    },
  ),
  attack('its spec only deeper', 'tarball-unbound', (context) => {
    const specJson = readSpecJson(context.directory, victims.program);
    const honest = honestMembers(specJson).filter(({ name }) => !name.endsWith('spec.json'));
    return replaceTarball(
      context,
      gzipSync(rawTar([...honest, file('share/.spack/spec.json', { body: specJson })])),
    );
  }),
  attack('no prefix at all', 'tarball-unbound', (context) => {
    const body = readSpecJson(context.directory, victims.program);
    const buildInfoMember = { ...buildInfo('opt'), name: '.spack/binary_distribution' };
    return replaceTarball(context, gzipSync(rawTar([{ name: '.spack/spec.json', body }, buildInfoMember])));
  }),
  attack('two specs of the same name', 'tarball-duplicate', (context) =>
    addMembers(context, file('.spack/spec.json', { body: readSpecJson(context.directory, victims.data) })),
  ),
  attack('the decoy of a spec beside the prefix', 'tarball-outside-prefix', (context) => {
    const decoy = { name: 'opt/.spack/spec.json', body: readSpecJson(context.directory, victims.data) };
    return addMembers(context, decoy);
  }),
  attack('a spec that is a link', 'tarball-unbound', (context) => {
    const honest = honestMembers('').filter(({ name }) => !name.endsWith('spec.json'));
    return replaceTarball(context, gzipSync(rawTar([...honest, link('.spack/spec.json', '/etc/passwd')])));
  }),
  attack('a spec without bounds', 'tarball-spec-too-large', (context) => {
    const specJson = readSpecJson(context.directory, victims.program);
    const endless = `${specJson}${' '.repeat(20 * 1024 * 1024)}`;
    return replaceTarball(context, gzipSync(rawTar(honestMembers(endless))));
  }),
  attack('a spec with two hashes of its root', 'tarball-unreadable', (context) => {
    const specJson = readSpecJson(context.directory, victims.program);
    const doubled = specJson.replace('"name":', `"hash":"${'a'.repeat(32)}","name":`);
    return replaceTarball(context, gzipSync(rawTar(honestMembers(doubled))));
  }),
];

const frames: readonly Attack[] = [
  attack('an entry after its end', 'tarball-trailing-data', (context) => {
    const tar = rawTar(honestMembers(readSpecJson(context.directory, victims.program)));
    return replaceTarball(context, gzipSync(Buffer.concat([tar, rawTar([file('../planted')])])));
  }),
  attack('no end', 'tarball-unreadable', (context) => {
    const tar = rawTar(honestMembers(readSpecJson(context.directory, victims.program)));
    return replaceTarball(context, gzipSync(tar.subarray(0, -1024)));
  }),
  ...(
    [
      ['two gzip members', []],
      ['a gzip member behind zeros, which Python reads and Node does not', [Buffer.alloc(16)]],
    ] as const
  ).map(([name, between]) =>
    attack(name, 'gzip-trailing-data', (context) => {
      const tar = rawTar(honestMembers(readSpecJson(context.directory, victims.program)));
      const planted = gzipSync(rawTar([file('../planted')]));
      return replaceTarball(context, Buffer.concat([gzipSync(tar.subarray(0, -1024)), ...between, planted]));
    }),
  ),
  attack('bytes after its gzip', 'gzip-trailing-data', (context) => {
    const tar = rawTar(honestMembers(readSpecJson(context.directory, victims.program)));
    return replaceTarball(context, Buffer.concat([gzipSync(tar), Buffer.from('more')]));
  }),
  attack('a wrong checksum in its gzip', 'tarball-unreadable', (context) => {
    const packed = gzipSync(rawTar(honestMembers(readSpecJson(context.directory, victims.program))));
    packed.writeUInt32LE(0x12345678, packed.length - 8);
    return replaceTarball(context, packed);
  }),
  attack('no gzip around it', 'tarball-unreadable', (context) =>
    replaceTarball(context, rawTar(honestMembers(readSpecJson(context.directory, victims.program)))),
  ),
];

/** What a hostile or careless build job may pack. The manifest is right, and all of it is signed. */
export const tarballAttacks: readonly Attack[] = [
  ...outside,
  ...links,
  ...kinds,
  ...names,
  ...specs,
  ...frames,
];
