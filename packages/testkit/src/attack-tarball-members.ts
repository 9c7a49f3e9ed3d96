import type { Attack } from './attack.ts';
import { file, hardLink, inPrefix, link, tarballWith, victimPrefix } from './attack-tarball.ts';
import { gnuFormat, gnuLong, paxHeader, rawMember } from './raw-tar.ts';

const gibibyte = 2 ** 30;

const outside: readonly Attack[] = [
  tarballWith('".." in a name', 'tarball-path-outside', file('../../../../../etc/cron.d/planted')),
  tarballWith('".." at the end of a name', 'tarball-path-outside', { name: inPrefix('bin/..'), type: '5' }),
  tarballWith(
    '".." in a pax name',
    'tarball-path-outside',
    paxHeader({ path: inPrefix('../planted') }),
    file('bin/fine'),
  ),
  tarballWith(
    '".." in a long GNU name',
    'tarball-path-outside',
    gnuLong('name', inPrefix('../planted')),
    file('bin/fine'),
  ),
  tarballWith('".." between backslashes', 'tarball-path-outside', file('bin\\..\\..\\..\\planted')),
  tarballWith('an absolute name', 'tarball-path-outside', { name: '/etc/cron.d/planted', body: 'planted' }),
  tarballWith('a file beside the prefix', 'tarball-outside-prefix', {
    name: 'opt/spack/planted',
    body: 'planted',
  }),
  tarballWith('a file whose name only begins like the prefix', 'tarball-outside-prefix', {
    name: `${victimPrefix}-2/planted`,
    body: 'planted',
  }),
  tarballWith('a second package in it', 'tarball-outside-prefix', { name: 'opt/spack/other-1.0', type: '5' }),
  tarballWith('a link on the way to the prefix', 'tarball-outside-prefix', {
    name: 'opt/spack/link',
    type: '2',
    target: '/etc',
  }),
  tarballWith('a name in the field that GNU has no name in', 'tarball-header-unsupported', {
    name: '../planted',
    prefix: victimPrefix,
    format: gnuFormat,
  }),
];

const links: readonly Attack[] = [
  tarballWith(
    'a file behind an absolute link',
    'tarball-link-escape',
    link('lib', '/etc'),
    file('lib/planted'),
  ),
  tarballWith(
    'a file behind a link out of the prefix',
    'tarball-link-escape',
    link('lib', '../../../..'),
    file('lib/etc/planted'),
  ),
  tarballWith(
    'a file behind a link inside of the prefix',
    'tarball-link-escape',
    link('lib', 'bin'),
    file('lib/planted'),
  ),
  tarballWith('a directory behind a link', 'tarball-link-escape', link('lib', '/etc'), {
    name: inPrefix('lib/cron.d'),
    type: '5',
  }),
  tarballWith('a file behind a file', 'tarball-link-escape', file('bin/greet/planted')),
  tarballWith('a link instead of a directory', 'tarball-duplicate', file('lib/fine'), link('lib', '/etc')),
  tarballWith(
    'a hard link to an absolute path',
    'tarball-link-escape',
    hardLink('bin/passwd', '/etc/passwd'),
  ),
  tarballWith(
    'a hard link out of the prefix',
    'tarball-link-escape',
    hardLink('bin/passwd', inPrefix('../../../etc/passwd')),
  ),
  tarballWith(
    'a hard link to a symbolic link',
    'tarball-link-escape',
    link('bin/a', '/etc'),
    hardLink('bin/b', inPrefix('bin/a')),
  ),
  tarballWith('a hard link to itself', 'tarball-link-escape', hardLink('bin/loop', inPrefix('bin/loop'))),
  tarballWith(
    'a link instead of a file that Spack writes after unpacking',
    'tarball-metadata-link',
    link('.spack/install_manifest.json', '../../../../../etc/profile.d/planted.sh'),
  ),
  tarballWith(
    'a hard link instead of a file that Spack writes after unpacking',
    'tarball-metadata-link',
    hardLink('.spack/install_manifest.json', inPrefix('bin/greet')),
  ),
  tarballWith(
    'a hard link to what comes later',
    'tarball-link-escape',
    hardLink('bin/early', inPrefix('bin/late')),
    file('bin/late'),
  ),
];

