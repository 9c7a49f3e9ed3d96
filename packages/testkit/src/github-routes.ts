import { randomBytes } from 'node:crypto';
import type { GitHubApp, GitHubCaller, GitHubInstallation, GitHubPermissions } from './github-callers.ts';
import {
  type DoubledRepository,
  type DoubledRun,
  errorReply as error,
  type GitHubReply,
  type GitHubRequest,
  type GitHubRoute,
  type GitHubState,
  type RepositoryDispatchEvent,
} from './github-model.ts';
import { exampleAnswer, type GitHubOperation } from './github-schema.ts';

const maxPayloadBytes = 65_535;
const tokenLifeMs = 3_600_000;
const firstRunId = 30_433_642;

const listRuns: GitHubOperation = 'GET /repos/{owner}/{repo}/actions/runs';
const readRun: GitHubOperation = 'GET /repos/{owner}/{repo}/actions/runs/{run_id}';
const makeToken: GitHubOperation = 'POST /app/installations/{installation_id}/access_tokens';
const readInstallation: GitHubOperation = 'GET /repos/{owner}/{repo}/installation';

/** The routes that the double has from the start. */
export const gitHubRoutes: Readonly<Record<string, GitHubRoute>> = {
  'POST /repos/{owner}/{repo}/dispatches': dispatch,
  [listRuns]: answerRuns,
  [readRun]: answerRun,
  [readInstallation]: answerInstallation,
  [makeToken]: answerToken,
};

function dispatch(request: GitHubRequest, double: GitHubState): GitHubReply {
  const repository = seenRepository(request, double);
  if ('status' in repository) return repository;
  const refused = refusedRight(request, 'contents', 'write');
  if (refused !== undefined) return refused;
  if (repository.archived === true) return error(403, 'Repository was archived so is read-only.');
  const { event_type: action, client_payload: payload = {} } = request.body as {
    readonly event_type: string;
    readonly client_payload?: Readonly<Record<string, unknown>>;
  };
  if (Buffer.byteLength(JSON.stringify(payload)) > maxPayloadBytes)
    return error(422, 'client_payload is too large.');
  const event: RepositoryDispatchEvent = {
    action,
    branch: 'main',
    client_payload: payload,
    repository: { full_name: repository.name },
    sender: { login: isApp(request.caller) ? 'app' : (request.caller?.login ?? ''), id: 583_231 },
  };
  double.events.push(event);
  for (const workflow of repository.workflows ?? []) {
    if (workflow.eventTypes !== undefined && !workflow.eventTypes.includes(action)) continue;
    const createdAtMs = double.nowMs();
    const run: DoubledRun = {
      id: firstRunId + double.runs.length,
      workflowId: workflow.id,
      repository: repository.name,
      title: workflow.runName?.(event) ?? action,
      event,
      createdAtMs,
      listedAtMs: createdAtMs + double.runDelayMs,
      status: 'queued',
      conclusion: null,
    };
    double.runs.push(run);
    if (workflow.run !== undefined) void carryOut(run, workflow.run(event, run));
  }
  return { status: 204 };
}

async function carryOut(run: DoubledRun, work: Promise<string>): Promise<void> {
  run.status = 'in_progress';
  run.conclusion = await work.catch(() => 'failure');
  run.status = 'completed';
}

function answerRuns(request: GitHubRequest, double: GitHubState): GitHubReply {
  const repository = readableRepository(request, double);
  if ('status' in repository) return repository;
  const { query } = request;
  const sinceMs = Date.parse(/^>=(.+)$/.exec(query.get('created') ?? '')?.[1] ?? '') || 0;
  const event = query.get('event') ?? 'repository_dispatch';
  const runs = double.runs.filter(
    (run) =>
      run.repository === repository.name &&
      event === 'repository_dispatch' &&
      run.createdAtMs >= sinceMs &&
      run.listedAtMs <= double.nowMs(),
  );
  const perPage = Number(query.get('per_page') ?? 30);
  const start = (Number(query.get('page') ?? 1) - 1) * perPage;
  const page = runs.toReversed().slice(start, start + perPage);
  return { status: 200, body: { total_count: runs.length, workflow_runs: page.map(runBody) } };
}

function answerRun(request: GitHubRequest, double: GitHubState): GitHubReply {
  const repository = readableRepository(request, double);
  if ('status' in repository) return repository;
  const id = Number(request.parameters['run_id']);
  const run = double.runs.find(
    (candidate) => candidate.id === id && candidate.repository === repository.name,
  );
  return run === undefined ? error(404, 'Not Found') : { status: 200, body: runBody(run) };
}

