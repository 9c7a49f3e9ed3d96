import {
  type AwsCredentials,
  type AwsCredentialsSource,
  asSlipwayError,
  type Clock,
  type ProgressPort,
  RemoteError,
  sentences,
} from '@slipway/core';

/** Credentials that expire sooner than this are replaced … */
const replaceWithinMs = 5 * 60_000;
/** … and below this the old ones are no longer returned: a request may take a while. */
const lastUseMs = 60_000;
/** The wait between a failed refresh and the next one. */
const tryAgainAfterMs = 30_000;

interface Held {
  readonly credentials: AwsCredentials;
  readonly replaceFromMs: number;
  readonly usableUntilMs: number;
}

/**
 * Caches credentials from `fetch` and refreshes them before they expire: one fetch at a time, in the background while the old ones
 * are valid. A failed refresh is then only reported and retried later; once they have expired, its error is thrown. `fetch` has
 * already retried transient failures, so no thrown error is retryable: otherwise each request of a store would start all of that
 * again.
 */
export function refreshing(
  fetch: () => Promise<AwsCredentials>,
  { clock, progress }: { readonly clock: Clock; readonly progress: ProgressPort },
): AwsCredentialsSource {
  let held: Held | undefined;
  let pending: Promise<AwsCredentials> | undefined;
  let notBeforeMs = Number.NEGATIVE_INFINITY;
  /** The error of the last fetch after its retries, while it is recent. */
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
  const renewInBackground = ({ credentials }: Held): void => {
    if (pending !== undefined || clock.nowMs() < notBeforeMs) return;
    renew().catch((error: unknown) => {
      notBeforeMs = clock.nowMs() + tryAgainAfterMs;
      const ends = new Date(credentials.expiresAtMs ?? 0).toISOString();
      progress.info(
        sentences(
          `Warning: new credentials could not be obtained; the current ones expire at ${ends}`,
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
    if (nowMs >= held.replaceFromMs) renewInBackground(held);
    return held.credentials;
  };
}

function asFinal(error: RemoteError): RemoteError {
  return new RemoteError(error.code, error.message, { hint: error.hint, cause: error });
}

/** Short-lived credentials are replaced halfway through their life, so that they are not fetched for every request. */
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
