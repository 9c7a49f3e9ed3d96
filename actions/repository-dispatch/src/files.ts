import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { makeDirectories, writeError } from '@slipway/core';
import type { JsonObject } from '@slipway/dispatch-payload';
import { readBoundedFile } from '@slipway/local-files';
import { parsePayload } from './parsers.ts';

const maxPayloadBytes = 2 ** 20;

/** The JSON object in a file. Throws an `Error` for a file that is not one. */
export async function readPayloadFile(path: string, workDirectory: string): Promise<JsonObject> {
  return parsePayload(
    await readBoundedFile(path, { maxBytes: maxPayloadBytes, baseDirectory: workDirectory }),
  );
}

/** Writes a message for a target into a directory, readable only by this user; does nothing without a directory. */
export async function keepMessage(
  directory: string | undefined,
  workDirectory: string,
  target: string,
  payload: JsonObject,
): Promise<void> {
  if (directory === undefined) return;
  const whole = resolve(workDirectory, directory);
  const path = join(whole, `${target.replace('/', '.')}.json`);
  const hint = 'Name a writable directory.';
  makeDirectories(whole, hint);
  try {
    await writeFile(path, `${JSON.stringify(payload)}\n`, { mode: 0o600 });
  } catch (error) {
    throw writeError(path, error, hint);
  }
}
