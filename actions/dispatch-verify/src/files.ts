import { readBoundedFile } from '@slipway/local-files';
import type { InputSurroundings } from '@slipway/runner';
import { compileSchema } from './schema.ts';

/** GitHub adds information on the repository and the sender to a payload of up to 64 KiB. */
const maxEventBytes = 2 ** 20;
const maxSchemaBytes = 2 ** 20;

/** The bytes of a payload or an event. Throws a `UserError` when they cannot be read. */
export function readEventFile(path: string, workDirectory: string): Promise<Buffer> {
  return readBoundedFile(path, { maxBytes: maxEventBytes, baseDirectory: workDirectory });
}

/** The bytes of a schema. Throws a `UserError` when they cannot be read. */
export function readSchemaFile(path: string, workDirectory: string): Promise<Buffer> {
  return readBoundedFile(path, { maxBytes: maxSchemaBytes, baseDirectory: workDirectory });
}

/** Throws an `Error` for a file that is not a usable schema. */
export async function checkSchemaFile(path: string, { workDirectory }: InputSurroundings): Promise<void> {
  await compileSchema(await readSchemaFile(path, workDirectory));
}
