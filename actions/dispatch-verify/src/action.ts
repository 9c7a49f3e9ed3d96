import { resolve } from 'node:path';
import { awsProblems, openAwsStore } from '@slipway/aws-actions';
import { asSlipwayError, type ObjectStore, unreachable } from '@slipway/core';
import type { Refusal } from '@slipway/dispatch-payload';
import { type ActionContext, type ActionResult, defineAction, type InputSurroundings } from '@slipway/runner';
import { parseStoreUrl } from '@slipway/store/local';
import { forgetOld, wouldRefuse } from './claims.ts';
import { execute } from './execute.ts';
import { type Inputs, inputs } from './inputs.ts';
import { type Finding, noticesOf } from './notices.ts';
import { observe, receiverOf, runReferenceOf } from './observe.ts';
import { type Plan, plan } from './plan.ts';
import { report } from './report.ts';

export const action = defineAction({
  name: 'dispatch-verify',
  description:
    'Checks a repository dispatch on the receiving side: event, sender, signature, age, replay and schema, and hands its fields and artifacts on.',
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
    commit: { description: 'The commit that it is about.' },
    ref: { description: 'The ref that it is about.' },
    version: { description: 'The version that it is about.' },
    'source-run-url': { description: 'URL of the run that sent it.' },
    fields: {
      description:
        'What `fields` and `multiline-fields` asked for, as a JSON object on one line: `fromJSON(steps.verify.outputs.fields).name`.',
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
      'neither signing-secret nor trusted-keys is given: give what the sender signs with, or set allow-unsigned to believe everybody',
    );
  }
  if (previousSigningSecret !== undefined && signingSecret === undefined) {
    problems.push('previous-signing-secret is given, but no signing-secret');
  }
  if (fetchTo !== undefined && artifactHosts.length === 0) {
    problems.push('fetch-to is given, but no artifact-hosts from which artifacts may be fetched');
  }
  if (fetchTo === undefined && artifactHosts.length > 0)
    problems.push('artifact-hosts are given, but no fetch-to');
  if (given.again && given.payloadFile === undefined) {
    problems.push('again is set, but no payload-file is given: only a person takes a message again, by hand');
  }
  const names = [...given.fields, ...given.multilineFields].map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) problems.push(`the field "${twice}" is asked for twice`);
  if (receiverOf(given, environment) === undefined) {
    problems.push(
      'repository is not given, and GITHUB_REPOSITORY is not set: name the repository that receives the message, as owner/repository',
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
  const planned = plan({
    message,
    audience: receiverOf(given, environment),
    runReference: runReferenceOf(given, environment),
    remembers: given.seen !== undefined,
    again: given.again,
    fetches: directory !== undefined,
    rememberMs: given.remember,
    toleranceMs: given.clockTolerance,
    nowMs: clock.nowMs(),
  });
  const notices = noticesOf(message, given);
  const from = message.parsed?.envelope.source.repository ?? 'somebody';
  progress.info(
    `Message ${message.parsed?.envelope.id ?? 'without an id'} from ${from}, signed by ${message.signer ?? 'nobody'}.`,
  );
  const store =
    given.seen === undefined
      ? undefined
      : await openAwsStore(given.seen, given, context, given.dryRun ? 'read' : 'write');
  if (given.dryRun) {
    describe(planned, (line) => progress.info(line));
    return finish({ message, plan: planned }, await claimRefusals(planned, store), notices);
  }
  const refusals = await execute(planned, { store, directory, clock, progress, environment });
  const forgotten = store === undefined || refusals.length > 0 ? [] : await forget(store, given, context);
  return finish({ message, plan: planned }, refusals, [...notices, ...forgotten]);
}

async function claimRefusals({ steps }: Plan, store: ObjectStore | undefined): Promise<readonly Refusal[]> {
  const claim = steps.find((step) => step.kind === 'claim');
  const refused = store === undefined || claim === undefined ? undefined : await wouldRefuse(store, claim);
  return refused === undefined ? [] : [refused];
}

/** A message that is taken is not refused because old ones cannot be forgotten. */
async function forget(
  store: ObjectStore,
  given: Inputs,
  { clock, environment, progress }: ActionContext,
): Promise<readonly Finding[]> {
  const audience = receiverOf(given, environment);
  if (audience === undefined) return [];
  try {
    await forgetOld(store, audience, { nowMs: clock.nowMs(), rememberMs: given.remember, progress });
    return [];
  } catch (error) {
    const { message } = asSlipwayError(error);
    return [{ code: 'not-forgotten', severity: 'notice', message: `old ids stay remembered: ${message}` }];
  }
}

function describe({ steps }: Plan, print: (line: string) => void): void {
  for (const step of steps) {
    switch (step.kind) {
      case 'claim':
        print(
          `Would take the message ${step.record.id} for this run, and remember it until ${step.record.forgetAt}.`,
        );
        break;
      case 'fetch':
        print(
          `Would fetch "${step.name}" of ${step.sizeBytes.toLocaleString('en-US')} bytes from ${new URL(step.url).host}.`,
        );
        break;
      default:
        unreachable(step);
    }
  }
}
