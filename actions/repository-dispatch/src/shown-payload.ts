import { envelopeKey, type JsonObject } from '@slipway/dispatch-payload';

/**
 * The lines of a payload for a log: whole, but for what links lead to, because whoever has a link may download, and a log has more
 * readers than the message. Links of the user's own keys count as well; that of the run says nothing that the log does not.
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
