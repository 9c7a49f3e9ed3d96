import type { IncomingMessage } from 'node:http';
import type { GitHubApp, GitHubCaller } from './github-callers.ts';
import type { GitHubOperation } from './github-schema.ts';

/** A repository of the double. */
export interface DoubledRepository {
  /** `owner/repository`. */
  readonly name: string;
  readonly isPrivate?: boolean;
  readonly archived?: boolean;
  /** The present name, to which requests are redirected. */
  readonly movedTo?: string;
  /** Workflows on its default branch that run on `repository_dispatch`. */
  readonly workflows?: readonly DoubledWorkflow[];
}

export interface DoubledWorkflow {
  readonly id: number;
  /** All by default. */
  readonly eventTypes?: readonly string[];
  /** `run-name`; the event type by default, as on GitHub. */
  readonly runName?: (event: RepositoryDispatchEvent) => string;
  /** What the run does, and how it ends; without it the run stays queued. */
  readonly run?: (event: RepositoryDispatchEvent, run: DoubledRun) => Promise<string>;
}

/** The contents of the file at `GITHUB_EVENT_PATH`, as far as the double models it. */
export interface RepositoryDispatchEvent {
  readonly action: string;
  readonly branch: string;
  readonly client_payload: Readonly<Record<string, unknown>>;
  readonly repository: { readonly full_name: string };
  readonly sender: { readonly login: string; readonly id: number };
}

export interface DoubledRun {
  readonly id: number;
  readonly workflowId: number;
  readonly repository: string;
  readonly title: string;
  readonly event: RepositoryDispatchEvent;
  readonly createdAtMs: number;
  /** When it begins to be listed. */
  readonly listedAtMs: number;
  status: 'queued' | 'in_progress' | 'completed';
  conclusion: string | null;
}

/** A request, as far as it was understood, and its answer. */
export interface GitHubRequest {
  readonly operation: GitHubOperation;
  readonly parameters: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
  /** Who sent it, if known. */
  readonly caller: GitHubCaller | GitHubApp | undefined;
}

export interface GitHubReply {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export type GitHubRoute = (request: GitHubRequest, state: GitHubState) => GitHubReply | Promise<GitHubReply>;

/** What the double does with one request instead of answering it normally. */
export interface GitHubFault {
  /** The operation to which it applies; any by default. */
  readonly on?: GitHubOperation;
  /** Whether the request is carried out nevertheless. */
  readonly accepted?: boolean;
  /** The answer; without it the connection is dropped. */
  readonly reply?: GitHubReply;
  /** The answer is never given, and the connection stays open. */
  readonly silent?: boolean;
}

/** The part of the double that routes see. */
export interface GitHubState {
  readonly url: string;
  readonly repositories: ReadonlyMap<string, DoubledRepository>;
  readonly callers: Map<string, GitHubCaller>;
  readonly runs: DoubledRun[];
  readonly events: RepositoryDispatchEvent[];
  readonly mintedTokens: string[];
  readonly runDelayMs: number;
  nowMs(): number;
}

/** An error, as GitHub writes it. */
export function errorReply(
  status: number,
  message: string,
  more: Readonly<Record<string, unknown>> = {},
): GitHubReply {
  const documentation = 'https://docs.github.com/rest';
  return { status, body: { message, documentation_url: documentation, status: String(status), ...more } };
}
