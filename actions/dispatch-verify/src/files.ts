import { type InputSurroundings, readInputFile } from '@slipway/runner';
import { compileSchema } from './schema.ts';

/** GitHub adds what it knows of the repository and the sender to a payload of 64 KiB. */
const maxEventBytes = 2 ** 20;
const maxSchemaBytes = 2 ** 20;

/** The bytes of a payload or an event. Throws a `UserError` when they cannot be read. */
export function readEventFile(path: string, workDirectory: string): Promise<Buffer> {
  return readInputFile(path, workDirectory, maxEventBytes);
}

/** The bytes of a schema. Throws a `UserError` when they cannot be read. */
export function readSchemaFile(path: string, workDirectory: string): Promise<Buffer> {
  return readInputFile(path, workDirectory, maxSchemaBytes);
}

/** Throws an `Error` for a file that is no usable schema. */
export async function checkSchemaFile(path: string, { workDirectory }: InputSurroundings): Promise<void> {
  await compileSchema(await readSchemaFile(path, workDirectory));
}
