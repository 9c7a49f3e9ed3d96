import { resolve } from 'node:path';
import { awsProblems, openAwsStore } from '@slipway/aws-actions';
import { type ObjectStore, printable, unreachable } from '@slipway/core';
import type { Refusal } from '@slipway/dispatch-payload';
import { type ActionContext, type ActionResult, defineAction, type InputSurroundings } from '@slipway/runner';
import { parseStoreUrl } from '@slipway/store/local';
import { findExpiredClaims, wouldRefuse } from './claims.ts';
import { execute, notForgotten } from './execute.ts';
import { type Inputs, inputs } from './inputs.ts';
import { type Finding, noticesOf } from './notices.ts';
import { observe, receiverOf, runReferenceOf } from './observe.ts';
import { type ExpiredClaim, type Plan, plan } from './plan.ts';
import { report } from './report.ts';

export const action = defineAction({
  name: 'dispatch-verify',
  description:
    'Checks a repository dispatch on the receiving side (event, sender, signature, age, replay, schema) and passes on its fields and artifacts.',
  inputs,
  outputs: {
    payload: {
      description: 'The whole `client_payload` as JSON on one line, without its signature.',
      kind: 'json',
      secret: true,
    },
    id: { description: 'The id of the message.' },
    'event-type': { description: 'The event type.' },
    'source-repository': { description: 'The repository that sent it.' },
    commit: { description: 'The commit that the message is about.' },
    ref: { description: 'The ref that the message is about.' },
    version: { description: 'The version that the message is about.' },
    'source-run-url': { description: 'URL of the run that sent it.' },
    fields: {
      description:
        'The fields that `fields` and `multiline-fields` name, as a JSON object on one line: `fromJSON(steps.verify.outputs.fields).name`.',
      kind: 'json',
    },
    artifacts: {
      description: 'Path of the JSON list of artifacts, with the `path` of each that was fetched.',
      kind: 'file',
      secret: true,
    },
    report: { description: 'Path of the JSON report.', kind: 'file', secret: true },
  },
  checkInputs,
  run,
});

function checkInputs(given: Inputs, { environment }: InputSurroundings): readonly string[] {
  const { signingSecret, previousSigningSecret, trustedKeys, allowUnsigned, fetchTo, artifactHosts, seen } =
    given;
  const problems: string[] = [];
  if (signingSecret === undefined && trustedKeys === '' && !allowUnsigned) {
    problems.push(
      'neither signing-secret nor trusted-keys is given: set what the sender signs with, or allow-unsigned to accept messages from anyone',
    );
  }
  if (previousSigningSecret !== undefined && signingSecret === undefined) {
    problems.push('previous-signing-secret is given without signing-secret');
  }
  if (fetchTo !== undefined && artifactHosts.length === 0) {
    problems.push('fetch-to is given without artifact-hosts, the hosts that artifacts may be fetched from');
  }
  if (fetchTo === undefined && artifactHosts.length > 0)
    problems.push('artifact-hosts is given without fetch-to');
  if (given.again && given.payloadFile === undefined) {
    problems.push('again is set without payload-file: only a manual run can accept a message again');
  }
  const names = [...given.fields, ...given.multilineFields].map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) problems.push(`fields and multiline-fields name "${twice}" twice`);
  if (receiverOf(given, environment) === undefined) {
    problems.push(
      'repository is not given and GITHUB_REPOSITORY is not set: name the repository that receives the message, as owner/repository',
    );
  }
  const needed = seen !== undefined && parseStoreUrl(seen).kind === 's3';
  return [...problems, ...awsProblems(given, { environment }, { needed })];
}

async function run(given: Inputs, context: ActionContext): Promise<ActionResult> {
  const { clock, environment, progress, workDirectory } = context;
  const startedMs = clock.nowMs();
  const finish = (
    accepted: Parameters<typeof report>[0]['accepted'],
    refusals: readonly Refusal[],
    notices: readonly Finding[] = [],
  ): ActionResult =>
    report({
      accepted: refusals.length > 0 ? undefined : accepted,
      refusals,
      notices,
      dryRun: given.dryRun,
      durationMs: clock.nowMs() - startedMs,
      reportPath: given.report,
      workDirectory,
      directory: given.dryRun ? undefined : directory,
    });
  const directory = given.fetchTo === undefined ? undefined : resolve(workDirectory, given.fetchTo);
  const message = await observe(given, context);
  if ('refusals' in message) return finish(undefined, message.refusals);
  const notices = [...noticesOf(message, given)];
  const from = message.parsed?.envelope.source.repository ?? 'an unknown sender';
  const signedBy = message.signer === undefined ? 'not signed' : `signed by ${message.signer}`;
  progress.info(`Message ${message.parsed?.envelope.id ?? 'without an id'} from ${from}, ${signedBy}.`);
  const store =
    given.seen === undefined
      ? undefined
      : await openAwsStore(given.seen, given, context, given.dryRun ? 'read' : 'write');
  const audience = receiverOf(given, environment);
  const expired = await observeExpiredClaims(store, audience, given, context);
  if ('notice' in expired) notices.push(expired.notice);
  const planned = plan({
    message,
    audience,
    runReference: runReferenceOf(given, environment),
    remembers: store !== undefined,
    expiredClaims: 'claims' in expired ? expired.claims : [],
    again: given.again,
    fetches: directory !== undefined,
    rememberMs: given.remember,
    toleranceMs: given.clockTolerance,
    nowMs: clock.nowMs(),
  });
  announce(planned, given.dryRun, (line) => progress.info(line));
  if (given.dryRun) {
    return finish({ message, plan: planned }, await claimRefusals(planned, store), notices);
  }
  const result = await execute(planned, { store, directory, clock, progress, environment });
  return finish({ message, plan: planned }, result.refusals, [...notices, ...result.notices]);
}

async function observeExpiredClaims(
  store: ObjectStore | undefined,
  audience: string | undefined,
  given: Inputs,
  { clock }: ActionContext,
): Promise<{ readonly claims: readonly ExpiredClaim[] } | { readonly notice: Finding }> {
  if (store === undefined || audience === undefined) return { claims: [] };
  try {
    const times = { nowMs: clock.nowMs(), rememberMs: given.remember };
    return { claims: await findExpiredClaims(store, audience, times) };
  } catch (error) {
    return { notice: notForgotten(error) };
  }
}

async function claimRefusals({ steps }: Plan, store: ObjectStore | undefined): Promise<readonly Refusal[]> {
  const claim = steps.find((step) => step.kind === 'claim');
  const refused = store === undefined || claim === undefined ? undefined : await wouldRefuse(store, claim);
  return refused === undefined ? [] : [refused];
}

/** Prints what a run will delete before it does anything (I6), and in a dry run also what it would claim and fetch. */
function announce({ steps }: Plan, dryRun: boolean, print: (line: string) => void): void {
  for (const step of steps) {
    switch (step.kind) {
      case 'forget':
        print(
          `${dryRun ? 'Would' : 'Will'} delete the record of the message ${printable(step.id, 80)}, kept until ${step.forgetAt}.`,
        );
        break;
      case 'claim':
        if (dryRun)
          print(
            `Would claim the message ${step.record.id} for this run, and record it until ${step.record.forgetAt}.`,
          );
        break;
      case 'fetch':
        if (dryRun)
          print(
            `Would fetch "${step.name}" (${step.sizeBytes.toLocaleString('en-US')} bytes) from ${new URL(step.url).host}.`,
          );
        break;
      default:
        unreachable(step);
    }
  }
}
