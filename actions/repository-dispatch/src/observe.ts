import { type Environment, UserError, variableOf } from '@slipway/core';
import {
  type JsonObject,
  type MessageSource,
  parseRepository,
  sentArtifact,
} from '@slipway/dispatch-payload';
import { readArtifacts } from '@slipway/local-files';
import type { ActionContext } from '@slipway/runner';
import { readPayloadFile } from './files.ts';
import type { Inputs } from './inputs.ts';
import { parseCommit, parseRef } from './parsers.ts';
import type { PlanInput } from './plan.ts';

/** Reads the files that the inputs name. `signatureBytes` is what a signature adds to a payload. */
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
      : await reading('artifacts', () => readArtifacts(given.artifacts ?? '', workDirectory));
  const source = sourceOf(given, environment);
  return {
    targets: given.targets,
    eventType: given.eventType,
    parts: partsOf(given, fromFile),
    subject: {
      version: given.releaseVersion,
      commit: given.sourceCommit ?? parsed(variableOf(environment, 'GITHUB_SHA'), parseCommit),
      ref: given.sourceRef ?? parsed(variableOf(environment, 'GITHUB_REF'), parseRef),
      artifacts: artifacts?.map(sentArtifact),
    },
    source,
    id: given.id,
    runId: source.runId,
    // Outside of GitHub it is unknown whether this is the first attempt.
    mayBeKnown: given.id !== undefined || source.runId === undefined || (source.runAttempt ?? 1) > 1,
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

/** The repository whose run this is, as far as GitHub says so. */
export function repositoryOf(environment: Environment): string | undefined {
  return parsed(variableOf(environment, 'GITHUB_REPOSITORY'), parseRepository);
}

/** The sender: the run, as GitHub describes it to its jobs, or a repository that the user names. */
function sourceOf({ sourceRepository }: Inputs, environment: Environment): MessageSource {
  const own = repositoryOf(environment);
  const runId = matching(variableOf(environment, 'GITHUB_RUN_ID'), /^\d{1,20}$/);
  const attempt = matching(variableOf(environment, 'GITHUB_RUN_ATTEMPT'), /^[1-9]\d{0,8}$/);
  const server = variableOf(environment, 'GITHUB_SERVER_URL') ?? 'https://github.com';
  return {
    repository: sourceRepository ?? own,
    runId,
    runAttempt: attempt === undefined ? undefined : Number(attempt),
    runUrl: own === undefined || runId === undefined ? undefined : `${server}/${own}/actions/runs/${runId}`,
  };
}

/** The value of a variable, if it is valid. */
function parsed(text: string | undefined, parse: (text: string) => string): string | undefined {
  if (text === undefined) return undefined;
  try {
    return parse(text);
  } catch {
    return undefined;
  }
}

function matching(text: string | undefined, form: RegExp): string | undefined {
  return text !== undefined && form.test(text) ? text : undefined;
}
