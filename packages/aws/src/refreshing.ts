import {
  type AwsCredentials,
  type AwsCredentialsSource,
  asSlipwayError,
  type Clock,
  type ProgressPort,
  RemoteError,
  sentences,
} from '@slipway/core';

/** Credentials that end sooner than this are replaced … */
const replaceWithinMs = 5 * 60_000;
/** … and below this nobody is given the old ones any more: a request may take a while. */
const lastUseMs = 60_000;
/** How long after a refresh that failed the next one begins. */
const tryAgainAfterMs = 30_000;

interface Held {
  readonly credentials: AwsCredentials;
  /** From when on they are replaced. */
  readonly replaceFromMs: number;
  /** Until when they are given out. */
  readonly usableUntilMs: number;
}

/**
 * Credentials that `fetch` gives, fetched again before they end: once, however many ask for them at a time, and beside
 * the work, which continues with the old ones. While those are valid, a refresh that fails is only reported, and tried again
 * later; when they do not, its error is thrown. `fetch` has borne with passing failures for as long as that makes sense, so
 * no error that is thrown is retryable: a store that repeated its request would begin all of it again, many times.
 */
export function refreshing(
  fetch: () => Promise<AwsCredentials>,
  { clock, progress }: { readonly clock: Clock; readonly progress: ProgressPort },
): AwsCredentialsSource {
  let held: Held | undefined;
  let pending: Promise<AwsCredentials> | undefined;
  let notBeforeMs = Number.NEGATIVE_INFINITY;
  /** What the last fetch ended with after it had tried for long, while that is news. */
  let failed: { readonly error: RemoteError; readonly untilMs: number } | undefined;

  const renew = (): Promise<AwsCredentials> => {
    pending ??= fetch()
      .then((credentials) => {
        held = hold(credentials, clock.nowMs());
        failed = undefined;
        return credentials;
      })
      .catch((error: unknown) => {
        if (!(error instanceof RemoteError) || !error.retryable) throw error;
        const final = asFinal(error);
        if (held === undefined || clock.nowMs() >= held.usableUntilMs) {
          failed = { error: final, untilMs: clock.nowMs() + tryAgainAfterMs };
        }
        throw final;
      })
      .finally(() => {
        pending = undefined;
      });
    return pending;
  };
  const renewBeside = ({ credentials }: Held): void => {
    if (pending !== undefined || clock.nowMs() < notBeforeMs) return;
    renew().catch((error: unknown) => {
      notBeforeMs = clock.nowMs() + tryAgainAfterMs;
      const ends = new Date(credentials.expiresAtMs ?? 0).toISOString();
      progress.info(
        sentences(
          `Warning: new credentials could not be obtained; the present ones expire at ${ends}`,
          asSlipwayError(error).message,
        ),
      );
    });
  };

  return async () => {
    const nowMs = clock.nowMs();
    if (held === undefined || nowMs >= held.usableUntilMs) {
      if (pending === undefined && failed !== undefined && nowMs < failed.untilMs) throw failed.error;
      return renew();
    }
    if (nowMs >= held.replaceFromMs) renewBeside(held);
    return held.credentials;
  };
}

function asFinal(error: RemoteError): RemoteError {
  return new RemoteError(error.code, error.message, { hint: error.hint, cause: error });
}

/** Short-lived credentials are replaced after half of their life, so that they are not fetched for each request. */
function hold(credentials: AwsCredentials, nowMs: number): Held {
  const { expiresAtMs } = credentials;
  if (expiresAtMs === undefined) {
    return { credentials, replaceFromMs: Number.POSITIVE_INFINITY, usableUntilMs: Number.POSITIVE_INFINITY };
  }
  const halfLifeMs = Math.max(0, (expiresAtMs - nowMs) / 2);
  return {
    credentials,
    replaceFromMs: expiresAtMs - Math.min(replaceWithinMs, halfLifeMs),
    usableUntilMs: expiresAtMs - Math.min(lastUseMs, halfLifeMs / 2),
  };
}
