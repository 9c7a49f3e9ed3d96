import { gzipSync } from 'node:zlib';
import { mediaTypes } from '@slipway/spack-buildcache';
import { type Attack, type AttackContext, replaceRecord, victims } from './attack.ts';
import { readSpecJson, writeBlob } from './mirror-files.ts';
import { rawTar, type TarMember, withPaxNames } from './raw-tar.ts';

/** Where the files of the attacked package are installed. */
export const victimPrefix = 'opt/spack/greet-2.0-dhoyfew7acbbjzzbqka3wknqpckquxwo';

/** The members of an honest tarball of the attacked package, in the order in which Spack packs them. */
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

export function buildInfo(prefix: string, relocated = 'relocate_textfiles: []'): TarMember {
  const body = `{buildpath: /opt/spack, hash_to_prefix: {dhoyfew7acbbjzzbqka3wknqpckquxwo: /${prefix}}, ${relocated}}\n`;
  return { name: `${prefix}/.spack/binary_distribution`, body };
}

/** Replaces the victim's tarball, with correct checksums. */
export function replaceTarball(context: AttackContext, tarball: Uint8Array): Promise<void> {
  const record = writeBlob(context.directory, tarball, mediaTypes.tarball, 'gzip');
  return replaceRecord(context, victims.program, record);
}

/** The honest members with an attacker's members inserted before the last one. */
export function addMembers(context: AttackContext, ...added: readonly TarMember[]): Promise<void> {
  const honest = honestMembers(readSpecJson(context.directory, victims.program));
  return replaceTarball(
    context,
    gzipSync(rawTar(withPaxNames([...honest.slice(0, -1), ...added, ...honest.slice(-1)]))),
  );
}

export function attackTarball(name: string, code: string, apply: Attack['apply']): Attack {
  return { name: `a tarball with ${name}`, code, level: 'full', against: 'entry', apply };
}

export function tarballWith(name: string, code: string, ...members: readonly TarMember[]): Attack {
  return attackTarball(name, code, (context) => addMembers(context, ...members));
}

export const inPrefix = (path: string): string => `${victimPrefix}/${path}`;
export const link = (path: string, target: string): TarMember => ({
  name: inPrefix(path),
  type: '2',
  target,
});
export const hardLink = (path: string, target: string): TarMember => ({
  name: inPrefix(path),
  type: '1',
  target,
});
export const file = (path: string, rest: Partial<TarMember> = {}): TarMember => ({
  name: inPrefix(path),
  body: 'planted',
  ...rest,
});
