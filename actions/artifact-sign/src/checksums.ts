/** A line for each file as `sha256sum` writes it, in order of names. */
export function checksumsText(files: readonly { readonly name: string; readonly sha256: string }[]): string {
  return files
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, sha256 }) => `${sha256}  ${name}\n`)
    .join('');
}

/** Why a name cannot be listed, if so. `sha256sum` would escape it in a way that other programs do not understand. */
export function checksumNameProblem(name: string): string | undefined {
  if (/[\u0000-\u001f\u007f]/.test(name)) return 'has a line break or another control character in its name';
  if (name.includes('\\')) return 'has a backslash in its name';
  if (!name.isWellFormed()) return 'has a name that is not well-formed Unicode';
  return undefined;
}
