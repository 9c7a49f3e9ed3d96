import { type FieldRequest, parseEventType, parseRepository } from '@slipway/dispatch-payload';
import { parseEachItem, parseEachLine } from '@slipway/runner';

const maxFields = 100;

export function parseEventTypes(text: string): readonly string[] {
  return parseEachItem(text, parseEventType);
}

export function parseSources(text: string): readonly string[] {
  return parseEachItem(text, parseRepository);
}

/** Logins and numbers of accounts. `name[bot]` is the login of an app. */
export function parseSenders(text: string): readonly string[] {
  return parseEachItem(text, (line) => {
    if (/^(?:\d{1,15}|[a-z0-9][a-z0-9_-]{0,62}(?:\[bot\])?)$/i.test(line)) return line;
    throw new Error('it is neither a login nor a user ID');
  });
}

/** Hosts with their ports, as `URL.host` has them. */
export function parseHosts(text: string): readonly string[] {
  return parseEachItem(text, (line) => {
    const url = URL.parse(`https://${line}/`);
    if (url === null || url.host !== line.toLowerCase() || /[/@?#*\s]/.test(line)) {
      throw new Error('must be a host, such as downloads.example.org or localhost:8080');
    }
    return url.host;
  });
}

/** `name` or `name=path.in.the.payload`. */
export function parseFieldRequests(text: string, multiline: boolean): readonly FieldRequest[] {
  const requests = parseEachLine(text, (line) => {
    const [, name = '', path = name] = /^([A-Za-z_][\w-]{0,63})(?:\s*=\s*(\S+))?$/.exec(line) ?? [];
    if (name === '') throw new Error('must be a name or name=path.in.the.payload');
    const keys = path.split('.');
    if (keys.includes('') || keys.length > 32)
      throw new Error('its path has an empty part, or too many parts');
    return { name, path: keys, multiline };
  });
  if (requests.length > maxFields) throw new Error(`it has more than ${maxFields} fields`);
  return requests;
}

/** What a run is called. */
export function parseRunReference(text: string): string {
  if (text.length <= 256) return text;
  throw new Error('it has more than 256 characters');
}

/** Throws an `Error` for keys that cannot verify anything. */
export async function checkTrustedKeys(text: string): Promise<void> {
  const { parseTrustedKeys } = await import('@slipway/signing');
  const { fingerprints, keys } = await parseTrustedKeys(text);
  const whole = new Set(keys.map(({ fingerprint }) => fingerprint));
  const missing = fingerprints.filter((fingerprint) => !whole.has(fingerprint));
  if (missing.length > 0) {
    throw new Error(
      `the key ${missing.join(', ')} is given only by its fingerprint, but a message carries no keys: give the armored public key`,
    );
  }
}
