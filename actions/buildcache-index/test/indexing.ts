import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { silentProgress, systemClock } from '@slipway/core';
import { type AuditReport, auditMirror } from '@slipway/mirror';
import { indexManifestKey, mediaTypes } from '@slipway/spack-buildcache';
import { openStore } from '@slipway/store';
import {
  type ActionRunResult,
  readManifest,
  requiredRecord,
  runAction,
  stageHonestMirror,
  type TestKey,
} from '@slipway/testkit';
import { action } from '../src/action.ts';

export type Inputs = Readonly<Record<string, string | boolean | undefined>>;

/** Of the key that Spack signed the fixture with. */
export const fixtureFingerprint = '67F228EEAC6C80C02C43871B17FC74288868C64E';

export function index(mirror: string, key: TestKey, more: Inputs = {}): Promise<ActionRunResult> {
  const inputs = { mirror: pathToFileURL(mirror).href, 'trusted-keys': key.fingerprint, ...more };
  return runAction(action, inputs);
}

/** Seven signed entries with their key, without an index. */
export async function mirrorWithoutIndex(key: TestKey): Promise<string> {
  return (await stageHonestMirror(key)).directory;
}

export function indexChecksum(mirror: string, view?: string): string {
  return requiredRecord(readManifest(mirror, indexManifestKey(view)), mediaTypes.index).checksum;
}

/** The output `pointer-checksums` after the main index moved. */
export function pointerChecksum(mirror: string): string {
  const key = indexManifestKey(undefined);
  return `/${key} ${hash('sha256', readFileSync(join(mirror, key)))}`;
}

export async function audit(
  mirror: string,
  trustedKeys: string,
  allowUnsigned = false,
): Promise<AuditReport> {
  return auditMirror({
    store: await openStore(pathToFileURL(mirror).href),
    trustedKeys,
    allowUnsigned,
    requireSignedIndex: false,
    expectedIndex: undefined,
    level: 'full',
    clock: systemClock,
    progress: silentProgress,
  });
}

/** Codes of what is found that is more than a notice. */
export async function faultsOf(
  mirror: string,
  trustedKeys: string,
  allowUnsigned = false,
): Promise<string[]> {
  const { findings } = await audit(mirror, trustedKeys, allowUnsigned);
  return findings.filter(({ severity }) => severity !== 'notice').map(({ code }) => code);
}
