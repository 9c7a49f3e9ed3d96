import { parseJsonText, printable, UserError, withinTime } from '@slipway/core';
import type { ErrorObject } from 'ajv';

const maxDepth = 64;
const maxProblems = 20;
const maxPatternCharacters = 1_000;
/** A reasonable schema takes a few milliseconds for the largest payload. */
const defaultTimeoutMs = 2_000;

/**
 * How a value violates a schema, each as a clause; empty if it matches. A value that cannot be checked within the time limit does
 * not match: some patterns take forever on some texts, and a sender chooses the texts.
 */
export type SchemaCheck = (value: unknown) => readonly string[];

/**
 * Makes a check of a JSON Schema, draft 2020-12, in ajv's strict mode. Nothing is fetched for a `$ref`. Throws `UserError`
 * `input-invalid` for a schema that is not valid, or has a pattern that is too long.
 */
export async function compileSchema(bytes: Uint8Array, timeoutMs = defaultTimeoutMs): Promise<SchemaCheck> {
  const schema = parseJsonText(bytes, { maxDepth });
  if (
    typeof schema !== 'boolean' &&
    (typeof schema !== 'object' || schema === null || Array.isArray(schema))
  ) {
    throw new UserError('input-invalid', 'is not a JSON Schema');
  }
  const [ajv2020, formats] = await Promise.all([import('ajv/dist/2020.js'), import('ajv-formats')]);
  // Through the default export: in a bundle, a module that exports a class has no other names.
  const ajv = new ajv2020.default.Ajv2020({
    strict: true,
    allErrors: true,
    logger: false,
    code: { regExp: boundedRegExp },
  });
  formats.default.default(ajv);
  try {
    const validate = ajv.compile(schema);
    return (value) => {
      const done = withinTime(timeoutMs, () => fits(validate, value));
      if (done === undefined) {
        return [
          `the payload could not be checked within ${timeoutMs} ms: a pattern of the schema takes too long`,
        ];
      }
      if (done.value === undefined)
        return ['the payload could not be checked: the schema refers to itself endlessly'];
      return done.value ? [] : problemsOf(validate.errors ?? []);
    };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UserError(
      'input-invalid',
      `is not a usable JSON Schema of draft 2020-12: ${printable(reason)}`,
      {
        cause: error,
      },
    );
  }
}

/** Undefined if a schema that refers to itself does not end for a value. */
function fits(validate: (value: unknown) => unknown, value: unknown): boolean | undefined {
  try {
    return validate(value) === true;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** In the form that ajv requires: with the code that represents it when a schema is compiled to a file. */
const boundedRegExp = Object.assign(
  (pattern: string, flags: string): RegExp => {
    if (pattern.length > maxPatternCharacters)
      throw new Error(`a pattern has more than ${maxPatternCharacters} characters`);
    return new RegExp(pattern, flags);
  },
  { code: 'new RegExp' },
);

function problemsOf(errors: readonly ErrorObject[]): readonly string[] {
  const problems = errors.map(({ instancePath, message, params }) => {
    const where = instancePath === '' ? 'the payload' : `"${printable(instancePath, 100)}"`;
    const what =
      'additionalProperty' in params ? ` ("${printable(String(params['additionalProperty']), 100)}")` : '';
    return `${where} ${printable(message ?? 'does not match')}${what}`;
  });
  const more = problems.length - maxProblems;
  return more > 0 ? [...problems.slice(0, maxProblems), `and ${more} more`] : problems;
}
