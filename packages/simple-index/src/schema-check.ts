import { printable } from '@slipway/core';

const maxProblems = 100;

/**
 * The part of JSON Schema (draft 2020-12) that the schema of the configuration uses. It is interpreted, because Cloudflare's
 * `workerd` forbids `eval` and `new Function`, with which ajv compiles schemas. A test compares both.
 */
export interface Schema {
  readonly $ref?: string;
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'boolean' | 'null';
  /** What a value must be, in the words of messages: "a URL that begins with https://". */
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | false;
  readonly propertyNames?: Schema;
  readonly maxProperties?: number;
  readonly anyOf?: readonly Schema[];
}

export interface RootSchema extends Schema {
  readonly $defs: Readonly<Record<string, Schema>>;
}

/** Every way in which a value does not follow a schema, each with its path, as in `prefixes[2].keep must be …`; at most 101. */
export function schemaProblems(root: RootSchema, value: unknown): readonly string[] {
  const problems: string[] = [];
  new Check(root, problems).visit(root, value, '');
  if (problems.length <= maxProblems) return problems;
  return [...problems.slice(0, maxProblems), `there are ${problems.length - maxProblems} more problems`];
}

/** The path of a property: `a.b`, or `a["b c"]` if its name is not a plain word. */
export function propertyPath(path: string, name: string): string {
  if (!/^[a-z][\w-]*$/i.test(name)) return `${path}["${printable(name, 100)}"]`;
  return path === '' ? name : `${path}.${name}`;
}

class Check {
  readonly #root: RootSchema;
  readonly #problems: string[];
  readonly #patterns = new Map<string, RegExp>();

  constructor(root: RootSchema, problems: string[]) {
    this.#root = root;
    this.#problems = problems;
  }

  visit(given: Schema, value: unknown, path: string): void {
    const schema = this.#resolved(given);
    if (schema.anyOf !== undefined) {
      this.#visitAnyOf(schema, schema.anyOf, value, path);
    } else if (!this.#hasForm(schema, value)) {
      this.#problems.push(`${path === '' ? 'the configuration' : path} must be ${this.#form(schema)}`);
    } else if (Array.isArray(value)) {
      for (const [index, item] of value.entries()) {
        if (schema.items !== undefined) this.visit(schema.items, item, `${path}[${index}]`);
      }
    } else if (isObject(value)) this.#visitProperties(schema, value, path);
  }

  /** The problems of the option that has the value's type, because those of the others do not help. */
  #visitAnyOf(schema: Schema, options: readonly Schema[], value: unknown, path: string): void {
    const option = options.find((one) => this.#resolved(one).type === typeOf(value));
    if (option !== undefined) this.visit(option, value, path);
    else this.#problems.push(`${path} must be ${this.#form(schema)}`);
  }

  #visitProperties(schema: Schema, value: Readonly<Record<string, unknown>>, path: string): void {
    for (const name of schema.required ?? []) {
      if (!Object.hasOwn(value, name)) this.#problems.push(`${propertyPath(path, name)} is missing`);
    }
    for (const [name, item] of Object.entries(value)) {
      const inner = propertyPath(path, name);
      if (schema.propertyNames !== undefined && !this.#hasForm(this.#resolved(schema.propertyNames), name)) {
        this.#problems.push(`the name of ${inner} must be ${this.#form(schema.propertyNames)}`);
      }
      if (schema.properties !== undefined && Object.hasOwn(schema.properties, name)) {
        this.visit(schema.properties[name] ?? {}, item, inner);
      } else if (schema.additionalProperties === false) {
        const names = Object.keys(schema.properties ?? {}).join(', ');
        this.#problems.push(`${inner} is not an option: there are ${names}`);
      } else if (schema.additionalProperties !== undefined) {
        this.visit(schema.additionalProperties, item, inner);
      }
    }
  }

  /** Whether a value itself is right, whatever its items and properties are. */
  #hasForm(schema: Schema, value: unknown): boolean {
    if (schema.const !== undefined && schema.const !== value) return false;
    if (schema.type !== undefined && typeOf(value) !== schema.type) return false;
    if (typeof value === 'string') {
      // JSON Schema counts code points.
      const length = [...value.slice(0, 4 * (schema.maxLength ?? value.length) + 4)].length;
      if (length < (schema.minLength ?? 0) || length > (schema.maxLength ?? length)) return false;
      if (schema.enum !== undefined && !schema.enum.includes(value)) return false;
      return schema.pattern === undefined || this.#pattern(schema.pattern).test(value);
    }
    if (typeof value === 'number')
      return value >= (schema.minimum ?? value) && value <= (schema.maximum ?? value);
    if (Array.isArray(value)) {
      return value.length >= (schema.minItems ?? 0) && value.length <= (schema.maxItems ?? value.length);
    }
    return !isObject(value) || Object.keys(value).length <= (schema.maxProperties ?? Infinity);
  }

  #form(given: Schema): string {
    const schema = this.#resolved(given);
    if (given.title !== undefined || schema.title !== undefined) return given.title ?? schema.title ?? '';
    if (schema.enum !== undefined) return schema.enum.join(', ').replace(/, ([^,]*)$/, ' or $1');
    if (schema.const !== undefined) return JSON.stringify(schema.const);
    switch (schema.type) {
      case 'integer':
        return `a whole number from ${schema.minimum ?? 0} to ${schema.maximum ?? Number.MAX_SAFE_INTEGER}`;
      case 'boolean':
        return 'true or false';
      case 'array':
        return `a list of ${schema.minItems ?? 0} to ${schema.maxItems ?? 'any number of'} entries`;
      case 'object':
        return `a mapping of at most ${schema.maxProperties ?? 'some'} names to values`;
      default:
        return `a text of ${schema.minLength ?? 0} to ${schema.maxLength ?? 'any number of'} characters`;
    }
  }

  #resolved(schema: Schema): Schema {
    if (schema.$ref === undefined) return schema;
    const found = this.#root.$defs[schema.$ref.replace('#/$defs/', '')];
    if (found === undefined) throw new Error(`the schema has no "${schema.$ref}"`);
    return found;
  }

  #pattern(source: string): RegExp {
    const known = this.#patterns.get(source) ?? new RegExp(source, 'u');
    this.#patterns.set(source, known);
    return known;
  }
}

/** Whether this is an object as JSON and YAML have them. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function typeOf(value: unknown): Schema['type'] {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isSafeInteger(value) ? 'integer' : undefined;
  if (typeof value === 'object' || typeof value === 'string' || typeof value === 'boolean') {
    return typeof value as Schema['type'];
  }
  return undefined;
}
