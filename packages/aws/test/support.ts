import { type Clock, systemClock } from '@slipway/core';
import { expect } from 'vitest';
import type { CredentialPorts, CredentialSettings } from '../src/settings.ts';

export const audience = 'sts.amazonaws.com';

/** Ports that record secrets and lines. */
export interface RecordedPorts extends CredentialPorts {
  readonly masked: readonly string[];
  readonly lines: readonly string[];
}

export function recordedPorts(
  environment: Readonly<Record<string, string>>,
  clock: Clock = systemClock,
): RecordedPorts {
  const masked: string[] = [];
  const lines: string[] = [];
  return {
    clock,
    environment,
    mask: (secret) => void masked.push(secret),
    progress: { start() {}, advance() {}, info: (line) => void lines.push(line), debug() {} },
    masked,
    lines,
  };
}

export function roleSettings(
  arn: string,
  stsEndpointUrl: string,
  more: Partial<CredentialSettings> = {},
): CredentialSettings {
  return { region: 'us-east-1', stsEndpointUrl, role: { arn, durationMs: 3_600_000 }, ...more };
}

/** A clock that never waits: `sleep` advances it. */
export class HandClock implements Clock {
  #nowMs: number;
  readonly sleepsMs: number[] = [];

  constructor(nowMs = Date.now()) {
    this.#nowMs = nowMs;
  }
  nowMs(): number {
    return this.#nowMs;
  }
  advance(ms: number): void {
    this.#nowMs += ms;
  }
  async sleep(ms: number): Promise<void> {
    this.sleepsMs.push(ms);
    this.#nowMs += ms;
  }
  random(): number {
    return 0.5;
  }
}

/** The error that `run` ends with. */
export async function errorOf(
  run: () => unknown,
): Promise<Error & { readonly hint?: string; readonly code?: string }> {
  try {
    await run();
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

/** Expects that a text contains no usable part of a token: neither the whole, nor its payload, nor its signature. */
export function expectNothingOf(token: string | undefined, text: string): void {
  const parts = token?.split('.') ?? [];
  expect(parts).toHaveLength(3);
  for (const part of parts) expect(text).not.toContain(part.slice(0, 20));
}
