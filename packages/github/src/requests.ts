import { type Backoff, type Clock, formatDuration, retrying, SlipwayError } from '@slipway/core';
import { HttpFailure } from '@slipway/http';
import { GitHubFailure, type RefusedAnswer, rateLimitWaitMs } from './refusal.ts';
import { transport } from './transport.ts';

const backoff = { leastMs: 500, baseMs: 1_000, capMs: 15_000 };
const none = { baseMs: 0, capMs: 0 };
const maxAttempts = 5;

export interface RequestOptions {
  readonly apiUrl: string;
  readonly clock: Clock;
  readonly requestTimeoutMs?: number | undefined;
  /** How long to wait for a rate limit, or for a server that cannot be reached. */
  readonly patienceMs?: number | undefined;
  readonly proxyEnvironment: Readonly<Record<string, string | undefined>> | undefined;
  /** Called before each wait, with the reason. */
  readonly onWait?: ((reason: string) => void) | undefined;
}

export interface Answer {
  readonly status: number;
  readonly data: unknown;
}

/** The request may or may not have been carried out. */
export class UnknownOutcome extends Error {}

/** An unsuccessful answer; sending the request again would not help. */
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
  /** Whether carrying it out twice is harmless. */
  readonly repeatable: boolean;
  readonly token?: string | undefined;
}

/** Authenticates requests without a token, in octokit's form. */
export interface Authentication {
  readonly authStrategy: unknown;
  readonly auth: unknown;
}

/** What to do after a failed request. */
interface NextStep {
  /** Undefined if trying again would not help. */
  readonly backoff: Backoff | undefined;
  readonly failure: Error;
  readonly reason: string;
}

/**
 * Sends requests to GitHub. Retries requests that never reached it or that a rate limit refused, after the time GitHub asks for;
 * retries an unknown outcome only if the request is repeatable.
 */
export class Requests {
  readonly #options: RequestOptions;

  constructor(options: RequestOptions) {
    this.#options = options;
  }

  /**
   * The successful answer. Throws `Refused`, `UnknownOutcome`, or `GitHubFailure` with code `rate-limited`, `unreachable` or
   * `not-secure`. `authentication` replaces a token.
   */
  async send(request: OneRequest, authentication?: Authentication): Promise<Answer> {
    const { clock, patienceMs: deadlineMs = 600_000, onWait } = this.#options;
    let next: NextStep | undefined;
    const rule = {
      clock,
      deadlineMs,
      backoff: () => next?.backoff ?? none,
      isTransient: () => next?.backoff !== undefined,
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

  /** What to do after a failed request: wait and retry, or throw `failure`. */
  #next(outcome: RefusedAnswer | HttpFailure, { repeatable }: OneRequest, attempt: number): NextStep {
    const again = attempt + 1 < maxAttempts ? backoff : undefined;
    if (outcome instanceof HttpFailure) {
      const { reason } = outcome;
      switch (outcome.kind) {
        case 'insecure':
          return { backoff: undefined, failure: failed('not-secure', outcome), reason };
        case 'unsent':
          return { backoff: again, failure: failed('unreachable', outcome), reason };
        default:
          return {
            backoff: repeatable ? again : undefined,
            failure: new UnknownOutcome(reason, { cause: outcome }),
            reason,
          };
      }
    }
    const limitMs = rateLimitWaitMs(outcome, this.#options.clock.nowMs());
    if (limitMs !== undefined) {
      const reason = `GitHub's rate limit is reached (${outcome.status})`;
      const hint = 'Use fewer targets and concurrent runs, or a separate token with its own limit.';
      const failure = new GitHubFailure(
        'rate-limited',
        `${reason} for ${formatDuration(limitMs)} more`,
        hint,
      );
      return { backoff: { leastMs: limitMs, ...none }, failure, reason };
    }
    if (outcome.status >= 500) {
      const reason = `GitHub answers ${outcome.status}`;
      return { backoff: repeatable ? again : undefined, failure: new UnknownOutcome(reason), reason };
    }
    return { backoff: undefined, failure: new Refused(outcome), reason: outcome.message };
  }

  async #once(
    { route, parameters, token }: OneRequest,
    authentication: Authentication | undefined,
  ): Promise<Answer | RefusedAnswer | HttpFailure> {
    const { apiUrl, proxyEnvironment, requestTimeoutMs = 30_000 } = this.#options;
    // Not its main module, which reads and parses the event of the run when loaded.
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

function failed(code: 'not-secure' | 'unreachable', cause: HttpFailure): GitHubFailure {
  return new GitHubFailure(code, cause.reason, undefined, cause);
}

/** Otherwise octokit writes to the console. */
export const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** Interprets what octokit throws, and drops its message, which can quote a request. */
function failureOf(error: unknown): RefusedAnswer | HttpFailure {
  if (!(error instanceof Error)) throw error;
  if (error.cause instanceof HttpFailure) return error.cause;
  if (error.cause instanceof SlipwayError) throw error.cause;
  // Without an answer it is not a refusal: octokit invents a status for such errors.
  if (!('status' in error) || typeof error.status !== 'number' || !('response' in error)) throw error;
  if (typeof error.response !== 'object' || error.response === null) throw error;
  const { headers, data } = error.response as { headers?: RefusedAnswer['headers']; data?: unknown };
  return { status: error.status, headers: headers ?? {}, message: messageOf(data) };
}

function messageOf(data: unknown): string {
  if (typeof data === 'string') return data;
  if (typeof data !== 'object' || data === null || !('message' in data)) return 'no reason was given';
  const errors = 'errors' in data && Array.isArray(data.errors) ? data.errors : [];
  const details = errors.map((detail) => (typeof detail === 'string' ? detail : JSON.stringify(detail)));
  return [String(data.message), ...details].join('; ');
}
