import { createHash } from 'node:crypto';
import { canonicalJson } from './canonical.ts';
import type { JsonObject, MessageSubject } from './envelope.ts';

const idDigits = 32;

/** What identifies a message. */
export interface MessageIdentity extends MessageSubject {
  readonly sourceRepository: string | undefined;
  /** The run that sends it, whatever its attempt; undefined outside of GitHub. */
  readonly runId: string | undefined;
  readonly event: string;
  readonly target: string;
  /** The user's keys. */
  readonly own: JsonObject;
}

/**
 * The id of a message from a run to a target: 32 hex digits, the same whenever the run sends the same contents again or, outside of
 * GitHub, whenever the same contents are sent. It does not depend on the time, the attempt, or the URLs of artifacts, which change
 * with a download window while the files do not.
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
