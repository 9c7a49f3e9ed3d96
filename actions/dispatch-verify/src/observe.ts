import { randomUUID } from 'node:crypto';
import { type Environment, UserError, variableOf } from '@slipway/core';
import type { SignatureRules } from '@slipway/dispatch-payload';
import type { ActionContext } from '@slipway/runner';
import { type EventReading, readEvent, readPayload } from './event.ts';
import { type Examination, examine, type Rules } from './examine.ts';
import { readEventFile, readSchemaFile } from './files.ts';
import type { Inputs } from './inputs.ts';
import { compileSchema } from './schema.ts';

/** Reads what started this run, and examines it. Throws `UserError` for files that cannot be read. */
export async function observe(given: Inputs, context: ActionContext): Promise<Examination> {
  const event = await readReceived(given, context);
  if ('refusals' in event) return event;
  return examine(event, await rulesOf(given, context));
}

async function readReceived(
  given: Inputs,
  { environment, workDirectory }: ActionContext,
): Promise<EventReading> {
  if (given.payloadFile !== undefined) {
    return readPayload(await readEventFile(given.payloadFile, workDirectory), environment);
  }
  const path = variableOf(environment, 'GITHUB_EVENT_PATH');
  if (!path) {
    throw new UserError(
      'source-missing',
      'payload-file is not given, and there is no event: GITHUB_EVENT_PATH is not set',
      {
        hint: 'For a manual run, set payload-file.',
      },
    );
  }
  return readEvent(await readEventFile(path, workDirectory), environment);
}

async function rulesOf(given: Inputs, { clock, environment, workDirectory }: ActionContext): Promise<Rules> {
  return {
    expected: {
      audience: receiverOf(given, environment),
      sources: given.sources,
      maxAgeMs: given.maxAge,
      toleranceMs: given.clockTolerance,
      nowMs: clock.nowMs(),
    },
    eventTypes: given.eventTypes,
    senders: given.senders,
    signature: await signatureRules(given, clock),
    schema:
      given.schema === undefined
        ? undefined
        : await compileSchema(await readSchemaFile(given.schema, workDirectory)),
    fields: [...given.fields, ...given.multilineFields],
    artifactHosts: given.fetchTo === undefined ? undefined : given.artifactHosts,
  };
}

async function signatureRules(given: Inputs, clock: ActionContext['clock']): Promise<SignatureRules> {
  const secrets = [given.signingSecret, given.previousSigningSecret].filter((secret) => secret !== undefined);
  const { allowUnsigned, trustedKeys } = given;
  if (trustedKeys === '') return { secrets, verifyClearSigned: undefined, allowUnsigned };
  const { openKeyring, parseTrustedKeys } = await import('@slipway/signing');
  const keyring = await openKeyring({ trusted: await parseTrustedKeys(trustedKeys), candidates: [], clock });
  return { secrets, verifyClearSigned: (document) => keyring.verifyClearSigned(document), allowUnsigned };
}

/** The receiving repository. */
export function receiverOf({ repository }: Inputs, environment: Environment): string | undefined {
  return repository ?? variableOf(environment, 'GITHUB_REPOSITORY');
}

/** The URL of this run, which reruns share; outside of GitHub, every run is different unless the user names it. */
export function runReferenceOf({ runReference }: Inputs, environment: Environment): string {
  if (runReference !== undefined) return runReference;
  const repository = variableOf(environment, 'GITHUB_REPOSITORY');
  const runId = variableOf(environment, 'GITHUB_RUN_ID');
  if (repository === undefined || !runId) return `a run outside of GitHub, ${randomUUID()}`;
  return `${variableOf(environment, 'GITHUB_SERVER_URL') ?? 'https://github.com'}/${repository}/actions/runs/${runId}`;
}