const kinds: readonly Attack[] = [
  tarballWith('a character device', 'tarball-device', file('bin/null', { type: '3', body: '' })),
  tarballWith('a block device', 'tarball-device', file('bin/disk', { type: '4', body: '' })),
  tarballWith('a FIFO', 'tarball-device', file('bin/fifo', { type: '6', body: '' })),
  tarballWith('a socket', 'tarball-device', file('bin/socket', { mode: 0o140755 })),
  ...(
    [
      ['a contiguous file', '7'],
      ['a sparse file', 'S'],
      ['a GNU dump of a directory', 'D'],
      ['the label of a volume', 'V'],
      ['the rest of a file of another volume', 'M'],
      ['a file of the oldest kind', '\0'],
    ] as const
  ).map(([what, type]) =>
    tarballWith(what, 'tarball-header-unsupported', file('bin/odd', { type, body: '' })),
  ),
  tarballWith(
    'a pax header for all that follows',
    'tarball-header-unsupported',
    paxHeader({ path: inPrefix('../planted') }, 'g'),
  ),
  tarballWith(
    'a sparse file of pax',
    'tarball-header-unsupported',
    paxHeader({ 'GNU.sparse.name': '../planted' }),
    file('bin/fine'),
  ),
  tarballWith(
    'two names for one file',
    'tarball-header-unsupported',
    gnuLong('name', 'a'),
    gnuLong('name', 'b'),
    file('bin/fine'),
  ),
  tarballWith('a directory with content', 'tarball-header-unsupported', {
    name: inPrefix('lib'),
    type: '5',
    body: rawMember(file('../planted')),
  }),
  tarballWith('a link with content', 'tarball-header-unsupported', {
    ...link('lib', '/etc'),
    body: rawMember(file('../planted')),
  }),
  tarballWith(
    'a header of an unknown format',
    'tarball-header-unsupported',
    file('bin/odd', { format: 'other\u000000' }),
  ),
  tarballWith(
    'a negative size',
    'tarball-header-unsupported',
    file('bin/odd', { sizeField: '\xff'.repeat(12) }),
  ),
  tarballWith(
    'a size of more bytes than there are',
    'tarball-header-unsupported',
    file('bin/odd', { sizeField: `\x80\x7f${'\xff'.repeat(10)}` }),
  ),
  tarballWith(
    'a file of 8 GiB that is not there',
    'tarball-unreadable',
    file('bin/odd', { sizeField: `\x80${'\0'.repeat(6)}\x02${'\0'.repeat(4)}` }),
  ),
  tarballWith(
    'a file of terabytes',
    'tarball-too-large',
    paxHeader({ size: `${4096 * gibibyte}` }),
    file('bin/odd'),
  ),
  tarballWith('a damaged header', 'tarball-unreadable', file('bin/odd', { isDamaged: true })),
];

const names: readonly Attack[] = [
  tarballWith('an empty name', 'tarball-name-invalid', { name: '', body: 'planted' }),
  tarballWith('the root as a name', 'tarball-name-invalid', { name: '/', type: '5' }),
  tarballWith('a name with "."', 'tarball-name-invalid', file('./bin/fine')),
  tarballWith('a name with an empty part', 'tarball-name-invalid', file('bin//fine')),
  tarballWith(
    'a name with NUL',
    'tarball-name-invalid',
    paxHeader({ path: inPrefix('bin/fine\0.txt') }),
    file('bin/fine'),
  ),
  tarballWith('a name that is too long', 'tarball-name-invalid', file(`bin/${'long/'.repeat(1000)}name`)),
  tarballWith('a part of a name that is too long', 'tarball-name-invalid', file(`bin/${'x'.repeat(256)}`)),
  tarballWith('a file twice', 'tarball-duplicate', file('bin/greet')),
  tarballWith(
    'a line break and a workflow command in a name',
    'tarball-path-outside',
    file('bin/\n::error::taken over/../../../planted'),
  ),
];

/** Members that a tarball may not have, among honest ones. */
export const tarballMemberAttacks: readonly Attack[] = [...outside, ...links, ...kinds, ...names];
