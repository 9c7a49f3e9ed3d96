import fc from 'fast-check';
import { clientPayload, type Envelope, envelopeFormat, type JsonObject, timeText } from '../src/index.ts';

export const issuedAtMs = Date.parse('2027-01-31T12:00:00Z');
export const hourMs = 3_600_000;
export const secret = '0123456789abcdef0123456789abcdef';

export const artifact = {
  name: 'app.zip',
  sizeBytes: 3,
  sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  platform: 'macos',
  url: 'https://downloads.example.org/x/app.zip',
};

export function envelope(changes: Partial<Record<keyof Envelope, unknown>> = {}): Envelope {
  return {
    format: envelopeFormat,
    id: 'message-1',
    event: 'app-released',
    audience: 'acme/site',
    issuedAt: timeText(issuedAtMs),
    expiresAt: timeText(issuedAtMs + 24 * hourMs),
    source: { repository: 'acme/app', runId: '4711', runAttempt: 1 },
    version: '1.4.0',
    commit: 'b'.repeat(40),
    ref: 'refs/tags/v1.4.0',
    artifacts: [artifact],
    ...changes,
  } as Envelope;
}

export const payload: JsonObject = clientPayload({ channel: 'stable', count: 3 }, envelope(), undefined);

/** What a user may put into a payload: any JSON but what `valueFault` refuses. */
export const anyOwn = fc
  .dictionary(fc.string({ minLength: 1, unit: 'grapheme' }), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 9 })
  .map((own): JsonObject => JSON.parse(JSON.stringify(own)))
  .filter((own) => !Object.hasOwn(own, 'slipway') && !JSON.stringify(own).includes('__proto__'));
