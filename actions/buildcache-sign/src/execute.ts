import {
  type Clock,
  counted,
  mapConcurrently,
  type ObjectStore,
  type ProgressPort,
  UserError,
} from '@slipway/core';
import {
  addPublicKeys,
  ensureLayout,
  readManifest,
  type SignaturePolicy,
  type StoredManifest,
  writeDocument,
  writeImmutable,
} from '@slipway/mirror';
import type { Signer } from '@slipway/signing';
import { classifyKey, maxManifestBytes } from '@slipway/spack-buildcache';
import type { Plan, Step } from './plan.ts';

/** Signing and flushing wait in libuv's threads; this many keep them all busy. */
const concurrentSignatures = 16;

export interface Result {
  readonly signed: readonly string[];
  readonly copied: number;
}

export interface Ports {
  readonly staged: ObjectStore;
  /** The same as `staged` when signing in place. */
  readonly target: ObjectStore;
  /** See `Observed`. */
  readonly policy: SignaturePolicy;
  readonly signer: Signer;
  readonly clock: Clock;
  readonly progress: ProgressPort;
}

/** Carries out a plan. Each manifest is replaced in one step, so running it again completes an interrupted run. */
export async function execute(plan: Plan, ports: Ports): Promise<Result> {
  const signed: string[] = [];
  let copied = 0;
  for (const step of plan.steps) {
    if (step.kind === 'copy-objects') copied += await copyObjects(step.keys, ports);
  }
  const manifests = plan.steps.filter((step) => step.kind === 'sign-manifest');
  ports.progress.start(`Signing ${counted(manifests.length, 'manifest')}`, manifests.length, 'entries');
  await mapConcurrently(manifests, concurrentSignatures, async (step) => {
    await signManifest(step, ports);
    signed.push(step.key);
    ports.progress.advance(1);
  });
  for (const step of plan.steps) {
    if (step.kind !== 'add-public-key') continue;
    await addPublicKeys(ports.target, [ports.signer.publicKey], ports.clock);
    await ensureLayout(ports.target);
  }
  return { signed, copied };
}

async function signManifest(step: Extract<Step, { kind: 'sign-manifest' }>, ports: Ports): Promise<void> {
  const { staged, target, signer } = ports;
  const source = await readPlanned(staged, step, ports.policy);
  if (source === undefined) throw changed(step.key);
  const replaced = target === staged ? source : await readPlanned(target, step, ports.policy);
  const bytes = Buffer.from(await signer.clearSign(source.text));
  const condition = replaced?.etag === undefined ? 'absent' : { etag: replaced.etag };
  await writeDocument(target, step.key, bytes, { condition });
}

/** A manifest as planned; undefined if there is none. */
async function readPlanned(
  store: ObjectStore,
  { key, payloadSha256 }: Extract<Step, { kind: 'sign-manifest' }>,
  policy: SignaturePolicy,
): Promise<StoredManifest | undefined> {
  const stored = await readManifest(store, key, policy);
  if (stored === undefined) return undefined;
  if (stored.text === undefined || stored.etag === undefined || stored.payloadSha256 !== payloadSha256)
    throw changed(key);
  return stored;
}

function changed(key: string): UserError {
  return new UserError('content-invalid', `${key} changed while it was being signed`, {
    hint: 'Make sure that nothing else writes to the staged buildcache, and run this step again.',
  });
}

/** Copies what the output lacks, checking blobs against their names. */
async function copyObjects(keys: readonly string[], ports: Ports): Promise<number> {
  ports.progress.start(`Copying ${counted(keys.length, 'object')}`, keys.length, 'entries');
  let copied = 0;
  await mapConcurrently(keys, 8, async (key) => {
    if (await copyObject(key, ports)) copied += 1;
    ports.progress.advance(1);
  });
  return copied;
}

async function copyObject(key: string, { staged, target }: Ports): Promise<boolean> {
  const classified = classifyKey(key);
  if (classified.kind === 'blob') {
    const source = await staged.fileSource?.(key);
    if (source === undefined) throw changed(key);
    return writeImmutable(target, key, source, 'application/octet-stream', classified.sha256);
  }
  if ((await target.head(key)) !== undefined) return false;
  const stored = await staged.read(key, { maxBytes: maxManifestBytes });
  if (stored === undefined) throw changed(key);
  await writeDocument(target, key, stored.body, { condition: 'absent' });
  return true;
}
