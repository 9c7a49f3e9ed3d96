import { createHash } from 'node:crypto';
import { canonicalJson } from './canonical.ts';
import type { JsonObject, MessageSubject } from './envelope.ts';

const idDigits = 32;

/** What makes a message the same one. */
export interface MessageIdentity extends MessageSubject {
  readonly sourceRepository: string | undefined;
  /** The run that says it, whatever its attempt; undefined outside of GitHub. */
  readonly runId: string | undefined;
  readonly event: string;
  readonly target: string;
  /** The user's keys. */
  readonly own: JsonObject;
}

/**
 * The id of what a run says to a target: 32 hex digits, the same whenever the run says the same again, and where there is no
 * run of GitHub's, whenever the same is said again. Neither the time nor the attempt counts, nor the URLs of artifacts, which
 * change with a download window while the files do not.
 */
export function messageId({ artifacts, sourceRepository, target, ...rest }: MessageIdentity): string {
  const identity = {
    ...rest,
    sourceRepository: sourceRepository?.toLowerCase(),
    target: target.toLowerCase(),
    artifacts: artifacts?.map(({ url: _, ...file }) => file),
  };
  return createHash('sha256').update(canonicalJson(identity), 'utf8').digest('hex').slice(0, idDigits);
}
