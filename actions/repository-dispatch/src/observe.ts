import { randomUUID } from 'node:crypto';
import { type Environment, UserError, variableOf } from '@slipway/core';
import {
  type JsonObject,
  type MessageSource,
  parseRepository,
  sentArtifact,
} from '@slipway/dispatch-payload';
import type { ActionContext } from '@slipway/runner';
import { readArtifactsFile, readPayloadFile } from './files.ts';
import type { Inputs } from './inputs.ts';
import type { PlanInput } from './plan.ts';

/** What signatures of each kind add to a payload is not known to inputs: `signatureBytes` says it. */
export async function observe(
  given: Inputs,
  { clock, environment, workDirectory }: ActionContext,
  signatureBytes: number,
): Promise<PlanInput> {
  const fromFile =
    given.payloadFile === undefined
      ? {}
      : await reading('payload-file', () => readPayloadFile(given.payloadFile ?? '', workDirectory));
  const artifacts =
    given.artifacts === undefined
      ? undefined
      : await reading('artifacts', () => readArtifactsFile(given.artifacts ?? '', workDirectory));
  const source = sourceOf(environment);
  return {
    targets: given.targets,
    eventType: given.eventType,
    parts: partsOf(given, fromFile),
    subject: {
      version: given.releaseVersion,
      commit: matching(variableOf(environment, 'GITHUB_SHA'), /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/),
      ref: matching(variableOf(environment, 'GITHUB_REF'), /^[\x21-\x7e]{1,256}$/),
      artifacts: artifacts?.map(sentArtifact),
    },
    source,
    id: given.id,
    // Outside of GitHub nothing says that two runs are the same.
    runId: source.runId ?? randomUUID(),
    mayBeKnown: given.id !== undefined || (source.runAttempt ?? 1) > 1,
    issuedAtMs: clock.nowMs(),
    expiresInMs: given.expiresIn,
    signatureBytes,
    wait: given.wait,
  };
}

function partsOf(given: Inputs, fromFile: JsonObject): PlanInput['parts'] {
  return [
    { input: 'payload', own: given.payload },
    { input: 'payload-file', own: fromFile },
    { input: 'fields', own: given.fields },
  ];
}

async function reading<Value>(input: string, read: () => Promise<Value>): Promise<Value> {
  try {
    return await read();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UserError('input-invalid', `${input}: ${reason}`, { cause: error });
  }
}

/** The run that sends, as GitHub describes it to its jobs. */
function sourceOf(environment: Environment): MessageSource {
  const repository = variableOf(environment, 'GITHUB_REPOSITORY');
  const named = repository !== undefined && isRepository(repository) ? repository : undefined;
  const runId = matching(variableOf(environment, 'GITHUB_RUN_ID'), /^\d{1,20}$/);
  const attempt = matching(variableOf(environment, 'GITHUB_RUN_ATTEMPT'), /^[1-9]\d{0,8}$/);
  const server = variableOf(environment, 'GITHUB_SERVER_URL') ?? 'https://github.com';
  return {
    repository: named,
    runId,
    runAttempt: attempt === undefined ? undefined : Number(attempt),
    runUrl:
      named === undefined || runId === undefined ? undefined : `${server}/${named}/actions/runs/${runId}`,
  };
}

function isRepository(text: string): boolean {
  try {
    return parseRepository(text) === text;
  } catch {
    return false;
  }
}

function matching(text: string | undefined, form: RegExp): string | undefined {
  return text !== undefined && form.test(text) ? text : undefined;
}
