import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { honestMembers, rawTar, type TarMember, temporaryDirectory, victimPrefix } from '@slipway/testkit';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { judgeTarball } from '../src/tarball-reading.ts';

const noPython = spawnSync('python3', ['-c', 'import tarfile']).status !== 0;
const seed = 20_260;
const specJson = '{"spec":{"nodes":[{"hash":"dhoyfew7acbbjzzbqka3wknqpckquxwo"}]}}';
const inPrefix = (path: string): string => `${victimPrefix}/${path}`;

/** What Spack does with a tarball (`_ensure_common_prefix`, `_tar_strip_component`), in a new directory each time. */
const unpackAsSpack = `
import os, pathlib, re, sys, tarfile
def unpack(path, destination):
    with tarfile.open(path, "r") as tar:
        tar.extraction_filter = lambda member, path: member
        info = min((e.name for e in tar.getmembers() if e.isfile() and e.name.endswith(".spack/binary_distribution")), key=len)
        prefix = str(pathlib.PurePosixPath(info).parent.parent)
        def stripped():
            regex = re.compile(re.escape(prefix) + "/*")
            for m in tar.getmembers():
                result = regex.match(m.name)
                if not result: continue
                m.name = m.name[result.end():]
                if m.linkname:
                    result = regex.match(m.linkname)
                    if result: m.linkname = m.linkname[result.end():]
                yield m
        tar.extractall(path=destination, members=stripped())
for path in sys.argv[1:]:
    destination = path + "-room/a/b/c/prefix"
    os.makedirs(destination)
    unpack(path, destination)
`;

function tarballs(outside: string): fc.Arbitrary<Buffer> {
  const names = fc.oneof(
    fc.constantFrom(
      'bin',
      'bin/greet',
      'lib',
      'lib/x',
      'lib/x/y',
      '..',
      '../x',
      '../../../../x',
      'a\\b',
      '.spack/spec.json',
    ),
    fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/')),
  );
  const places = names.map(inPrefix);
  const member: fc.Arbitrary<TarMember> = fc.oneof(
    places.map((name) => ({ name, body: 'planted' })),
    places.map((name) => ({ name, type: '5' })),
    fc
      .tuple(places, fc.constantFrom(outside, '..', '../../..', 'a', 'bin'))
      .map(([name, target]) => ({ name, type: '2', target })),
    fc.tuple(places, places).map(([name, target]) => ({ name, type: '1', target })),
    fc.constantFrom('opt/x', `${victimPrefix}-x`, 'opt/spack/y').map((name) => ({ name, body: 'planted' })),
  );
  return fc.array(member, { minLength: 1, maxLength: 4 }).map((added) => {
    const honest = honestMembers(specJson);
    return gzipSync(rawTar([...honest.slice(0, -1), ...added, ...honest.slice(-1)]), { level: 1 });
  });
}

it.skipIf(noPython)(
  'I8: Spack unpacks whatever passes as sound below the prefix (skipped without python3)',
  async () => {
    const directory = temporaryDirectory('python');
    const outside = join(directory, 'outside');
    mkdirSync(outside);
    const sound: string[] = [];
    for (const [index, tarball] of fc.sample(tarballs(outside), { numRuns: 600, seed }).entries()) {
      if ((await judgeTarball(tarball)).kind === 'refused') continue;
      const path = join(directory, `${index}.tar.gz`);
      writeFileSync(path, tarball);
      sound.push(path);
    }
    expect(sound.length, `seed ${seed}`).toBeGreaterThan(50);
    execFileSync('python3', ['-c', unpackAsSpack, ...sound]);
    expect(readdirSync(outside)).toEqual([]);
    for (const path of sound) {
      const room = `${path}-room`;
      const unpacked = readdirSync(room, { recursive: true, encoding: 'utf8' });
      const besides = unpacked.filter((name) => !name.startsWith('a/b/c/prefix/'));
      expect(besides.sort(), `seed ${seed}`).toEqual(['a', 'a/b', 'a/b/c', 'a/b/c/prefix']);
      expect(readFileSync(join(room, 'a/b/c/prefix/.spack/spec.json'), 'utf8')).toBe(specJson);
    }
  },
);
