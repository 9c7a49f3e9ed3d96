/** Every reason a run can end with, for `UserError`s: something in the workflow, its inputs or its files is wrong. */
export type UserErrorCode =
  | 'input-invalid'
  | 'not-a-buildcache'
  | 'buildcache-empty'
  | 'buildcache-refused'
  | 'mirror-refused'
  | 'mirror-missing'
  | 'key-unusable'
  | 'target-read-only'
  | 'disk-full'
  | 'path-outside'
  | 'too-large'
  | 'name-invalid'
  | 'content-invalid'
  | 'immutable-conflict'
  | 'not-supported'
  | 'history-missing'
  | 'credentials-missing'
  | 'source-missing'
  | 'source-unreadable'
  | 'plan-refused'
  | 'message-refused'
  | 'keys-refused';

/** Reasons for `RemoteError`s: a store or a service said no. */
export type RemoteErrorCode =
  | 'access-denied'
  | 'condition-failed'
  | 'contention'
  | 'unreachable'
  | 'timed-out'
  | 'unexpected-response'
  | 'store-failed'
  | 'bucket-missing'
  | 'region-wrong'
  | 'credentials-refused'
  | 'quota-exceeded'
  | 'not-served'
  | 'dispatch-failed'
  | 'receiver-failed';

export type ErrorCode = UserErrorCode | RemoteErrorCode | 'internal';

export interface ErrorDetails {
  /** What the reader should do about it, as a sentence. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

/** What all errors of Slipway have: a closed code, a message of what happened, and a hint of what to do. */
export abstract class SlipwayError extends Error {
  abstract readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.hint = details.hint;
  }
}

/** The workflow, its inputs, or the files it points at are wrong; running again changes nothing. */
export class UserError extends SlipwayError {
  override readonly name = 'UserError';
  readonly code: UserErrorCode;

  constructor(code: UserErrorCode, message: string, details?: ErrorDetails) {
    super(message, details);
    this.code = code;
  }
}

/**
 * A store or service refused or failed; `retryable` says whether the same request may succeed later, and `retryAfterMs` how long
 * the server asked to wait.
 */
export class RemoteError extends SlipwayError {
  override readonly name = 'RemoteError';
  readonly code: RemoteErrorCode;
  readonly retryable: boolean;
  readonly retryAfterMs: number;

  constructor(
    code: RemoteErrorCode,
    message: string,
    details: ErrorDetails & { readonly retryable?: boolean; readonly retryAfterMs?: number } = {},
  ) {
    super(message, details);
    this.code = code;
    this.retryable = details.retryable ?? false;
    this.retryAfterMs = details.retryAfterMs ?? 0;
  }
}

/** Whether a write found another object than its condition names. An error from another thread has lost its class. */
export function isConditionFailed(error: unknown): boolean {
  return error instanceof Object && Reflect.get(error, 'code') === 'condition-failed';
}

/** A bug in Slipway itself. */
export class InternalError extends SlipwayError {
  override readonly name = 'InternalError';
  readonly code = 'internal';

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, {
      ...details,
      hint: details.hint ?? 'This is a bug in Slipway: please open an issue with the log of a debug run.',
    });
  }
}

/** The `code` of a Node system error (`ENOENT`, `EACCES`, …), or undefined for anything else; Node has errors whose code is empty. */
export function systemErrorCode(error: unknown): string | undefined {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code !== '')
    return error.code;
  return undefined;
}

/** For the `default` of a `switch` over a closed union: does not compile while a case is missing. */
export function unreachable(value: never): never {
  throw new InternalError(`unexpected value: ${JSON.stringify(value)}`);
}
