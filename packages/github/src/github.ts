import { type Clock, printable, retrying } from '@slipway/core';
import { dispatchFailure, GitHubFailure } from './refusal.ts';
import { Refused, type RequestOptions, Requests, UnknownOutcome } from './requests.ts';
import { isTitleOf, parseRuns, type WorkflowRun } from './runs.ts';
import { type AppCredentials, appTokens, staticToken, type TokenSource } from './tokens.ts';

const pageSize = 100;
const maxPages = 5;
/** A new app token takes a moment to be known everywhere. */
const freshTokenAttempts = 3;
const freshTokenBackoff = { leastMs: 1_000, baseMs: 1_000, capMs: 2_000 };

export interface GitHubOptions extends RequestOptions {
  readonly credentials:
    | { readonly kind: 'token'; readonly token: string }
    | ({ readonly kind: 'app' } & AppCredentials);
  readonly mask: (secret: string) => void;
}

export interface Dispatch {
  /** `owner/repository`. */
  readonly repository: string;
  readonly eventType: string;
  readonly clientPayload: Readonly<Record<string, unknown>>;
}

export type DispatchOutcome =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'refused'; readonly failure: GitHubFailure }
  /** GitHub may or may not have accepted it. */
  | { readonly kind: 'unknown'; readonly reason: string };

export type RunSearch =
  | { readonly kind: 'found'; readonly runs: readonly WorkflowRun[] }
  /** The token may not see them. */
  | { readonly kind: 'not-allowed'; readonly reason: string }
  /** GitHub cannot answer now. */
  | { readonly kind: 'failed'; readonly reason: string };

/** The part of GitHub's REST API that Slipway uses. */
export class GitHub {
  readonly #requests: Requests;
  readonly #tokenFor: TokenSource;
  readonly #clock: Clock;
  readonly #tokenAttempts: number;

  constructor(options: GitHubOptions) {
    const { clock, credentials, mask } = options;
    this.#clock = clock;
    this.#requests = new Requests(options);
    this.#tokenAttempts = credentials.kind === 'app' ? freshTokenAttempts : 1;
    this.#tokenFor =
      credentials.kind === 'token'
        ? staticToken(credentials.token)
        : appTokens(credentials, this.#requests, { nowMs: () => clock.nowMs(), mask });
  }

  /**
   * Sends a dispatch. Retries only if GitHub certainly did not accept it: the connection was never made, or a rate limit or a token
   * too new to be known refused it.
   */
  async dispatch({ repository, eventType, clientPayload }: Dispatch): Promise<DispatchOutcome> {
    const [owner, repo] = repository.split('/');
    const parameters = { owner, repo, event_type: eventType, client_payload: clientPayload };
    const rule = {
      clock: this.#clock,
      backoff: freshTokenBackoff,
      maxAttempts: this.#tokenAttempts,
      isTransient: (error: unknown) => error instanceof Refused && error.answer.status === 401,
    };
    try {
      await retrying(rule, async () => {
        const token = await this.#tokenOf(repository);
        const route = 'POST /repos/{owner}/{repo}/dispatches';
        await this.#requests.send({ route, parameters, repeatable: false, token });
      });
      return { kind: 'accepted' };
    } catch (error) {
      if (error instanceof GitHubFailure) return { kind: 'refused', failure: error };
      if (error instanceof UnknownOutcome) return { kind: 'unknown', reason: error.message };
      if (!(error instanceof Refused)) throw error;
      return { kind: 'refused', failure: dispatchFailure(error.answer, repository) };
    }
  }

  /** The `repository_dispatch` runs since a time whose title contains a message's id. */
  async findRuns(repository: string, id: string, sinceMs: number): Promise<RunSearch> {
    const [owner, repo] = repository.split('/');
    const runs: WorkflowRun[] = [];
    try {
      const token = await this.#tokenOf(repository);
      for (let page = 1; page <= maxPages; page += 1) {
        const created = `>=${new Date(sinceMs).toISOString().slice(0, 19)}Z`;
        const { data } = await this.#requests.send({
          route: 'GET /repos/{owner}/{repo}/actions/runs',
          parameters: { owner, repo, event: 'repository_dispatch', created, per_page: pageSize, page },
          repeatable: true,
          token,
        });
        const listed = parseRuns(data);
        runs.push(...listed.filter(({ title }) => isTitleOf(title, id)));
        if (listed.length < pageSize) break;
      }
      return { kind: 'found', runs };
    } catch (error) {
      return unseen(error);
    }
  }

  /** A token; if creating one fails, nothing reached the repository. */
  async #tokenOf(repository: string): Promise<string> {
    try {
      return await this.#tokenFor(repository);
    } catch (error) {
      if (!(error instanceof UnknownOutcome)) throw error;
      throw new GitHubFailure(
        'unreachable',
        `no token can be created for the app: ${error.message}`,
        undefined,
        error,
      );
    }
  }
}

function unseen(error: unknown): RunSearch {
  if (error instanceof Refused) {
    const { status, message } = error.answer;
    const said = `GitHub answers ${status}: ${printable(message, 300)}`;
    if (status >= 500 || status === 422) return { kind: 'failed', reason: said };
    return {
      kind: 'not-allowed',
      reason: `the token may not read runs: it needs actions: read (${said})`,
    };
  }
  if (error instanceof UnknownOutcome) return { kind: 'failed', reason: error.message };
  if (!(error instanceof GitHubFailure)) throw error;
  return error.code === 'unreachable' || error.code === 'rate-limited'
    ? { kind: 'failed', reason: error.message }
    : { kind: 'not-allowed', reason: error.message };
}
