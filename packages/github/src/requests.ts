import { backoffMs, type Clock, formatDuration, retrying, SlipwayError } from '@slipway/core';
import { HttpFailure } from '@slipway/http';
import { GitHubFailure, type RefusedAnswer, rateLimitWaitMs } from './refusal.ts';
import { transport } from './transport.ts';

const retryBaseMs = 1_000;
const retryCapMs = 15_000;
const maxAttempts = 5;

export interface RequestOptions {
  readonly apiUrl: string;
  readonly clock: Clock;
  readonly requestTimeoutMs?: number | undefined;
  /** How long a rate limit, or a server that cannot be reached, is waited for. */
  readonly patienceMs?: number | undefined;
  readonly proxyEnvironment: Readonly<Record<string, string | undefined>> | undefined;
  /** Says that something is waited for. */
  readonly onWait?: ((reason: string) => void) | undefined;
}

export interface Answer {
  readonly status: number;
  readonly data: unknown;
}

/** The request may or may not have been carried out. */
export class UnknownOutcome extends Error {}

/** An answer that is no success, and that sending again would not change. */
export class Refused extends Error {
  readonly answer: RefusedAnswer;

  constructor(answer: RefusedAnswer) {
    super(answer.message);
    this.answer = answer;
  }
}

export interface OneRequest {
  /** As in GitHub's documentation: `GET /repos/{owner}/{repo}/actions/runs`. */
  readonly route: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Whether it does no harm to carry it out twice. */
  readonly repeatable: boolean;
  readonly token?: string | undefined;
}

/** How requests are authenticated in place of a token, as octokit takes it. */
export interface Authentication {
  readonly authStrategy: unknown;
  readonly auth: unknown;
}

/** What follows a request that failed. */
interface NextStep {
  /** Undefined where trying again would not help. */
  readonly waitMs: number | undefined;
  readonly failure: Error;
  readonly reason: string;
}

/**
 * Sends requests to GitHub. What never reached it is sent again, and so is what it refused by a rate limit, after the time
 * it asks for; an outcome that is not known is tried again only for a request that is repeatable.
 */
export class Requests {
  readonly #options: RequestOptions;

  constructor(options: RequestOptions) {
    this.#options = options;
  }

  /**
   * The answer of a success. Throws `Refused`, `UnknownOutcome`, or `GitHubFailure` of codes `rate-limited`, `unreachable`
   * and `not-secure`. `authentication` stands in for a token.
   */
  async send(request: OneRequest, authentication?: Authentication): Promise<Answer> {
    const { clock, patienceMs: deadlineMs = 600_000, onWait } = this.#options;
    let next: NextStep | undefined;
    const rule = {
      clock,
      deadlineMs,
      backoff: () => ({ leastMs: next?.waitMs, baseMs: 0, capMs: 0 }),
      isTransient: () => next?.waitMs !== undefined,
      onRetry: (_: unknown, waitMs: number) =>
        onWait?.(`${next?.reason}: trying again in ${formatDuration(waitMs)}`),
    };
    return retrying(rule, async ({ number }) => {
      next = undefined;
      const outcome = await this.#once(request, authentication);
      if ('data' in outcome) return outcome;
      next = this.#next(outcome, request, number);
      throw next.failure;
    });
  }

  /** What to do after a request that failed: wait and try again, or throw `failure`. */
  #next(outcome: RefusedAnswer | HttpFailure, { repeatable }: OneRequest, attempt: number): NextStep {
    const { clock } = this.#options;
    const pauseMs =
      attempt + 1 < maxAttempts
        ? retryBaseMs / 2 + backoffMs(clock, attempt, retryBaseMs, retryCapMs)
        : undefined;
    if (outcome instanceof HttpFailure) {
      const { reason } = outcome;
      switch (outcome.kind) {
        case 'insecure':
          return {
            waitMs: undefined,
            failure: new GitHubFailure('not-secure', reason, undefined, outcome),
            reason,
          };
        case 'unsent':
          return {
            waitMs: pauseMs,
            failure: new GitHubFailure('unreachable', reason, undefined, outcome),
            reason,
          };
        default:
          return {
            waitMs: repeatable ? pauseMs : undefined,
            failure: new UnknownOutcome(reason, { cause: outcome }),
            reason,
          };
      }
    }
    const limitMs = rateLimitWaitMs(outcome, clock.nowMs());
    if (limitMs !== undefined) {
      const reason = `GitHub's rate limit is reached (${outcome.status})`;
      const hint = 'Fewer targets and runs at once, or a token of its own, have a higher limit.';
      const failure = new GitHubFailure(
        'rate-limited',
        `${reason} for ${formatDuration(limitMs)} more`,
        hint,
      );
      return { waitMs: limitMs, failure, reason };
    }
    if (outcome.status >= 500) {
      const reason = `GitHub answers ${outcome.status}`;
      return { waitMs: repeatable ? pauseMs : undefined, failure: new UnknownOutcome(reason), reason };
    }
    return { waitMs: undefined, failure: new Refused(outcome), reason: outcome.message };
  }

  async #once(
    { route, parameters, token }: OneRequest,
    authentication: Authentication | undefined,
  ): Promise<Answer | RefusedAnswer | HttpFailure> {
    const { apiUrl, proxyEnvironment, requestTimeoutMs = 30_000 } = this.#options;
    // Not its main module, which reads and parses the event of the run as it is loaded.
    const { GitHub } = await import('@actions/github/lib/utils');
    const octokit = new GitHub({
      baseUrl: apiUrl,
      userAgent: 'slipway',
      log: silent,
      request: { fetch: transport({ timeoutMs: requestTimeoutMs, proxyEnvironment }) },
      ...authentication,
    });
    const headers = {
      'x-github-api-version': '2022-11-28',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    };
    try {
      const { status, data } = await octokit.request(route, { ...parameters, headers });
      return status < 300 ? { status, data } : { status, headers: {}, message: 'a redirect' };
    } catch (error) {
      return failureOf(error);
    }
  }
}

/** octokit writes to the console otherwise. */
export const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** What octokit throws, as what it means. Its words, which can quote a request, are left behind. */
function failureOf(error: unknown): RefusedAnswer | HttpFailure {
  if (!(error instanceof Error)) throw error;
  if (error.cause instanceof HttpFailure) return error.cause;
  if (error.cause instanceof SlipwayError) throw error.cause;
  // Without an answer it is no refusal: octokit gives such errors a status of its own.
  if (!('status' in error) || typeof error.status !== 'number' || !('response' in error)) throw error;
  if (typeof error.response !== 'object' || error.response === null) throw error;
  const { headers, data } = error.response as { headers?: RefusedAnswer['headers']; data?: unknown };
  return { status: error.status, headers: headers ?? {}, message: messageOf(data) };
}

function messageOf(data: unknown): string {
  if (typeof data === 'string') return data;
  if (typeof data !== 'object' || data === null || !('message' in data)) return 'no reason is given';
  const errors = 'errors' in data && Array.isArray(data.errors) ? data.errors : [];
  const details = errors.map((detail) => (typeof detail === 'string' ? detail : JSON.stringify(detail)));
  return [String(data.message), ...details].join('; ');
}
