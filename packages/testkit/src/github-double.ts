import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { exportPKCS8, generateKeyPair } from 'jose';
import { appOfJwt, type GitHubApp, type GitHubCaller, type GitHubInstallation } from './github-callers.ts';
import {
  type DoubledRepository,
  type DoubledRun,
  errorReply,
  type GitHubFault,
  type GitHubReply,
  type GitHubRequest,
  type GitHubRoute,
  type GitHubState,
  type RepositoryDispatchEvent,
} from './github-model.ts';
import { gitHubRoutes } from './github-routes.ts';
import { answerFaults, type GitHubOperation, requestFaults, requireOperation } from './github-schema.ts';
import { type LoopbackServer, requestBody, serveLoopback } from './loopback-server.ts';

const yearMs = 365 * 24 * 3_600_000;

/**
 * A double of GitHub's REST API on a loopback port: dispatches, the runs that they start, and tokens of apps; `route` adds more.
 * Each request and each answer is checked against the description that GitHub publishes of its API. A request that violates it gets
 * 422, and is recorded in `violations`; if an answer of the double violates it, `close` fails.
 */
export class GitHubDouble implements GitHubState {
  /** Every request, in order. */
  readonly requests: GitHubRequest[] = [];
  /** Called with each request before it is answered. */
  onRequest: (request: GitHubRequest) => void = () => {};
  /** Each applies once. */
  readonly faults: GitHubFault[] = [];
  /** How requests differ from GitHub's description. */
  readonly violations: string[] = [];
  readonly runs: DoubledRun[] = [];
  readonly events: RepositoryDispatchEvent[] = [];
  /** Tokens of installations that were issued. */
  readonly mintedTokens: string[] = [];
  readonly callers = new Map<string, GitHubCaller>();
  readonly repositories = new Map<string, DoubledRepository>();
  readonly apps: GitHubApp[] = [];
  readonly #routes = new Map<GitHubOperation, { readonly path: RegExp; readonly answer: GitHubRoute }>();
  readonly #ownFaults: string[] = [];
  #server: LoopbackServer | undefined;
  /** How long before a run is listed. */
  runDelayMs = 0;
  /** How far GitHub's clock is ahead of this machine's. */
  clockAheadMs = 0;
  /** The URL of the API, as `GITHUB_API_URL` has it. */
  url = '';

  private constructor() {
    for (const [operation, answer] of Object.entries(gitHubRoutes)) {
      this.route(operation as GitHubOperation, answer);
    }
  }

  static async start(): Promise<GitHubDouble> {
    const double = new GitHubDouble();
    double.#server = await serveLoopback((request, response) => double.#serve(request, response));
    double.url = double.#server.url;
    return double;
  }

