import { envelopeKey, type JsonObject } from '@slipway/dispatch-payload';

/**
 * The lines of a payload for a log: complete, except for the targets of links, because anyone with a link can download, and a log
 * has more readers than the message. This includes links in the user's own keys; the link of the run reveals nothing new.
 */
export function shownPayload(payload: JsonObject): readonly string[] {
  const runUrl = runUrlOf(payload);
  const text = JSON.stringify(payload, null, 2);
  const shown = text.replace(/[a-z][a-z0-9+.-]*:\/\/[^\s"]*/gi, (link) =>
    link === runUrl ? link : `(hidden link, ${link.length} characters)`,
  );
  return shown.split('\n');
}

function runUrlOf(payload: JsonObject): string | undefined {
  const envelope = payload[envelopeKey] as
    | { readonly source?: { readonly runUrl?: string | undefined } | undefined }
    | undefined;
  return envelope?.source?.runUrl;
}