function runBody(run: DoubledRun): Readonly<Record<string, unknown>> {
  const createdAt = new Date(run.createdAtMs).toISOString();
  return {
    ...exampleAnswer(readRun, 200),
    id: run.id,
    workflow_id: run.workflowId,
    display_title: run.title,
    event: 'repository_dispatch',
    status: run.status,
    conclusion: run.conclusion,
    html_url: `https://github.example.org/${run.repository}/actions/runs/${run.id}`,
    created_at: createdAt,
    updated_at: createdAt,
  };
}

function answerInstallation(request: GitHubRequest, double: GitHubState): GitHubReply {
  if (!isApp(request.caller)) return error(401, 'A JSON web token could not be decoded');
  const name = nameOf(request);
  const installation = request.caller.installations.find(({ repositories }) => repositories.includes(name));
  if (installation === undefined || !double.repositories.has(name)) return error(404, 'Not Found');
  const body = {
    ...exampleAnswer(readInstallation, 200),
    id: installation.id,
    permissions: installation.permissions,
  };
  return { status: 200, body };
}

function answerToken(request: GitHubRequest, double: GitHubState): GitHubReply {
  if (!isApp(request.caller)) return error(401, 'A JSON web token could not be decoded');
  const id = Number(request.parameters['installation_id']);
  const installation = request.caller.installations.find((candidate) => candidate.id === id);
  if (installation === undefined) return error(404, 'Not Found');
  if (installation.suspended === true) return error(403, 'This installation has been suspended');
  const asked = (request.body ?? {}) as {
    readonly repositories?: readonly string[];
    readonly permissions?: GitHubPermissions;
  };
  const permissions = asked.permissions ?? installation.permissions;
  const repositories = installation.repositories.filter(
    (name) => asked.repositories?.some((wanted) => name.endsWith(`/${wanted.toLowerCase()}`)) ?? true,
  );
  if (repositories.length < (asked.repositories?.length ?? 0)) {
    return error(
      422,
      'There is at least one repository that does not exist or is not accessible to the parent installation.',
    );
  }
  if (!isGranted(permissions, installation)) {
    return error(422, 'The permissions requested are not granted to this installation.');
  }
  const token = `ghs_${randomBytes(18).toString('hex')}`;
  const expiresAtMs = double.nowMs() + tokenLifeMs;
  double.callers.set(token, { kind: 'installation', login: 'app', repositories, permissions, expiresAtMs });
  double.mintedTokens.push(token);
  const body = {
    token,
    expires_at: new Date(expiresAtMs).toISOString(),
    permissions,
    repository_selection: 'selected',
  };
  return { status: 201, body };
}

function isGranted(permissions: GitHubPermissions, installation: GitHubInstallation): boolean {
  return Object.entries(permissions).every(([name, level]) => {
    const granted = installation.permissions[name];
    return granted === 'write' || granted === level;
  });
}

/** The repository that a request names, or GitHub's answer if the caller cannot see it. */
export function seenRepository(request: GitHubRequest, double: GitHubState): DoubledRepository | GitHubReply {
  const { caller } = request;
  const name = nameOf(request);
  const repository = double.repositories.get(name);
  if (repository === undefined) return error(404, 'Not Found');
  if (repository.movedTo !== undefined) {
    const status = request.operation.startsWith('GET') ? 301 : 307;
    return { ...error(status, 'Moved Permanently'), headers: { location: `${double.url}/repositories/1` } };
  }
  const reaches = caller !== undefined && !isApp(caller) && (caller.repositories?.includes(name) ?? true);
  return reaches || repository.isPrivate !== true ? repository : error(404, 'Not Found');
}

function readableRepository(request: GitHubRequest, double: GitHubState): DoubledRepository | GitHubReply {
  const repository = seenRepository(request, double);
  if ('status' in repository || repository.isPrivate !== true) return repository;
  return refusedRight(request, 'actions', 'read') ?? repository;
}

/** GitHub's answer to a caller without the permission; undefined if the caller has it. */
function refusedRight(
  request: GitHubRequest,
  permission: string,
  level: 'read' | 'write',
): GitHubReply | undefined {
  const { caller } = request;
  if (caller === undefined || isApp(caller)) return error(401, 'Requires authentication');
  const granted = caller.permissions[permission];
  const reaches = caller.repositories?.includes(nameOf(request)) ?? true;
  if (reaches && (granted === 'write' || granted === level)) return undefined;
  if (caller.kind === 'classic') return error(404, 'Not Found');
  return error(
    403,
    caller.kind === 'installation'
      ? 'Resource not accessible by integration'
      : 'Resource not accessible by personal access token',
  );
}

function nameOf({ parameters }: GitHubRequest): string {
  return `${parameters['owner']}/${parameters['repo']}`.toLowerCase();
}

function isApp(caller: GitHubCaller | GitHubApp | undefined): caller is GitHubApp {
  return caller !== undefined && 'appId' in caller;
}