  /** Stops it. Throws if one of its answers did not match GitHub's description. */
  close(): void {
    this.#server?.close();
    if (this.#ownFaults.length > 0)
      throw new Error(`the double answered wrongly: ${this.#ownFaults.join('; ')}`);
  }

  nowMs(): number {
    return Date.now() + this.clockAheadMs;
  }

  /** Sets the route that answers an operation of GitHub's API. Throws for an operation that GitHub does not have. */
  route(operation: GitHubOperation, answer: GitHubRoute): void {
    requireOperation(operation);
    const [, template = ''] = operation.split(' ');
    const pattern = template.replace(/[.+*?^$()[\]\\|]/g, '\\$&').replace(/\{(\w+)\}/g, '(?<$1>[^/]+)');
    this.#routes.set(operation, { path: new RegExp(`^${pattern}$`), answer });
  }

  addRepository(repository: DoubledRepository): void {
    this.repositories.set(repository.name.toLowerCase(), repository);
  }

  /** A token of a user: for all repositories with all permissions, or as `rights` says. */
  addToken(rights: Partial<GitHubCaller> = {}): string {
    const token = `${rights.kind === 'fine-grained' ? 'github_pat' : 'ghp'}_${randomBytes(18).toString('hex')}`;
    this.callers.set(token, {
      kind: 'classic',
      login: 'octocat',
      repositories: undefined,
      permissions: { contents: 'write', actions: 'write' },
      expiresAtMs: this.nowMs() + yearMs,
      ...rights,
    });
    return token;
  }

  /** A GitHub App with a new key. */
  async addApp(
    installations: readonly GitHubInstallation[],
  ): Promise<{ readonly appId: string; readonly clientId: string; readonly privateKey: string }> {
    const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true });
    const number = this.apps.length + 1;
    const app = { appId: `${1000 + number}`, clientId: `Iv23li${number}`, publicKey, installations };
    this.apps.push(app);
    return { appId: app.appId, clientId: app.clientId, privateKey: await exportPKCS8(privateKey) };
  }

  /** The requests of an operation. */
  requestsOf(operation: GitHubOperation): readonly GitHubRequest[] {
    return this.requests.filter((request) => request.operation === operation);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url);
    const text = (await requestBody(request)).toString('utf8');
    const found = this.#find(request.method ?? 'GET', url.pathname);
    const authorization = request.headers.authorization;
    const caller = authorization === undefined ? undefined : await this.#callerOf(authorization);
    if (found === undefined) return this.#give(response, errorReply(404, 'Not Found'));
    const asked: GitHubRequest = {
      operation: found.operation,
      parameters: found.parameters,
      query: url.searchParams,
      headers: request.headers,
      body: text === '' ? undefined : parsedOrText(text),
      caller: typeof caller === 'string' ? undefined : caller,
    };
    this.requests.push(asked);
    this.onRequest(asked);
    const fault = this.#takeFault(found.operation);
    if (fault === undefined || fault.accepted === true) {
      const reply = await this.#answer(asked, found.answer, caller);
      if (fault === undefined) return this.#give(response, reply);
    }
    if (fault?.silent === true) return;
    if (fault?.reply === undefined) response.destroy();
    else this.#give(response, fault.reply);
  }

  async #answer(
    asked: GitHubRequest,
    answer: GitHubRoute,
    caller: GitHubCaller | GitHubApp | string | undefined,
  ): Promise<GitHubReply> {
    if (typeof caller === 'string') return errorReply(401, caller);
    const { operation, parameters, query, body } = asked;
    const violations = requestFaults(operation, { parameters, query, body });
    if (violations.length > 0) {
      this.violations.push(...violations.map((violation) => `${operation}: ${violation}`));
      return errorReply(422, 'Validation Failed', {
        errors: violations.map((message) => ({ message, code: 'invalid' })),
      });
    }
    const reply = await answer(asked, this);
    const faults = answerFaults(operation, reply.status, reply.body);
    this.#ownFaults.push(...faults.map((fault) => `${operation} ${reply.status}: ${fault}`));
    return reply;
  }

  /** The owner of a token, or GitHub's error message. */
  async #callerOf(authorization: string): Promise<GitHubCaller | GitHubApp | string> {
    const token = authorization.replace(/^(bearer|token) /i, '');
    if (/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return appOfJwt(token, this.apps, this.nowMs());
    const caller = this.callers.get(token);
    return caller === undefined || caller.expiresAtMs <= this.nowMs() ? 'Bad credentials' : caller;
  }

  #find(method: string, pathname: string) {
    for (const [operation, { path, answer }] of this.#routes) {
      if (!operation.startsWith(`${method} `)) continue;
      const groups = path.exec(pathname)?.groups;
      if (groups === undefined && !path.test(pathname)) continue;
      const parameters = Object.fromEntries(
        Object.entries(groups ?? {}).map(([name, value]) => [name, decodeURIComponent(value)]),
      );
      return { operation, answer, parameters };
    }
    return undefined;
  }

  #takeFault(operation: GitHubOperation): GitHubFault | undefined {
    const index = this.faults.findIndex(({ on }) => on === undefined || on === operation);
    return index === -1 ? undefined : this.faults.splice(index, 1)[0];
  }

  #give(response: ServerResponse, { status, body, headers }: GitHubReply): void {
    response.writeHead(status, {
      date: new Date(this.nowMs()).toUTCString(),
      ...(body === undefined ? {} : { 'content-type': 'application/json; charset=utf-8' }),
      ...headers,
    });
    response.end(body === undefined ? undefined : JSON.stringify(body));
  }
}

function parsedOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
