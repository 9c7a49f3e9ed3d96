import { timeText } from '@slipway/dispatch-payload';
import { describe, expect, test } from 'vitest';
import type { ExaminedMessage } from '../src/examine.ts';
import { claimKey, type PlanInput, plan } from '../src/plan.ts';
import { envelope, hourMs } from './receiving.ts';

const nowMs = Date.parse('2027-01-31T12:00:00Z');
const dayMs = 24 * hourMs;
const artifact = {
  name: 'app.zip',
  sizeBytes: 3,
  sha256: 'a'.repeat(64),
  url: 'https://downloads.example.org/app.zip',
};

function input(changes: Partial<PlanInput> = {}, expiresAtMs = nowMs + dayMs): PlanInput {
  const parsed = {
    envelope: { ...envelope({ artifacts: [artifact] }), expiresAt: timeText(expiresAtMs) },
    signature: undefined,
    issuedAtMs: nowMs,
    expiresAtMs,
  };
  const message: ExaminedMessage = {
    payload: {},
    eventType: 'app-released',
    parsed,
    signer: undefined,
    fields: {},
  };
  return {
    message,
    audience: 'Acme/Site',
    runReference: 'https://github.example.org/acme/site/actions/runs/99',
    remembers: true,
    expiredClaims: [],
    again: false,
    fetches: true,
    rememberMs: 30 * dayMs,
    toleranceMs: hourMs,
    nowMs,
    ...changes,
  };
}

describe('the plan for a message', () => {
  test('is JSON: its id is claimed once everything is fetched', () => {
    const planned = plan(input());
    expect(JSON.parse(JSON.stringify(planned))).toEqual(planned);
    expect(planned.steps).toEqual([
      { kind: 'fetch', ...artifact },
      {
        kind: 'claim',
        key: claimKey('acme/site', 'message-1'),
        record: {
          id: 'message-1',
          event: 'app-released',
          source: 'acme/app',
          claimedBy: 'https://github.example.org/acme/site/actions/runs/99',
          claimedAt: '2027-01-31T12:00:00Z',
          forgetAt: '2027-03-02T12:00:00Z',
        },
        again: false,
      },
    ]);
  });

  test('records a message for as long as it is valid, even with a wrong clock', () => {
    const [, claim] = plan(input({}, nowMs + 60 * dayMs)).steps;
    expect(claim).toMatchObject({ record: { forgetAt: timeText(nowMs + 60 * dayMs + hourMs) } });
  });

  test('deletes expired claims, but never the one of its own id', () => {
    const forgetAt = timeText(nowMs);
    const claims = ['message-0', 'message-1'].map((id) => ({ key: claimKey('acme/site', id), id, forgetAt }));
    const { steps } = plan(input({ expiredClaims: claims, again: true }));
    expect(steps.map(({ kind }) => kind)).toEqual(['forget', 'fetch', 'claim']);
    expect(steps[0]).toEqual({ kind: 'forget', ...claims[0] });
    expect(plan(input({ expiredClaims: claims, remembers: false })).steps).toHaveLength(1);
  });

  test('does nothing that was not requested', () => {
    expect(plan(input({ remembers: false, fetches: false })).steps).toEqual([]);
    expect(plan({ ...input(), message: { ...input().message, parsed: undefined } }).steps).toEqual([]);
  });

  test('keeps any id below its repository', () => {
    expect(claimKey('Acme/Site', '..%2f..')).toMatch(/^acme\/site\/[0-9a-f]{64}\.json$/);
  });
});
