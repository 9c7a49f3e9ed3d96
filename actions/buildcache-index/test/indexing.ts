import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type ObjectStore, silentProgress, systemClock } from '@slipway/core';
import { type AuditReport, auditMirror } from '@slipway/mirror';
import type { Signer } from '@slipway/signing';
import { indexManifestKey, mediaTypes } from '@slipway/spack-buildcache';
import { openStore } from '@slipway/store';
import {
  type ActionRunResult,
  forgetInvalidations,
  pictureOf,
  readManifest,
  requiredRecord,
  runAction,
  stageHonestMirror,
  type TestKey,
} from '@slipway/testkit';
import { expect } from 'vitest';
import { action } from '../src/action.ts';
import type { Ports, Request } from '../src/observe.ts';
import { operate } from '../src/operate.ts';

export type Inputs = Readonly<Record<string, string | boolean | undefined>>;

/** The key that signed Spack's fixture. */
export const fixtureFingerprint = '67F228EEAC6C80C02C43871B17FC74288868C64E';

export function index(mirror: string, key: TestKey, more: Inputs = {}): Promise<ActionRunResult> {
  const inputs = { mirror: pathToFileURL(mirror).href, 'trusted-keys': key.fingerprint, ...more };
  return runAction(action, inputs);
}

/** Seven signed entries and their key, without an index. */
export async function mirrorWithoutIndex(key: TestKey): Promise<string> {
  return (await stageHonestMirror(key)).directory;
}

/** An update of the main index, with default inputs. */
export function requestOf(key: TestKey, more: Partial<Request> = {}): Request {
  return {
    operation: 'update',
    view: undefined,
    select: [],
    to: undefined,
    trustedKeys: key.publicArmored,
    allowUnsigned: false,
    allowUnpinnedKeys: false,
    allowLayoutV2: false,
    ...more,
  };
}

/** Runs once dry, which must change nothing, and once for real; the plan and these outputs must agree. */
export async function expectSamePlan(
  mirror: string,
  key: TestKey,
  inputs: Inputs,
  outputs: readonly string[],
): Promise<void> {
  forgetInvalidations(mirror);
  const before = pictureOf(mirror);
  const dry = await index(mirror, key, { ...inputs, 'dry-run': true });
  expect(pictureOf(mirror)).toEqual(before);
  const real = await index(mirror, key, inputs);
  const planOf = (run: ActionRunResult): unknown => (run.json('report') as { readonly plan: unknown }).plan;
  expect(planOf(dry)).toEqual([expect.objectContaining({ kind: expect.any(String) })]);
  expect(planOf(real)).toEqual(planOf(dry));
  const printed = (run: ActionRunResult): readonly string[] =>
    run.log.filter((line) => line.startsWith('Plan: '));
  expect(printed(dry)).not.toEqual([]);
  expect(printed(real)).toEqual(printed(dry));
  for (const name of outputs) expect([name, dry.outputs[name]]).toEqual([name, real.outputs[name]]);
}

/** An operation during which `meanwhile` runs, just before the main pointer is first replaced. */
export function overtaken(
  mirror: string,
  request: Request,
  meanwhile: () => Promise<void>,
  { signer, calls = [] }: { readonly signer?: Signer; readonly calls?: string[] } = {},
): { readonly done: ReturnType<typeof operate>; readonly lines: readonly string[] } {
  const lines: string[] = [];
  const progress = { ...silentProgress, info: (line: string) => void lines.push(line) };
  const ports = async (): Promise<Ports> => ({
    store: interrupted(await openStore(pathToFileURL(mirror).href), meanwhile, calls),
    signer,
    clock: systemClock,
    progress,
    workers: undefined,
  });
  return { done: ports().then((opened) => operate(request, opened)), lines };
}

function interrupted(store: ObjectStore, meanwhile: () => Promise<void>, calls: string[]): ObjectStore {
  let done = false;
  return new Proxy(store, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property);
      if (typeof value !== 'function') return value;
      if (property !== 'read' && property !== 'write') return value.bind(target);
      return async (...args: Parameters<ObjectStore['write']>) => {
        calls.push(`${String(property)} ${args[0]}`);
        if (property === 'write' && args[0] === indexManifestKey(undefined) && !done) {
          done = true;
          await meanwhile();
        }
        return Reflect.apply(value, target, args);
      };
    },
  });
}

export function indexChecksum(mirror: string, view?: string): string {
  return requiredRecord(readManifest(mirror, indexManifestKey(view)), mediaTypes.index).checksum;
}

/** The output `pointer-checksums` after the main index has moved. */
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

/** Codes of all findings except notices. */
export async function faultsOf(
  mirror: string,
  trustedKeys: string,
  allowUnsigned = false,
): Promise<string[]> {
  const { findings } = await audit(mirror, trustedKeys, allowUnsigned);
  return findings.filter(({ severity }) => severity !== 'notice').map(({ code }) => code);
}
