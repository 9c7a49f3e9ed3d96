import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Ajv, type ValidateFunction } from 'ajv';
import * as formats from 'ajv-formats';

type Json = Readonly<Record<string, unknown>>;

interface Parameter {
  readonly in: 'path' | 'query' | 'header';
  readonly name: string;
  readonly required?: boolean;
  readonly schema: Json;
}
interface Media {
  readonly schema?: Json;
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>;
}
interface Body {
  readonly content?: Readonly<Record<string, Media>>;
}
interface Operation {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: Body & { readonly required?: boolean };
  readonly responses: Readonly<Record<string, Body>>;
}

/** The operation that a request is for, as GitHub's documentation names it: `GET /repos/{owner}/{repo}`. */
export type GitHubOperation = `${'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE'} /${string}`;

let paths: Readonly<Record<string, Readonly<Record<string, Operation>>>> | undefined;
let ajv: Ajv | undefined;
const validators = new WeakMap<object, ValidateFunction>();

/** An operation in GitHub's published description of its API, which is large and read on first use. */
function operationOf(operation: GitHubOperation): Operation {
  if (paths === undefined) {
    const file = createRequire(import.meta.url).resolve(
      '@octokit/openapi/generated/api.github.com.deref.json',
    );
    ({ paths } = JSON.parse(readFileSync(file, 'utf8')) as { paths: NonNullable<typeof paths> });
  }
  const [method = '', path = ''] = operation.split(' ');
  const found = paths[path]?.[method.toLowerCase()];
  if (found === undefined) throw new Error(`GitHub has no operation ${operation}`);
  return found;
}

/** Throws for an operation that GitHub does not have. */
export function requireOperation(operation: GitHubOperation): void {
  operationOf(operation);
}

/** How a request differs from GitHub's description, as sentences. */
export function requestFaults(
  operation: GitHubOperation,
  request: {
    readonly parameters: Readonly<Record<string, string>>;
    readonly query: URLSearchParams;
    readonly body: unknown;
  },
): readonly string[] {
  const { parameters = [], requestBody } = operationOf(operation);
  const faults: string[] = [];
  const known = new Set(parameters.filter(({ in: place }) => place === 'query').map(({ name }) => name));
  for (const name of request.query.keys()) if (!known.has(name)) faults.push(`there is no parameter ${name}`);
  for (const { in: place, name, required, schema } of parameters) {
    if (place === 'header') continue;
    // The schema calls it a date, but its text a range in the syntax of searches, which GitHub accepts.
    if (name === 'created') continue;
    const text = place === 'path' ? request.parameters[name] : (request.query.get(name) ?? undefined);
    if (text !== undefined) faults.push(...faultsOf(schema, typedText(text, schema), name));
    else if (required === true) faults.push(`the parameter ${name} is missing`);
  }
  const schema = requestBody?.content?.['application/json']?.schema;
  if (schema === undefined) {
    if (request.body !== undefined) faults.push('it takes no body');
  } else if (request.body !== undefined) faults.push(...faultsOf(schema, request.body, 'body'));
  else if (requestBody?.required === true) faults.push('the body is missing');
  return faults;
}

/** How an answer differs from GitHub's description. Errors and redirects that it does not describe are GitHub's common ones. */
export function answerFaults(operation: GitHubOperation, status: number, body: unknown): readonly string[] {
  const described = operationOf(operation).responses[String(status)];
  if (described === undefined) {
    return status < 300 ? [`${operation} has no answer ${status}`] : faultsOf(commonError, body, 'body');
  }
  const schema = described.content?.['application/json']?.schema;
  if (schema === undefined) return body === undefined ? [] : [`the answer ${status} has no body`];
  return faultsOf(schema, body, 'body');
}

/** GitHub's example body of an answer. */
export function exampleAnswer(operation: GitHubOperation, status: number): Json {
  const examples = operationOf(operation).responses[String(status)]?.content?.['application/json']?.examples;
  const [example] = Object.values(examples ?? {});
  if (typeof example?.value !== 'object' || example.value === null)
    throw new Error(`${operation} has no example`);
  return structuredClone(example.value) as Json;
}

const commonError: Json = {
  type: 'object',
  required: ['message'],
  properties: {
    message: { type: 'string' },
    documentation_url: { type: 'string' },
    status: { type: 'string' },
  },
};

function faultsOf(schema: Json, value: unknown, where: string): readonly string[] {
  let validate = validators.get(schema);
  if (validate === undefined) {
    ajv ??= formats.default.default(new Ajv({ strict: false, allErrors: true, logger: false }));
    validate = ajv.compile(asJsonSchema(schema) as Json);
    validators.set(schema, validate);
  }
  if (validate(value)) return [];
  return (validate.errors ?? []).map(({ instancePath, message }) => `${where}${instancePath} ${message}`);
}

/** A schema of OpenAPI 3.0, with its own `nullable`, as JSON Schema. */
function asJsonSchema(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(asJsonSchema);
  if (typeof node !== 'object' || node === null) return node;
  const { nullable, example: _example, examples: _examples, ...rest } = node as Json;
  const copy = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, asJsonSchema(value)]));
  return nullable === true ? { anyOf: [copy, { type: 'null' }] } : copy;
}

function typedText(text: string, { type }: Json): unknown {
  if (type === 'integer' || type === 'number') return /^-?\d+$/.test(text) ? Number(text) : text;
  if (type === 'boolean') return text === 'true' ? true : text === 'false' ? false : text;
  return text;
}
