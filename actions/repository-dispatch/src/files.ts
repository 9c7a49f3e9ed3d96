import { type Artifact, parseArtifacts } from '@slipway/core';
import type { JsonObject } from '@slipway/dispatch-payload';
import { readInputFile } from '@slipway/runner';
import { parsePayload } from './parsers.ts';

const maxPayloadBytes = 2 ** 20;
const maxArtifactsBytes = 16 * 2 ** 20;

/** The JSON object in a file. Throws an `Error` that says why there is none. */
export async function readPayloadFile(path: string, workDirectory: string): Promise<JsonObject> {
  return parsePayload(await readInputFile(path, workDirectory, maxPayloadBytes));
}

/** The artifacts in a file. Throws a `UserError` that says why there are none. */
export async function readArtifactsFile(path: string, workDirectory: string): Promise<readonly Artifact[]> {
  return parseArtifacts((await readInputFile(path, workDirectory, maxArtifactsBytes)).toString('utf8'));
}
