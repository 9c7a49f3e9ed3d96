import type { Measurement } from './measure.ts';
import { copyWithoutIndex, manifestSample, requireSigned } from './mirror-state.ts';
import { publishedGpg } from './peers.ts';
import { type Field, type Plan, plan, running } from './plan.ts';
import { linkedCopy } from './workspace.ts';

/** How many manifests gpg processes: each takes the same time. */
const gpgSampleCount = 50;

/** Signing and verifying per manifest, compared with one gpg process per manifest, as Spack does. */
export function signaturePlans(field: Field, entryCount: number): Plan[] {
  return [
    plan('sign', entryCount, () => sign(field, entryCount)),
    plan('verify metadata', entryCount, () => verify(field, entryCount, 'metadata')),
    plan('verify full', entryCount, () => verify(field, entryCount, 'full')),
    plan('verify full, whole mirror', entryCount, () => checkIndex(field, entryCount)),
  ];
}

type Parts = Pick<Measurement, 'ours' | 'peer' | 'aim'>;

async function sign({ workspace, slipway, gpg }: Field, entryCount: number): Promise<Parts> {
  const staged = workspace.path('run-staged');
  copyWithoutIndex(await workspace.unsignedMirror(entryCount), staged);
  const key = await workspace.signingKey();
  const target = workspace.path('run-sign');
  const sample = manifestSample(staged, gpgSampleCount);
  return {
    ours: {
      label: 'buildcache-sign',
      prepare: () => linkedCopy(staged, target),
      run: running(slipway.sign(target, key)),
      check: () => requireSigned(target, staged),
      pieces: entryCount,
    },
    peer:
      gpg === undefined
        ? publishedGpg('sign')
        : { label: 'gpg --clearsign', run: () => gpg.signEach(sample), pieces: sample.length },
    aim: { kind: 'ratio', atLeast: 10 },
  };
}

async function verify(
  { workspace, slipway, gpg }: Field,
  entryCount: number,
  level: 'metadata' | 'full',
): Promise<Parts> {
  const mirror = await workspace.signedMirror(entryCount);
  const key = await workspace.signingKey();
  const sample = manifestSample(mirror, gpgSampleCount);
  return {
    ours: {
      label: 'buildcache-verify',
      run: running(slipway.verify(mirror, level, key)),
      pieces: entryCount,
    },
    peer:
      gpg === undefined
        ? publishedGpg('verify')
        : { label: 'gpg --verify', run: () => gpg.verifyEach(sample), pieces: sample.length },
    aim: level === 'metadata' ? { kind: 'ratio', atLeast: 20 } : undefined,
  };
}

async function checkIndex({ workspace, slipway, spack }: Field, entryCount: number): Promise<Parts> {
  const mirror = await workspace.signedMirror(entryCount);
  const key = await workspace.signingKey();
  return {
    ours: { label: 'buildcache-verify', run: running(slipway.verify(mirror, 'full', key)), pieces: 1 },
    peer:
      spack === undefined
        ? undefined
        : { label: 'spack check-index (existence only)', run: running(spack.checkIndex(mirror)), pieces: 1 },
    aim: undefined,
  };
}
