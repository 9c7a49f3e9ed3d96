/** The one top-level key of a payload that is Slipway's own; the other nine are the user's. */
export const envelopeKey = 'slipway';
/** The format of the envelope. It is part of the signed text, so a signature over anything else does not match. */
export const envelopeFormat = 'slipway-dispatch-1';

/** A file that a message announces. */
export interface MessageArtifact {
  readonly name: string;
  readonly sizeBytes: number;
  /** 64 lower-case hex digits. */
  readonly sha256: string;
  readonly platform?: string | undefined;
  readonly url?: string | undefined;
}

/** The run that sent a message; on GitHub, with its id. */
export interface MessageSource {
  readonly repository?: string | undefined;
  readonly runId?: string | undefined;
  readonly runAttempt?: number | undefined;
  readonly runUrl?: string | undefined;
}

/** What a message is about, besides the user's own keys. */
export interface MessageSubject {
  readonly version?: string | undefined;
  readonly commit?: string | undefined;
  readonly ref?: string | undefined;
  readonly artifacts?: readonly MessageArtifact[] | undefined;
}

/** What Slipway adds to a payload, except the signature: all of it is signed. */
export interface Envelope extends MessageSubject {
  readonly format: typeof envelopeFormat;
  readonly id: string;
  /** The event type. */
  readonly event: string;
  /** The repository that it is for. */
  readonly audience: string;
  /** Whole seconds: `2027-01-31T12:00:00Z`. */
  readonly issuedAt: string;
  readonly expiresAt: string;
  readonly source: MessageSource;
}

export type Signature =
  /** 64 lower-case hex digits. */
  | { readonly kind: 'hmac-sha256'; readonly value: string }
  /** A clear-signed document, as from `gpg --clearsign`. */
  | { readonly kind: 'openpgp'; readonly value: string };

/** A JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** A `client_payload`: the user's keys and the envelope, with its signature where it has one. */
export function clientPayload(
  own: JsonObject,
  envelope: Envelope,
  signature: Signature | undefined,
): JsonObject {
  return { ...own, [envelopeKey]: { ...envelope, ...(signature === undefined ? {} : { signature }) } };
}

/** A time in the form of the envelope, without fractions of a second. */
export function timeText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** The time of such a text in milliseconds since 1970; undefined for any other text. */
export function parseTime(text: unknown): number | undefined {
  if (typeof text !== 'string' || !/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/.test(text)) return undefined;
  const ms = Date.parse(text);
  return Number.isNaN(ms) || timeText(ms) !== text ? undefined : ms;
}
