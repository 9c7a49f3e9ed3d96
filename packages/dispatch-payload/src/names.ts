/** An event type's limit, in characters: REST API, "Create a repository dispatch event". */
export const maxEventTypeCharacters = 100;

/**
 * `owner/repository`, unchanged. Throws an `Error` with the reason if it is not valid: an owner has letters, digits and single
 * hyphens, a repository also `.` and `_`.
 */
export function parseRepository(text: string): string {
  const [, owner, name] = /^([^/]+)\/([^/]+)$/.exec(text) ?? [];
  if (owner === undefined || name === undefined) throw new Error('must be owner/repository');
  // Names of managed users have an underscore before the short code of their enterprise.
  if (!/^[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?$/i.test(owner))
    throw new Error('its owner is not a valid GitHub name');
  if (!/^[\w.-]{1,100}$/.test(name) || /^\.{1,2}$/.test(name) || /\.git$/i.test(name)) {
    throw new Error('its repository is not a valid GitHub name');
  }
  return text;
}

/** Whether two names refer to the same repository: GitHub ignores case. */
export function isSameRepository(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

/**
 * An event type. Throws an `Error` for what GitHub refuses and for what could be misread: it must have 1 to 100 characters of
 * printable ASCII, with spaces only inside, as in `app released`.
 */
export function parseEventType(text: string): string {
  if (text.length > maxEventTypeCharacters)
    throw new Error(`it has more than ${maxEventTypeCharacters} characters`);
  if (text !== text.trim()) throw new Error('it begins or ends with a space');
  if (!/^[\x20-\x7e]+$/.test(text))
    throw new Error('it is empty, or has a character that is not printable ASCII');
  return text;
}

/** The id of a message: 8 to 64 letters, digits, `.`, `_` and `-`. Throws an `Error` for anything else. */
export function parseMessageId(text: string): string {
  if (/^[A-Za-z0-9][\w.-]{7,63}$/.test(text)) return text;
  throw new Error('it is not 8 to 64 letters, digits, ".", "_" and "-", beginning with a letter or digit');
}
