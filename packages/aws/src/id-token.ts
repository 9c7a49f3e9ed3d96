import {
  type Environment,
  isSafeEndpoint,
  parseStrictJson,
  RemoteError,
  UserError,
  variableOf,
  variableProblem,
} from '@slipway/core';
import { addressOf, HttpClient, HttpFailure, isTransientStatus, readBody } from '@slipway/http';

const maxBodyBytes = 64 * 1024;
const urlVariable = 'ACTIONS_ID_TOKEN_REQUEST_URL';
const tokenVariable = 'ACTIONS_ID_TOKEN_REQUEST_TOKEN';

export interface IdTokenRequest {
  readonly environment: Environment;
  readonly audience: string;
  readonly timeoutMs: number;
  mask(secret: string): void;
}

/** The two lines that let a job request tokens. */
export const permissionLines = 'permissions:\n  id-token: write';

/** Throws `UserError` `credentials-missing` if this job cannot request tokens. */
export function requireIdTokens(environment: Environment): void {
  if (variableOf(environment, urlVariable) && variableOf(environment, tokenVariable)) return;
  throw new UserError(
    'credentials-missing',
    `This job may not request OIDC tokens from GitHub (${urlVariable} is not set), so no role can be assumed.`,
    {
      hint:
        `Add these two lines to the job, or to the workflow:\n${permissionLines}\n` +
        'Permissions that are not listed beside it are removed: actions/checkout also needs "contents: read". ' +
        'Pull requests from forks never get tokens.',
    },
  );
}

/**
 * Requests an OIDC token from GitHub with one GET, and masks it. Throws `UserError` `credentials-missing` if the job may not
 * request one, and `RemoteError`, retryable for 429, 5xx and failed connections.
 */
export async function fetchIdToken(request: IdTokenRequest): Promise<string> {
  requireIdTokens(request.environment);
  const endpoint = variableOf(request.environment, urlVariable) ?? '';
  const bearer = variableOf(request.environment, tokenVariable) ?? '';
  request.mask(bearer);
  const problem = variableProblem(request.environment, tokenVariable, 'token');
  if (problem !== undefined) throw new UserError('credentials-missing', `${problem}.`);
  if (!isSafeEndpoint(endpoint)) {
    throw new UserError(
      'credentials-missing',
      `${urlVariable} is not an https:// URL, so no token is requested.`,
    );
  }
  const url = `${endpoint}${endpoint.includes('?') ? '&' : '?'}audience=${encodeURIComponent(request.audience)}`;
  const { status, body } = await get(new URL(url), bearer, request);
  if (status !== 200) throw statusError(status);
  const token = readToken(body);
  request.mask(token);
  return token;
}

async function get(url: URL, bearer: string, request: IdTokenRequest): Promise<Answer> {
  const client = new HttpClient({ idleMs: request.timeoutMs, proxyEnvironment: request.environment });
  const signal = AbortSignal.timeout(request.timeoutMs);
  const what = "GitHub's token endpoint";
  try {
    const response = await client.send({
      ...addressOf(url),
      method: 'GET',
      headers: { authorization: `Bearer ${bearer}`, accept: 'application/json' },
      what,
      signal,
    });
    const tooLarge = () => unusable(`it answered more than ${maxBodyBytes} bytes`);
    const body = await readBody(response, { maxBytes: maxBodyBytes, what, signal, tooLarge });
    return { status: response.statusCode ?? 0, body };
  } catch (error) {
    if (!(error instanceof HttpFailure)) throw error;
    throw new RemoteError('unreachable', error.message, {
      hint: 'Run again; on a self-hosted runner, check that it can reach the URL in ACTIONS_ID_TOKEN_REQUEST_URL.',
      retryable: error.retryable,
    });
  } finally {
    client.close();
  }
}

interface Answer {
  readonly status: number;
  readonly body: Uint8Array;
}

/** The `value` of the answer. Errors never quote the answer: it could contain the token. */
function readToken(body: Uint8Array): string {
  let answer: unknown;
  try {
    answer = parseStrictJson(body);
  } catch {
    throw unusable('its answer is not JSON');
  }
  const token = typeof answer === 'object' && answer !== null ? Reflect.get(answer, 'value') : undefined;
  if (typeof token !== 'string' || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) {
    throw unusable('its answer has no token');
  }
  return token;
}

function unusable(why: string): RemoteError {
  return new RemoteError('unexpected-response', `GitHub's token endpoint cannot be used: ${why}.`, {
    hint: 'Check https://www.githubstatus.com and run again.',
  });
}

function statusError(status: number): RemoteError {
  const what = `GitHub's token endpoint answered ${status}`;
  if (isTransientStatus(status)) {
    return new RemoteError('store-failed', `${what}.`, {
      hint: 'Check https://www.githubstatus.com and run again.',
      retryable: true,
    });
  }
  if (status === 401 || status === 403) {
    return new RemoteError('access-denied', `${what}: it refused to give this job a token.`, {
      hint: `The job needs these two lines:\n${permissionLines}\nTokens can only be requested while the job runs.`,
    });
  }
  return unusable(`it answered ${status}`);
}
