import { fileURLToPath } from 'node:url';
import { silentProgress, systemClock } from '@slipway/core';
import { type AuditReport, auditMirror, type Finding } from '@slipway/mirror';
import { blobKey } from '@slipway/spack-buildcache';
import {
  type ActionProcessOptions,
  type ActionRun,
  actionProcess,
  addKeys,
  listSpecManifests,
  makeKey,
  readManifest,
  stagePackages,
  type TestKey,
} from '@slipway/testkit';
import type { MirrorPlace } from './mirror-places.ts';

const bundle = fileURLToPath(new URL('../dist/index.js', import.meta.url));

export type Publisher = TestKey;

export function makePublisher(): Promise<Publisher> {
  return makeKey({ type: 'ed25519', nowMs: Date.now() });
}

/** Stages signed packages with the key beside them. Returns how many entries there are. */
export async function stage(
  directory: string,
  publisher: Publisher,
  prefix: string,
  count: number,
): Promise<number> {
  const entries = await stagePackages(directory, {
    count,
    prefix,
    sharedDependencies: 3,
    signer: { privateArmored: publisher.privateArmored },
  });
  await addKeys(directory, [publisher]);
  return entries.length;
}

/** One publish in a process of its own, as a step of a job. */
export function publish(
  staged: string,
  mirror: MirrorPlace,
  publisher: Publisher,
  onOutput?: ActionProcessOptions['onOutput'],
): Promise<ActionRun> {
  return actionProcess(bundle, {
    inputs: {
      buildcache: staged,
      mirror: mirror.url,
      'trusted-keys': publisher.fingerprint,
      'signing-key': publisher.privateArmored,
      ...(publisher.passphrase === undefined ? {} : { passphrase: publisher.passphrase }),
      ...mirror.inputs,
    },
    environment: mirror.environment,
    ...(onOutput === undefined ? {} : { onOutput }),
  });
}

export async function audit(mirror: MirrorPlace, publisher: Publisher): Promise<AuditReport> {
  return auditMirror({
    store: await mirror.open(),
    trustedKeys: publisher.fingerprint,
    allowUnsigned: false,
    requireSignedIndex: true,
    expectedIndex: undefined,
    level: 'full',
    clock: systemClock,
    progress: silentProgress,
  });
}

export function errorsOf(report: AuditReport): readonly Finding[] {
  return report.findings.filter((found) => found.severity === 'error');
}

/** Keys of the blobs of a staged buildcache's entries; those of its keys are not among them. */
export function entryBlobsOf(staged: string): readonly string[] {
  const records = listSpecManifests(staged).flatMap((key) => readManifest(staged, key).data);
  return [...new Set(records.map((record) => blobKey(record.checksum)))];
}
