import { createHash, timingSafeEqual } from 'node:crypto';
import { systemClock, variableOf } from '@slipway/core';
import { consoleLog, errorFacts, type RunSummary, runIndex } from './run.ts';
import { serveIndex } from './serve.ts';
import { r2Binding, readSettings, triggerToken, variablesOf, type WorkerEnvironment } from './settings.ts';

/** Where a POST with the token starts a run. */
export const triggerPath = '/.slipway/run';

/** The handlers of a Worker. */
export interface IndexWorker {
  scheduled(controller: unknown, environment: WorkerEnvironment): Promise<void>;
  fetch(request: Request, environment: WorkerEnvironment): Promise<Response>;
}

/** The Worker with a configuration, as YAML text, that the variable CONFIGURATION may replace. */
export function makeWorker(configuration: string): IndexWorker {
  return {
    /** Throws after logging what went wrong, so that Cloudflare counts the run as failed. */
    async scheduled(_controller, environment) {
      const { errors } = await run(environment, configuration);
      if (errors.length > 0) throw new Error(`The index is not complete: ${errors[0]}`);
    },
    async fetch(request, environment) {
      try {
        if (new URL(request.url).pathname === triggerPath)
          return await trigger(request, environment, configuration);
        const binding = variableOf(variablesOf(environment), 'SERVE');
        const bucket = binding === undefined ? undefined : r2Binding(`r2:${binding}`, environment);
        if (bucket !== undefined) return await serveIndex(request, bucket);
        if (binding !== undefined)
          consoleLog('error', 'settings', { message: 'SERVE must be the name of an R2 binding' });
        return json(404, { error: 'not found' });
      } catch (error) {
        consoleLog('error', 'request', errorFacts(error));
        return json(500, { error: 'the request failed: see the log of the Worker' });
      }
    },
  };
}

async function run(environment: WorkerEnvironment, configuration: string): Promise<RunSummary> {
  try {
    return await runIndex(environment, readSettings(environment, configuration), systemClock, consoleLog);
  } catch (error) {
    consoleLog('error', 'run', errorFacts(error));
    throw error;
  }
}

async function trigger(
  request: Request,
  environment: WorkerEnvironment,
  configuration: string,
): Promise<Response> {
  const token = triggerToken(environment);
  // Without a token nobody may start runs, and nobody learns that the path exists.
  if (token === undefined) return json(404, { error: 'not found' });
  if (!isToken(request.headers.get('authorization'), token))
    return json(401, { error: 'the token is missing or wrong' }, { 'www-authenticate': 'Bearer' });
  if (request.method !== 'POST') return json(405, { error: 'use POST' }, { allow: 'POST' });
  const summary = await run(environment, configuration);
  return json(summary.errors.length > 0 ? 502 : 200, summary);
}

/** Compares digests, which takes the same time for every token whatever its length. */
function isToken(authorization: string | null, token: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(authorization ?? ''), digest(`Bearer ${token}`));
}

function json(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(`${JSON.stringify(value)}\n`, {
    status,
    headers: { ...headers, 'content-type': 'application/json', 'cache-control': 'no-store' },
  });
}
