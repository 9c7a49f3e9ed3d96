/** Codes of `UserError`s: something in the workflow, its inputs or its files is wrong. */
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

/** Codes of `RemoteError`s: a store or a service refused or failed. */
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
  /** What to do about it, as a sentence. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

/** Every Slipway error has a code from a closed list, a message that says what happened, and a hint that says what to do. */
export abstract class SlipwayError extends Error {
  abstract readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.hint = details.hint;
  }
}

/** The workflow, its inputs or its files are wrong; running again does not help. */
export class UserError extends SlipwayError {
  override readonly name = 'UserError';
  readonly code: UserErrorCode;

  constructor(code: UserErrorCode, message: string, details?: ErrorDetails) {
    super(message, details);
    this.code = code;
  }
}

/**
 * A store or service refused or failed. `retryable`: the same request may succeed later. `retryAfterMs`: how long the
 * server asked to wait.
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

/** Whether a conditional write found another object than expected. Checks the code: errors from other threads lose their class. */
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

/** The `code` of a Node system error, such as `ENOENT`; undefined for anything else. Some Node errors have an empty code. */
export function systemErrorCode(error: unknown): string | undefined {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code !== '')
    return error.code;
  return undefined;
}

/** For the `default` of a `switch` over a closed union: fails to compile if a case is missing. */
export function unreachable(value: never): never {
  throw new InternalError(`unexpected value: ${JSON.stringify(value)}`);
}
