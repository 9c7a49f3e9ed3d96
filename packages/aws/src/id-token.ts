import type { IncomingMessage } from 'node:http';
import {
  type Environment,
  isSafeEndpoint,
  parseStrictJson,
  printable,
  proxyVariables,
  RemoteError,
  systemErrorCode,
  UserError,
  variableOf,
  variableProblem,
} from '@slipway/core';

const maxBodyBytes = 64 * 1024;
const urlVariable = 'ACTIONS_ID_TOKEN_REQUEST_URL';
const tokenVariable = 'ACTIONS_ID_TOKEN_REQUEST_TOKEN';

export interface IdTokenRequest {
  readonly environment: Environment;
  readonly audience: string;
  readonly timeoutMs: number;
  mask(secret: string): void;
}

/** The two lines that a job needs to be given tokens. */
export const permissionLines = 'permissions:\n  id-token: write';

/** Throws `UserError` `credentials-missing` when this job cannot ask for tokens. */
export function requireIdTokens(environment: Environment): void {
  if (variableOf(environment, urlVariable) && variableOf(environment, tokenVariable)) return;
  throw new UserError(
    'credentials-missing',
    `This job may not ask GitHub for OIDC tokens (there is no ${urlVariable}), so no role can be assumed.`,
    {
      hint:
        `Add these two lines to the job, or to the workflow:\n${permissionLines}\n` +
        'permissions that are not listed beside it are taken away: actions/checkout also needs "contents: read". ' +
        'Pull requests from forks are never given tokens.',
    },
  );
}

/**
 * Asks GitHub's endpoint for an OIDC token, with one GET. The token is masked before it is returned. Throws `UserError`
 * `credentials-missing` when the job may not ask, and `RemoteError`, retryable for 429, 5xx and failed connections.
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
      `${urlVariable} is not an https:// URL, so no token is asked for.`,
    );
  }
  const url = `${endpoint}${endpoint.includes('?') ? '&' : '?'}audience=${encodeURIComponent(request.audience)}`;
  const { status, body } = await get(new URL(url), bearer, request);
  if (status !== 200) throw statusError(status);
  const token = readToken(body);
  request.mask(token);
  return token;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

async function get(url: URL, bearer: string, request: IdTokenRequest): Promise<Answer> {
  const transport = url.protocol === 'https:' ? await import('node:https') : await import('node:http');
  const signal = AbortSignal.timeout(request.timeoutMs);
  const agent = new transport.Agent({ proxyEnv: proxyVariables(request.environment) });
  try {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const headers = {
        authorization: `Bearer ${bearer}`,
        accept: 'application/json',
        'user-agent': 'slipway',
      };
      transport.get(url, { headers, agent, signal }, resolve).on('error', reject);
    });
    return { status: response.statusCode ?? 0, body: await readBody(response) };
  } catch (error) {
    if (error instanceof RemoteError) throw error;
    const code = signal.aborted ? 'no answer in time' : (systemErrorCode(error) ?? 'no reason given');
    throw new RemoteError('unreachable', `GitHub's token endpoint cannot be reached (${printable(code)}).`, {
      hint: 'Run again; on a runner of your own, check that it reaches the URL in ACTIONS_ID_TOKEN_REQUEST_URL.',
      retryable: !/CERT|SELF_SIGNED|TLS|SSL|ISSUER|EPROTO/.test(code),
    });
  } finally {
    agent.destroy();
  }
}

async function readBody(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of response) {
    sizeBytes += chunk.length;
    if (sizeBytes > maxBodyBytes) throw unusable(`it answered more than ${maxBodyBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The `value` of the answer. What is wrong with it is never told in its own words: they could be the token's. */
function readToken(body: string): string {
  let answer: unknown;
  try {
    answer = parseStrictJson(body);
  } catch {
    throw unusable('it does not answer in JSON');
  }
  const token = typeof answer === 'object' && answer !== null ? Reflect.get(answer, 'value') : undefined;
  if (typeof token !== 'string' || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) {
    throw unusable('there is no token in its answer');
  }
  return token;
}

function unusable(why: string): RemoteError {
  return new RemoteError('unexpected-response', `GitHub's token endpoint cannot be used: ${why}.`, {
    hint: 'Look at https://www.githubstatus.com and run again.',
  });
}

function statusError(status: number): RemoteError {
  const what = `GitHub's token endpoint answered ${status}`;
  if (status === 429 || status >= 500) {
    return new RemoteError('store-failed', `${what}.`, {
      hint: 'Look at https://www.githubstatus.com and run again.',
      retryable: true,
    });
  }
  if (status === 401 || status === 403) {
    return new RemoteError('access-denied', `${what}: it refuses to give this job a token.`, {
      hint: `The job needs these two lines:\n${permissionLines}\nTokens can be asked for only while the job runs.`,
    });
  }
  return unusable(`it answered ${status}`);
}
