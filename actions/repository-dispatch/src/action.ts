import { printable, sentence, unreachable, variableOf } from '@slipway/core';
import { hmacSigner, openPgpSigner, type PayloadSigner } from '@slipway/dispatch-payload';
import { GitHub, type GitHubOptions, parseApiUrl, publicApiUrl } from '@slipway/github';
import { type ActionContext, type ActionResult, defineAction, type InputSurroundings } from '@slipway/runner';
import { execute } from './execute.ts';
import { keepMessage } from './files.ts';
import { type Inputs, inputs } from './inputs.ts';
import { observe, repositoryOf } from './observe.ts';
import { type Plan, plan } from './plan.ts';
import { report } from './report.ts';
import { shownPayload } from './shown-payload.ts';

const maxPayloadLines = 400;

export const action = defineAction({
  name: 'repository-dispatch',
  description:
    'Notifies other repositories with a repository dispatch: the payload is checked and signed, and never sent twice blindly.',
  inputs,
  outputs: {
    results: {
      description:
        'The outcome for each target, as a JSON array of `target`, `id`, `status` (`sent`, `already-sent`, `failed`, `unknown`, `planned`), `runUrl`, `conclusion` and `reason`.',
      kind: 'json',
    },
    sent: { description: 'How many targets were notified, by this run or an earlier one.' },
    failed: {
      description:
        'The targets that failed or are unknown, one per line: `targets` for a step that tries them again.',
      kind: 'lines',
    },
    unknown: {
      description: 'The targets that may or may not have been notified, one per line.',
      kind: 'lines',
    },
    ids: { description: 'The ids of the messages, one per line, in the order of `targets`.', kind: 'lines' },
    'run-urls': { description: "URLs of the receivers' runs that were found, one per line.", kind: 'lines' },
    conclusion: {
      description:
        "With `wait`: `success` if every receiver's run succeeded, otherwise the outcome of the first that did not: a conclusion from GitHub, `deadline`, `not-allowed`, `failed` or `unknown`. Empty without `wait`.",
    },
    report: { description: 'Path of the JSON report.', kind: 'file', secret: true },
  },
  checkInputs: (given, surroundings) => [
    ...signatureProblems(given),
    ...credentialProblems(given),
    ...apiProblems(given, surroundings),
    ...versionProblems(given, surroundings),
    ...sourceProblems(given, surroundings),
  ],
  run,
});

function signatureProblems(given: Inputs): readonly string[] {
  const { signingSecret, signingKey, passphrase, allowUnsigned, dryRun } = given;
  const problems: string[] = [];
  if (signingSecret !== undefined && signingKey !== undefined) {
    problems.push('signing-secret and signing-key are given: give one of them');
  }
  if (passphrase !== undefined && signingKey === undefined) {
    problems.push('passphrase is given, but no signing-key');
  }
  if (signingSecret === undefined && signingKey === undefined && !allowUnsigned && !dryRun) {
    problems.push(
      'neither signing-secret nor signing-key is given: give one, or set allow-unsigned for a receiver that does not check signatures',
    );
  }
  return problems;
}

function credentialProblems({ token, appId, appPrivateKey, dryRun }: Inputs): readonly string[] {
  const hasApp = appId !== undefined || appPrivateKey !== undefined;
  if (token !== undefined && hasApp) return ['token and a GitHub App are given: give one of them'];
  if (hasApp && (appId === undefined || appPrivateKey === undefined)) {
    return ['app-id and app-private-key belong together: give both'];
  }
  if (token === undefined && !hasApp && !dryRun) {
    return ['neither token nor app-id and app-private-key are given'];
  }
  return [];
}

/** A run that was meant for a tag but started on a branch would announce the branch. */
function versionProblems({ releaseVersion }: Inputs, { environment }: InputSurroundings): readonly string[] {
  const isBranch = variableOf(environment, 'GITHUB_REF_TYPE') === 'branch';
  const isItsName = isBranch && releaseVersion === variableOf(environment, 'GITHUB_REF_NAME');
  if (releaseVersion === undefined || !isItsName) return [];
  return [
    `release-version is "${printable(releaseVersion, 100)}", the branch of this run: start it on the tag of the release, or set the version`,
  ];
}

