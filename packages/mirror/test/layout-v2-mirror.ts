import { hash as hashOnce } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { silentProgress, systemClock } from '@slipway/core';
import { openStore } from '@slipway/store';
import {
  type AttackKey,
  clearSign,
  copyOfSpackFixture,
  listKeys,
  readObject,
  type TestSigner,
  takeOffSignature,
  writeObject,
} from '@slipway/testkit';
import { type AuditReport, auditMirrorV2, classifyKeyV2, type MirrorAudit } from '../src/index.ts';

/** Mirrors of layout v2, made and changed by honest people and by others. */

/** The signer of Spack's fixture. */
export const spackKey = '8D2BD61D01B4C7F1156FB70B80439FF559F7CF00';
export const hashes = {
  greet: 'nq4lhyjwlee4nizr3hfp3bznduzj7hp4',
  data: 'l3p4s5uu2ph4fu3lu4sl3vnwb3cuutik',
  library: 'pbidy66stiueljvxldtgbckrscngfkge',
  twin: 'x3p3wfj7d5rupddz57f6qxqxhikaihwr',
  glibc: 'jlxwffmgwmoc3zddjme3pzekumwc6b3w',
};
export const index = 'build_cache/index.json';

/** Audits as a client with these keys would, by default at level `full`. */
export async function auditV2(
  directory: string,
  trustedKeys: string,
  options: Partial<MirrorAudit> = {},
): Promise<AuditReport> {
  return auditMirrorV2({
    store: await openStore(pathToFileURL(directory).href),
    trustedKeys,
    allowUnsigned: false,
    requireSignedIndex: false,
    expectedIndex: undefined,
    level: 'full',
    clock: systemClock,
    progress: silentProgress,
    ...options,
  });
}

export const codes = ({ findings }: AuditReport): string[] =>
  [...new Set(findings.map(({ code }) => code))].sort();

export function keyOf(directory: string, dagHash: string, kind: 'spec' | 'tarball' = 'spec'): string {
  const key = listKeys(directory).find((candidate) => {
    const classified = classifyKeyV2(candidate);
    return classified.kind === kind && classified.dagHash === dagHash;
  });
  if (key === undefined) throw new Error(`the mirror has no ${kind} of ${dagHash}`);
  return key;
}

export const readText = (directory: string, key: string): string =>
  readObject(directory, key).toString('utf8');

/** Spack's unsigned mirror, signed by an honest key as `gpg` and `spack gpg publish` would. */
export async function signedMirror(signer: AttackKey): Promise<string> {
  const directory = copyOfSpackFixture('v2-unsigned');
  for (const key of listKeys(directory).filter((candidate) => candidate.endsWith('.spec.json'))) {
    await writeSpec(directory, `${key}.sig`, readText(directory, key), signer);
    rmSync(join(directory, key));
  }
  const { fingerprint, publicArmored } = signer;
  writeObject(directory, `build_cache/_pgp/${fingerprint}.pub`, publicArmored);
  writeObject(directory, 'build_cache/_pgp/index.json', JSON.stringify({ keys: { [fingerprint]: {} } }));
  return directory;
}

export async function writeSpec(
  directory: string,
  key: string,
  text: string,
  signer: TestSigner,
): Promise<void> {
  writeObject(directory, key, await clearSign(text.trimEnd(), signer));
}

/** Changes the text of a signed spec and signs it again with the key. */
export async function editSpec(
  directory: string,
  dagHash: string,
  signer: TestSigner,
  edit?: (text: string) => string,
): Promise<void> {
  const key = keyOf(directory, dagHash);
  const before = takeOffSignature(readText(directory, key));
  const after = edit === undefined ? before : edit(before);
  if (edit !== undefined && after === before) throw new Error('the edit changed nothing');
  await writeSpec(directory, key, after, signer);
}

/** Changes the index and its checksum. */
export function editIndex(directory: string, edit: (text: string) => string): void {
  const before = readText(directory, index);
  const after = edit(before);
  if (after === before) throw new Error('the edit changed nothing');
  writeObject(directory, index, after);
  writeObject(directory, `${index}.hash`, hashOnce('sha256', after));
}

/** Marks an entry as having no binary, which keeps every count right. */
export const withdraw =
  (dagHash: string) =>
  (text: string): string =>
    text.replace(
      new RegExp(`("${dagHash}":\\{"spec":(?:(?!"in_buildcache").)*"in_buildcache":)true`),
      '$1false',
    );

export function removeEntry(directory: string, dagHash: string): void {
  for (const kind of ['spec', 'tarball'] as const) rmSync(join(directory, keyOf(directory, dagHash, kind)));
}
