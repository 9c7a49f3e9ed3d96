import { fileURLToPath, pathToFileURL } from 'node:url';
import { silentProgress, systemClock } from '@slipway/core';
import { type AuditReport, auditMirror, type Finding } from '@slipway/mirror';
import { blobKey } from '@slipway/spack-buildcache';
import { openStore } from '@slipway/store';
import {
  type ActionRun,
  actionProcess,
  addKeys,
  listSpecManifests,
  makeKey,
  readManifest,
  stagePackages,
  type TestKey,
} from '@slipway/testkit';

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
  mirror: string,
  publisher: Publisher,
  onOutput?: Parameters<typeof actionProcess>[1] extends infer Options | undefined
    ? Options extends { readonly onOutput?: infer Handler }
      ? Handler
      : never
    : never,
): Promise<ActionRun> {
  return actionProcess(bundle, {
    inputs: {
      buildcache: staged,
      mirror: pathToFileURL(mirror).href,
      'trusted-keys': publisher.fingerprint,
      'signing-key': publisher.privateArmored,
      ...(publisher.passphrase === undefined ? {} : { passphrase: publisher.passphrase }),
    },
    ...(onOutput === undefined ? {} : { onOutput }),
  });
}

export async function audit(mirror: string, publisher: Publisher): Promise<AuditReport> {
  return auditMirror({
    store: await openStore(pathToFileURL(mirror).href),
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