function apiProblems({ apiUrl }: Inputs, { environment }: InputSurroundings): readonly string[] {
  const fromEnvironment = variableOf(environment, 'GITHUB_API_URL');
  if (apiUrl !== undefined || fromEnvironment === undefined) return [];
  try {
    parseApiUrl(fromEnvironment);
    return [];
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return [`GITHUB_API_URL cannot be "${printable(fromEnvironment, 100)}": ${reason}`];
  }
}

function sourceProblems({ sourceRepository }: Inputs, { environment }: InputSurroundings): readonly string[] {
  if (sourceRepository !== undefined || repositoryOf(environment) !== undefined) return [];
  return [
    'source-repository is not given and GITHUB_REPOSITORY is not set: name the repository that the message comes from, as owner/repository',
  ];
}

async function run(given: Inputs, context: ActionContext): Promise<ActionResult> {
  const { clock, progress } = context;
  const startedMs = clock.nowMs();
  const { signer, close } = await openPayloadSigner(given, context);
  try {
    const planned = plan(await observe(given, context, signer?.maxAddedBytes ?? 0));
    const reported = {
      plan: planned,
      eventType: given.eventType,
      signature: signer?.kind ?? 'none',
      reportPath: given.report,
    };
    if (given.dryRun) {
      describe(planned, signer, (line) => progress.info(line));
      return report({ ...reported, results: undefined, durationMs: clock.nowMs() - startedMs });
    }
    const results = await execute(planned, {
      github: new GitHub(gitHubOptions(given, context)),
      signer,
      clock,
      progress,
      resendUnknown: given.resendUnknown,
      waitMs: given.waitDeadline,
      keep: (target, payload) => keepMessage(given.messagesDirectory, context.workDirectory, target, payload),
    });
    return report({ ...reported, results, durationMs: clock.nowMs() - startedMs });
  } finally {
    close();
  }
}

function gitHubOptions(given: Inputs, { clock, environment, mask, progress }: ActionContext): GitHubOptions {
  const { token, appId = '', appPrivateKey = '' } = given;
  return {
    apiUrl: parseApiUrl(given.apiUrl ?? variableOf(environment, 'GITHUB_API_URL') ?? publicApiUrl),
    clock,
    proxyEnvironment: environment,
    mask,
    onWait: (reason) => progress.info(sentence(reason)),
    credentials:
      token === undefined ? { kind: 'app', appId, privateKey: appPrivateKey } : { kind: 'token', token },
  };
}

interface OpenSigner {
  readonly signer: PayloadSigner | undefined;
  readonly close: () => void;
}

async function openPayloadSigner(given: Inputs, { clock, progress }: ActionContext): Promise<OpenSigner> {
  const { signingSecret, signingKey, passphrase, trustedKeys } = given;
  if (signingSecret !== undefined) return { signer: hmacSigner(signingSecret), close() {} };
  if (signingKey === undefined) return { signer: undefined, close() {} };
  const { openSigner } = await import('@slipway/signing');
  const opened = await openSigner({ armoredKey: signingKey, passphrase, trustedKeys, clock });
  for (const notice of opened.notices) progress.info(`Note on the signing key: ${notice}`);
  return { signer: openPgpSigner((text) => opened.clearSign(text)), close: () => opened.close() };
}

function describe({ steps }: Plan, signer: PayloadSigner | undefined, print: (line: string) => void): void {
  for (const step of steps) {
    switch (step.kind) {
      case 'send':
        print(
          `Would send "${step.eventType}" to ${step.target}, message ${step.id}${step.lookFirst ? ', unless a run there already has it' : ''}.`,
        );
        break;
      case 'wait':
        print(`Would wait for the run of ${step.target}.`);
        break;
      default:
        unreachable(step);
    }
  }
  const first = steps.find((step) => step.kind === 'send');
  if (first === undefined) return;
  const others = steps.some((step) => step.kind === 'send' && step !== first);
  print(
    `The payload${others ? ` for ${first.target}; others differ in id and audience` : ''}${signer === undefined ? ', not signed' : `, to be signed by ${signer.kind}`}:`,
  );
  const lines = shownPayload(first.payload);
  for (const line of lines.slice(0, maxPayloadLines)) print(printable(line, 2_000));
  if (lines.length > maxPayloadLines)
    print(`… and ${lines.length - maxPayloadLines} more lines, in the report.`);
}
