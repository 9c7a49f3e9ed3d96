import { fileURLToPath } from 'node:url';
import { type ObjectStore, silentProgress, systemClock } from '@slipway/core';
import { type AuditReport, auditMirror, type Finding } from '@slipway/mirror';
import type { ActionResult } from '@slipway/runner';
import { blobKey } from '@slipway/spack-buildcache';
import {
  type ActionProcessOptions,
  type ActionRun,
  actionProcess,
  addKeys,
  listSpecManifests,
  makeKey,
  readManifest,
  runAction,
  stagePackages,
  type TestKey,
} from '@slipway/testkit';
import { action } from '../src/action.ts';
import { publishBuildcache } from '../src/publish.ts';
import type { MirrorPlace } from './mirror-places.ts';

const bundle = fileURLToPath(new URL('../dist/index.js', import.meta.url));

export type Publisher = TestKey;

export function makePublisher(): Promise<Publisher> {
  return makeKey({ type: 'ed25519', nowMs: Date.now() });
}

/** Stages signed packages with the key beside them. Returns the number of entries. */
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

/** One publish in its own process, as a step of a job. */
export function publish(
  staged: string,
  mirror: MirrorPlace,
  publisher: Publisher,
  options: Omit<ActionProcessOptions, 'inputs' | 'environment'> = {},
): Promise<ActionRun> {
  return actionProcess(bundle, {
    ...options,
    inputs: {
      buildcache: staged,
      mirror: mirror.url,
      'trusted-keys': publisher.fingerprint,
      'signing-key': publisher.privateArmored,
      ...(publisher.passphrase === undefined ? {} : { passphrase: publisher.passphrase }),
      ...mirror.inputs,
    },
    environment: mirror.environment,
  });
}

/** One publish to an open store, as the action does after opening it. */
export function publishTo(
  store: ObjectStore,
  staged: string,
  publisher: Publisher,
  more: Readonly<Record<string, string>> = {},
): Promise<ActionResult> {
  const inputs = {
    buildcache: staged,
    mirror: store.url,
    'trusted-keys': publisher.fingerprint,
    'signing-key': publisher.privateArmored,
    // Needed for a store on S3, although it is already open.
    'aws-region': 'us-east-1',
    ...more,
  };
  return runAction(action, inputs, {
    run: (given, context) => publishBuildcache(given, async () => store, context),
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

/** Keys of the blobs of a staged buildcache's entries, without those of its keys. */
export function entryBlobsOf(staged: string): readonly string[] {
  const records = listSpecManifests(staged).flatMap((key) => readManifest(staged, key).data);
  return [...new Set(records.map((record) => blobKey(record.checksum)))];
}
