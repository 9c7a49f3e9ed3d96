import { UserError } from './errors.ts';
import { JsonError } from './json-error.ts';
import { parseJsonText } from './json-text.ts';
import { printable } from './printable.ts';

/** A published file, as actions pass it to each other in a JSON array. Only `name`, `sizeBytes` and `sha256` are always set. */
export interface Artifact {
  /** The file's own name, without directories. */
  readonly name: string;
  readonly sizeBytes: number;
  /** SHA-256 of the bytes, 64 lower-case hex digits. */
  readonly sha256: string;
  /** Its path on this machine, relative if it is inside the workspace. */
  readonly path?: string | undefined;
  /** The platform it is for, such as `macos` or `linux-x64`. */
  readonly platform?: string | undefined;
  /** Its key in the store. */
  readonly key?: string | undefined;
  /** Its download URL. */
  readonly url?: string | undefined;
}

const maxArtifacts = 10_000;
const maxDepth = 64;
const maxTextCharacters = 16 * 2 ** 20;
const maxFieldCharacters = 4_096;
const optionalFields = ['path', 'platform', 'key', 'url'] as const;

/** The JSON of artifacts, one per line; the same artifacts always give the same text. */
export function artifactsText(artifacts: readonly Artifact[]): string {
  if (artifacts.length === 0) return '[]\n';
  const lines = artifacts.map(({ name, sizeBytes, sha256, path, platform, key, url }) =>
    JSON.stringify({ name, path, platform, key, url, sizeBytes, sha256 }),
  );
  return `[\n${lines.join(',\n')}\n]\n`;
}

/**
 * Reads what `artifactsText` writes, a report with `artifacts`, or a manifest whose objects have a `key` instead of a
 * `name`. Ignores unknown fields. Throws `UserError` `content-invalid` that lists every problem.
 */
export function parseArtifacts(text: string): readonly Artifact[] {
  if (text.length > maxTextCharacters) throw refusal('it is too long');
  const items = parseArray(text);
  if (items.length > maxArtifacts) throw refusal(`it has more than ${maxArtifacts} files`);
  const problems: string[] = [];
  const artifacts = items.flatMap((item, index) => {
    const artifact = parseArtifact(item);
    if (typeof artifact !== 'string') return [artifact];
    problems.push(`file ${index + 1}: ${artifact}`);
    return [];
  });
  if (problems.length > 0) throw refusal(problems.join('; '));
  return artifacts;
}

function parseArray(text: string): readonly unknown[] {
  let value: unknown;
  try {
    value = parseJsonText(text, { maxDepth });
  } catch (error) {
    throw error instanceof JsonError ? refusal(error.message, error) : error;
  }
  if (Array.isArray(value)) return value;
  if (typeof value !== 'object' || value === null)
    throw refusal('it is neither a JSON array nor a report that contains one');
  const { artifacts } = value as { readonly artifacts?: unknown };
  if (Array.isArray(artifacts)) return artifacts;
  throw refusal(
    artifacts === undefined
      ? 'it is an object without "artifacts"; reports of failed runs and dry runs have none'
      : 'the "artifacts" of the report is not a JSON array',
  );
}

/** The artifact, or what is wrong with it. */
function parseArtifact(item: unknown): Artifact | string {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) return 'it is not an object';
  const fields: Readonly<Record<string, unknown>> = { ...item };
  const { key, sizeBytes, sha256 } = fields;
  const name = fields['name'] ?? (typeof key === 'string' ? key.split('/').at(-1) : undefined);
  if (typeof name !== 'string' || !isFileName(name)) return 'its name is not a file name';
  const shownName = printable(name);
  if (typeof sizeBytes !== 'number' || !Number.isSafeInteger(sizeBytes) || sizeBytes < 0)
    return `the sizeBytes of ${shownName} is not a size`;
  if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256))
    return `the sha256 of ${shownName} is not a SHA-256`;
  const given = optionalFields.filter((field) => (fields[field] ?? undefined) !== undefined);
  const wrong = given.find((field) => !isText(fields[field]));
  if (wrong !== undefined) return `the ${wrong} of ${shownName} is not a text`;
  return { name, sizeBytes, sha256, ...Object.fromEntries(given.map((field) => [field, fields[field]])) };
}

function isFileName(name: string): boolean {
  return isText(name) && name !== '' && name !== '.' && name !== '..' && !/[/\\]/.test(name);
}

function isText(value: unknown): value is string {
  return (
    typeof value === 'string' && value.length <= maxFieldCharacters && !/[\u0000-\u001f\u007f]/.test(value)
  );
}

function refusal(what: string, cause?: unknown): UserError {
  return new UserError('content-invalid', `the list of artifacts is wrong: ${what}`, { cause });
}
