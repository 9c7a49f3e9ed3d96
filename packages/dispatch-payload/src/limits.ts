import { counted } from '@slipway/core';
import { envelopeKey, type JsonObject } from './envelope.ts';

/**
 * What GitHub accepts as a `client_payload`: 10 keys, and less than 64 KiB of JSON. Counted in bytes of UTF-8, which are never
 * fewer than characters, so that the limit is met whichever GitHub counts.
 */
export const payloadLimits = { maxKeys: 10, maxBytes: 65_535 } as const;

/** All reasons for which GitHub would refuse a payload, as sentences. `reservedBytes`: what will be added to it. */
export function limitProblems(payload: JsonObject, reservedBytes = 0): readonly string[] {
  const problems: string[] = [];
  const keys = Object.keys(payload).filter((key) => key !== envelopeKey).length;
  const maxOwnKeys = payloadLimits.maxKeys - 1;
  if (keys > maxOwnKeys) {
    problems.push(
      `the payload has ${counted(keys, 'key')} besides "${envelopeKey}", but GitHub accepts ${payloadLimits.maxKeys} in total: group some of them into one object`,
    );
  }
  const sizeBytes = Buffer.byteLength(JSON.stringify(payload)) + reservedBytes;
  if (sizeBytes > payloadLimits.maxBytes) {
    const largest = largestParts(payload);
    problems.push(
      `the payload has ${sizeBytes.toLocaleString('en-US')} bytes with its signature, but GitHub accepts ${payloadLimits.maxBytes.toLocaleString('en-US')} (most of it is ${largest}): send a URL instead of large content`,
    );
  }
  return problems;
}

function largestParts(payload: JsonObject): string {
  const sizes = Object.entries(payload)
    .map(([key, value]) => ({ key, sizeBytes: Buffer.byteLength(JSON.stringify(value) ?? '') }))
    .sort((a, b) => b.sizeBytes - a.sizeBytes);
  return sizes
    .slice(0, 2)
    .map(({ key, sizeBytes }) => `"${key}" with ${sizeBytes.toLocaleString('en-US')}`)
    .join(' and ');
}
