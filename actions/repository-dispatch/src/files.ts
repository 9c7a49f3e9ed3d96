import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Artifact, parseArtifacts, systemErrorCode } from '@slipway/core';
import { parsePayload, type UserPayload } from './parsers.ts';

const maxPayloadBytes = 2 ** 20;
const maxArtifactsBytes = 16 * 2 ** 20;

/** The JSON object in a file. Throws an `Error` that says why there is none. */
export async function readPayloadFile(path: string, workDirectory: string): Promise<UserPayload> {
  return parsePayload(await readBounded(resolve(workDirectory, path), maxPayloadBytes));
}

/** The artifacts in a file. Throws an `Error` that says why there are none. */
export async function readArtifactsFile(path: string, workDirectory: string): Promise<readonly Artifact[]> {
  return parseArtifacts(
    (await readBounded(resolve(workDirectory, path), maxArtifactsBytes)).toString('utf8'),
  );
}

async function readBounded(path: string, maxBytes: number): Promise<Buffer> {
  try {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      if (size > maxBytes) throw new Error(`it has more than ${maxBytes} bytes`);
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === undefined) throw error;
    throw new Error(`it cannot be read (${code})`, { cause: error });
  }
}
