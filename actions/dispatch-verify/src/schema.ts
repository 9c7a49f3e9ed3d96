import { parseJsonText, printable, UserError } from '@slipway/core';
import type { ErrorObject } from 'ajv';

const maxDepth = 64;
const maxProblems = 20;

/** Tells what of a value does not fit a schema, each a clause; nothing when it fits. */
export type SchemaCheck = (value: unknown) => readonly string[];

/**
 * Makes a check of a JSON Schema, draft 2020-12, in ajv's strict mode. Nothing is fetched for a `$ref`. Throws `UserError`
 * `input-invalid` for what is no such schema.
 */
export async function compileSchema(bytes: Uint8Array): Promise<SchemaCheck> {
  const schema = parseJsonText(bytes, { maxDepth });
  if (
    typeof schema !== 'boolean' &&
    (typeof schema !== 'object' || schema === null || Array.isArray(schema))
  ) {
    throw new UserError('input-invalid', 'it is no JSON Schema');
  }
  const [{ Ajv2020 }, formats] = await Promise.all([import('ajv/dist/2020.js'), import('ajv-formats')]);
  const ajv = new Ajv2020({ strict: true, allErrors: true, logger: false });
  formats.default.default(ajv);
  try {
    const validate = ajv.compile(schema);
    return (value) => (validate(value) ? [] : problemsOf(validate.errors ?? []));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UserError(
      'input-invalid',
      `it is no JSON Schema of draft 2020-12 that can be used: ${printable(reason)}`,
      {
        cause: error,
      },
    );
  }
}

function problemsOf(errors: readonly ErrorObject[]): readonly string[] {
  const problems = errors.map(({ instancePath, message, params }) => {
    const where = instancePath === '' ? 'the payload' : `"${printable(instancePath, 100)}"`;
    const what =
      'additionalProperty' in params ? ` ("${printable(String(params['additionalProperty']), 100)}")` : '';
    return `${where} ${printable(message ?? 'does not fit')}${what}`;
  });
  const more = problems.length - maxProblems;
  return more > 0 ? [...problems.slice(0, maxProblems), `and ${more} more`] : problems;
}
