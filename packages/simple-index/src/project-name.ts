/** Names in wheels and sdists are parts of file names, which file systems bound. */
const maxNameCharacters = 255;
const validName = /^[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?$/i;

/** Whether a text is a valid project name (PEP 508): ASCII letters, digits, `.`, `_` and `-`, the last three only inside. */
export function isProjectName(text: string): boolean {
  return text.length <= maxNameCharacters && validName.test(text);
}

/** The one spelling of a valid name by which an index knows the project (PEP 503). */
export function normalizeProjectName(name: string): string {
  return name.toLowerCase().replaceAll(/[._-]+/g, '-');
}

/** Whether a text is a valid project name in its normalised spelling. */
export function isNormalizedProjectName(text: string): boolean {
  return isProjectName(text) && normalizeProjectName(text) === text;
}
