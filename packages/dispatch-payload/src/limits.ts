import { counted } from '@slipway/core';
import { envelopeKey, type JsonObject } from './envelope.ts';

/**
 * What GitHub takes as a `client_payload`: 10 keys, and less than 64 KiB of JSON. It is counted here in bytes of UTF-8, which
 * are never fewer than characters, so that whichever GitHub counts is kept.
 */
export const payloadLimits = { maxKeys: 10, maxBytes: 65_535 } as const;

/** Everything for which GitHub would refuse a payload, each a sentence. `reservedBytes`: what will be added to it. */
export function limitProblems(payload: JsonObject, reservedBytes = 0): readonly string[] {
  const problems: string[] = [];
  const keys = Object.keys(payload).filter((key) => key !== envelopeKey).length;
  const maxOwnKeys = payloadLimits.maxKeys - 1;
  if (keys > maxOwnKeys) {
    problems.push(
      `the payload has ${counted(keys, 'key')} of its own, and GitHub takes ${payloadLimits.maxKeys} with "${envelopeKey}": put some of them into one object`,
    );
  }
  const sizeBytes = Buffer.byteLength(JSON.stringify(payload)) + reservedBytes;
  if (sizeBytes > payloadLimits.maxBytes) {
    const largest = largestParts(payload);
    problems.push(
      `the payload has ${sizeBytes.toLocaleString('en-US')} bytes with its signature, and GitHub takes ${payloadLimits.maxBytes.toLocaleString('en-US')} (most of it is ${largest}): send a URL of what is large`,
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
