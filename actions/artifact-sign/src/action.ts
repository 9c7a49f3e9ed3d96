import { counted, mapConcurrently, printable } from '@slipway/core';
import { readBoundedFile } from '@slipway/local-files';
import { type ActionContext, type ActionResult, defineAction, reportOutput } from '@slipway/runner';
import { openSigner, type Signer, signingKeyProblems } from '@slipway/signing';
import { execute } from './execute.ts';
import { type Inputs, inputs } from './inputs.ts';
import { type ObservedFile, observe } from './observe.ts';
import { type Plan, plan } from './plan.ts';
import { type MadeFile, report } from './report.ts';
import { signatureTimeMs, signatureTimeProblems } from './signature-time.ts';
import { signatureSuffix } from './sources.ts';

const concurrentReads = 16;
const maxMadeBytes = 64 * 2 ** 20;

export const action = defineAction({
  name: 'artifact-sign',
  description: 'Signs files with detached OpenPGP signatures, and writes a signed SHA256SUMS.',
  inputs,
  outputs: {
    artifacts: {
      description:
        'Path of the list of artifacts: the given ones, the files, their signatures and the checksums.',
      kind: 'file',
    },
    checksums: { description: 'Path of the SHA-256 checksums.' },
    fingerprint: { description: 'Fingerprint of the primary key that signed.' },
    'public-key': {
      description: 'Path of the armored public key, to publish beside the files.',
      kind: 'file',
    },
    signed: { description: 'How many signatures were made now, or would be in a dry run.' },
    'already-signed': { description: 'How many good signatures by this key already existed.' },
    report: reportOutput,
  },
  checkInputs: ({ files, artifacts }, { environment }) => [
    ...(files.every((line) => line.startsWith('!')) && artifacts === undefined
      ? ['files and artifacts are both empty: name what to sign']
      : []),
    ...signatureTimeProblems(environment),
  ],
  checkCostly: signingKeyProblems,
  run,
});

async function run(given: Inputs, context: ActionContext): Promise<ActionResult> {
  const { signingKey: armoredKey, passphrase, trustedKeys } = given;
  const signer = await openSigner({ armoredKey, passphrase, trustedKeys, clock: context.clock });
  try {
    for (const notice of signer.notices) context.progress.info(`Note on the signing key: ${notice}`);
    return await signWith(signer, given, context);
  } finally {
    signer.close();
  }
}

async function signWith(signer: Signer, given: Inputs, context: ActionContext): Promise<ActionResult> {
  const { workDirectory, progress } = context;
  progress.info(`Signing with ${signer.publicKey.fingerprint} (${signer.algorithm}).`);
  const { observation, artifacts, notices } = await observe(given, signer, context);
  const { files, checksumsPath } = observation;
  const planned = plan(observation, given);
  for (const line of noticesOf(planned)) progress.info(line);
  const reported = {
    plan: planned,
    notices,
    files,
    given: artifacts,
    checksumsPath,
    signer,
    workDirectory,
    reportPath: given.report,
  };
  if (given.dryRun) {
    for (const line of planLines(planned)) progress.info(line);
    return report({ ...reported, result: undefined, made: [] });
  }
  const result = await execute(planned, signer, progress, signatureTimeMs(context.environment));
  progress.info(
    `Made ${counted(result.signed.length, 'signature')}; ${planned.alreadySigned} already existed.`,
  );
  const made = result.failure === undefined ? await readMade(files, checksumsPath, given) : [];
  return report({ ...reported, result, made });
}

function* noticesOf({ steps }: Plan): Generator<string> {
  for (const step of steps) {
    if (step.kind === 'write-checksums') continue;
    const path = printable(step.signaturePath);
    if (step.reason === 'by-other-key') yield `${path} is a signature by another key, and is replaced.`;
    if (step.reason === 'over-other-bytes')
      yield `${path} is not a good signature over the present bytes, and is replaced.`;
  }
}

function* planLines({ steps }: Plan): Generator<string> {
  for (const step of steps) {
    if (step.kind === 'sign-file') yield `Would sign ${printable(step.name)}`;
    else if (step.kind === 'write-checksums') yield `Would write ${printable(step.path)}`;
    else yield `Would sign the checksums: ${printable(step.signaturePath)} (${step.form})`;
  }
}

/** Everything that users need besides the files, in its present state. */
async function readMade(
  files: readonly ObservedFile[],
  checksumsPath: string,
  { signatures }: Inputs,
): Promise<readonly MadeFile[]> {
  const signed = signatures === 'all' ? files : [];
  const made = [
    ...signed.map(({ path, artifact }) => ({ path: path + signatureSuffix, platform: artifact?.platform })),
    { path: checksumsPath, platform: undefined },
    { path: checksumsPath + signatureSuffix, platform: undefined },
  ];
  return mapConcurrently(made, concurrentReads, async (file) => ({
    ...file,
    contents: await readBoundedFile(file.path, { maxBytes: maxMadeBytes }),
  }));
}
