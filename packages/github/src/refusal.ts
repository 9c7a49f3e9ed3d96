import { printable } from '@slipway/core';

/** Every reason why GitHub, or the connection to it, fails a target. */
export type GitHubFailureCode =
  | 'token-refused'
  | 'token-not-authorized'
  | 'address-not-allowed'
  | 'forbidden'
  | 'rate-limited'
  | 'not-found'
  | 'moved'
  | 'archived'
  | 'payload-refused'
  | 'app-not-found'
  | 'app-not-installed'
  | 'app-permission-missing'
  | 'unreachable'
  | 'not-secure'
  | 'unexpected-answer';

/** Why a request failed permanently, and what to do. It changed nothing. */
export class GitHubFailure extends Error {
  readonly code: GitHubFailureCode;
  readonly hint: string | undefined;

  constructor(code: GitHubFailureCode, message: string, hint?: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
    this.hint = hint;
  }
}

/** An answer with status 300 or above. */
export interface RefusedAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | number | undefined>>;
  /** GitHub's message, unchanged. */
  readonly message: string;
}

/** What a refused dispatch to `target` means. Statuses of 500 and above are not refusals. */
export function dispatchFailure(answer: RefusedAnswer, target: string): GitHubFailure {
  const said = `GitHub answers ${answer.status}: ${printable(answer.message, 300)}`;
  if (answer.status >= 300 && answer.status < 400) {
    return new GitHubFailure('moved', `the repository was renamed (${said})`, 'Use its current name.');
  }
  switch (answer.status) {
    case 401:
      return new GitHubFailure(
        'token-refused',
        `the token is not valid (${said})`,
        'It may have expired or been revoked.',
      );
    case 403:
      return forbidden(answer, target, said);
    case 404:
      return new GitHubFailure(
        'not-found',
        `there is no such repository for this token (${said})`,
        `GitHub answers 404 in three cases: ${target} is misspelled; the token cannot see it, such as a GITHUB_TOKEN, which only sees its own repository; or the token lacks contents: write.`,
      );
    case 422:
      return new GitHubFailure('payload-refused', `GitHub did not accept the payload (${said})`);
    default:
      return new GitHubFailure('unexpected-answer', said);
  }
}

function forbidden({ headers, message }: RefusedAnswer, target: string, said: string): GitHubFailure {
  const [owner = ''] = target.split('/');
  if (headers['x-github-sso'] !== undefined || /SAML/i.test(message)) {
    return new GitHubFailure(
      'token-not-authorized',
      `the token is not authorized for the single sign-on of ${owner} (${said})`,
      `Authorize it for ${owner} under "Configure SSO" in the settings of its owner's tokens.`,
    );
  }
  if (/IP allow list/i.test(message)) {
    return new GitHubFailure(
      'address-not-allowed',
      `${owner} only allows its own IP addresses (${said})`,
      'Run the job on a runner whose address is in its IP allow list.',
    );
  }
  if (/archived/i.test(message)) {
    return new GitHubFailure(
      'archived',
      `the repository is archived (${said})`,
      'Unarchive it, or leave it out of targets.',
    );
  }
  return new GitHubFailure(
    'forbidden',
    `the token may not do this (${said})`,
    'It needs contents: write on this repository ("Contents: Read and write" of a fine-grained token or an app, "repo" of a classic one).',
  );
}

/**
 * How long to wait before repeating a request; undefined if the answer is not about a rate limit. Follows "Rate limits for the REST
 * API": `retry-after`, else the reset of the primary limit, else a minute.
 */
export function rateLimitWaitMs(
  { status, headers, message }: RefusedAnswer,
  nowMs: number,
): number | undefined {
  if (status !== 403 && status !== 429) return undefined;
  const retryAfterS = numberOf(headers['retry-after']);
  if (retryAfterS !== undefined) return retryAfterS * 1_000;
  if (numberOf(headers['x-ratelimit-remaining']) === 0) {
    const resetS = numberOf(headers['x-ratelimit-reset']);
    // By GitHub's clock: this machine's may be wrong.
    const serverMs = Date.parse(String(headers['date'] ?? ''));
    const presentMs = Number.isNaN(serverMs) ? nowMs : serverMs;
    return resetS === undefined ? 60_000 : Math.max(0, resetS * 1_000 - presentMs) + 1_000;
  }
  return status === 429 || /rate limit/i.test(message) ? 60_000 : undefined;
}

function numberOf(header: string | number | undefined): number | undefined {
  const text = String(header ?? '');
  return /^\d{1,12}$/.test(text) ? Number(text) : undefined;
}
