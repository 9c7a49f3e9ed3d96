/**
 * The XML of a service, checked and written according to the schemas that the SDK ships for it (Smithy's static schemas, as in
 * `@aws-sdk/client-cloudfront/dist-types/schemas`). Only what those documents need: structures, lists, strings, numbers,
 * booleans and timestamps.
 */

/** A static schema: an array whose first member states its kind, a number for a simple type, or a function that returns one of those. */
type Schema = unknown;

const kinds = { list: 1, structure: 3 } as const;
const simple: Readonly<Record<number, (text: string) => unknown>> = {
  0: (text) => text,
  1: (text) => (/^-?\d+(\.\d+)?$/.test(text) ? Number(text) : undefined),
  2: (text) => (text === 'true' ? true : text === 'false' ? false : undefined),
  4: (text) => (Number.isNaN(Date.parse(text)) ? undefined : new Date(text)),
};

export interface XmlElement {
  readonly name: string;
  readonly attributes: string;
  readonly children: readonly XmlElement[];
  readonly text: string;
}

/** The root of a small XML document with elements, attributes and text. Throws an `Error` for anything else, such as comments and CDATA. */
export function parseXml(document: string): XmlElement {
  const open: { name: string; attributes: string; children: XmlElement[]; text: string }[] = [];
  let root: XmlElement | undefined;
  let end = 0;
  const token = /<\?xml[^>]*\?>|<\/([\w.-]+)>|<([\w.-]+)((?:\s+[\w:.-]+="[^"<]*")*)\s*(\/?)>|([^<]+)/gy;
  for (const [whole, closing, opening, attributes = '', empty, text] of document.matchAll(token)) {
    end += whole.length;
    const parent = open.at(-1);
    if (text !== undefined) {
      if (parent !== undefined) parent.text += unescapeXml(text);
      else if (text.trim() !== '') throw new Error('text outside of the root');
    } else if (closing !== undefined) {
      if (parent?.name !== closing) throw new Error(`</${closing}> closes nothing`);
      open.pop();
      if (open.length === 0) root = parent;
      else open.at(-1)?.children.push(parent);
    } else if (opening !== undefined) {
      const element = { name: opening, attributes: attributes.trim(), children: [], text: '' };
      if (empty === '') open.push(element);
      else if (parent === undefined) root = element;
      else parent.children.push(element);
    }
  }
  if (end !== document.length || root === undefined || open.length > 0)
    throw new Error('not an XML document');
  return root;
}

/** An element as the value that its schema describes. Throws an `Error` that names what does not fit. */
export function fromXml(element: XmlElement, schema: Schema): unknown {
  const [target] = resolve(schema);
  if (typeof target === 'number') return fromText(element, target);
  const { kind, names, members, required } = parts(target);
  if (kind === kinds.list) {
    const [item, traits] = resolve(members[0]);
    const name = traits['xmlName'] ?? 'member';
    return element.children.map((child) => {
      if (child.name !== name) throw new Error(`<${child.name}> in a list of <${name}>`);
      return fromXml(child, item);
    });
  }
  const value: Record<string, unknown> = {};
  for (const child of element.children) {
    const index = names.indexOf(child.name);
    if (index === -1) throw new Error(`<${element.name}> has no member <${child.name}>`);
    if (child.name in value) throw new Error(`<${child.name}> appears twice`);
    value[child.name] = fromXml(child, members[index]);
  }
  const missing = names.slice(0, required).find((name) => !(name in value));
  if (missing !== undefined) throw new Error(`<${element.name}> lacks <${missing}>`);
  return value;
}

/** A value as the element that its schema describes. Throws an `Error` when it does not fit. */
export function toXml(name: string, value: unknown, schema: Schema, namespace?: string): string {
  const attribute = namespace === undefined ? '' : ` xmlns="${namespace}"`;
  return `<${name}${attribute}>${contents(name, value, schema)}</${name}>`;
}

function contents(name: string, value: unknown, schema: Schema): string {
  const [target] = resolve(schema);
  if (typeof target === 'number') {
    const text = value instanceof Date ? value.toISOString() : String(value);
    if (value === undefined || simple[target]?.(text) === undefined)
      throw new Error(`${name} is not a ${target}`);
    return escapeXml(text);
  }
  const { kind, names, members, required } = parts(target);
  if (kind === kinds.list) {
    if (!Array.isArray(value)) throw new Error(`${name} is not a list`);
    const [item, traits] = resolve(members[0]);
    return value.map((each) => toXml(String(traits['xmlName'] ?? 'member'), each, item)).join('');
  }
  const given = new Map(Object.entries(typeof value === 'object' && value !== null ? value : {}));
  const missing = names.slice(0, required).find((member) => !given.has(member));
  if (missing !== undefined) throw new Error(`${name} lacks ${missing}`);
  const unknown = [...given.keys()].find((member) => !names.includes(member));
  if (unknown !== undefined) throw new Error(`${name} has no member ${unknown}`);
  return names
    .flatMap((member, index) => (given.has(member) ? [toXml(member, given.get(member), members[index])] : []))
    .join('');
}

/** The method, path and status of an operation, and the pattern of its path. */
export function httpOf(operation: Schema): {
  readonly method: string;
  readonly path: RegExp;
  readonly status: number;
} {
  const [target] = resolve(operation);
  const traits: unknown = Array.isArray(target) ? target[3] : undefined;
  const http: unknown = isRecord(traits) ? traits['http'] : undefined;
  if (!Array.isArray(http)) throw new Error('it is not an operation over HTTP');
  const [method, path, status] = http;
  const pattern = String(path).replace(/\{(\w+)\}/g, '(?<$1>[^/]+)');
  return { method: String(method), path: new RegExp(`^${pattern}$`), status: Number(status) };
}

/** The status with which a service answers an error. */
export function errorStatusOf(error: Schema): number {
  const traits: unknown = Array.isArray(error) ? error[3] : undefined;
  return isRecord(traits) ? Number(traits['httpError']) : 400;
}

function fromText(element: XmlElement, type: number): unknown {
  if (element.children.length > 0) throw new Error(`<${element.name}> has elements instead of text`);
  const value = simple[type]?.(element.text);
  if (value === undefined) throw new Error(`<${element.name}> has a wrong value`);
  return value;
}

/** A schema without its wrapper, and the traits of the member. */
function resolve(schema: Schema): readonly [Schema, Readonly<Record<string, unknown>>] {
  if (typeof schema === 'function') return resolve(schema());
  // A member with traits: the schema and the traits in an array of two.
  if (Array.isArray(schema) && schema.length === 2) {
    const [inner] = resolve(schema[0]);
    return [inner, isRecord(schema[1]) ? schema[1] : {}];
  }
  // A simple type with its own name.
  if (Array.isArray(schema) && schema[0] === 0) return [schema[4], {}];
  return [schema, {}];
}

function parts(schema: Schema): {
  readonly kind: number;
  readonly names: readonly string[];
  readonly members: readonly Schema[];
  readonly required: number;
} {
  if (!Array.isArray(schema)) throw new Error('it is not a schema');
  const kind = Number(schema[0]);
  if (kind === kinds.list) return { kind, names: [], members: [schema[4]], required: 0 };
  if (kind !== kinds.structure) throw new Error(`a schema of kind ${kind} is not known here`);
  return {
    kind,
    names: schema[4],
    members: schema[5],
    required: typeof schema[6] === 'number' ? schema[6] : 0,
  };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

function unescapeXml(text: string): string {
  const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) => {
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    return named[name] ?? whole;
  });
}
