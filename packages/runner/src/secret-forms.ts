/**
 * The forms in which a secret can turn up in what is printed: as it is, as a JSON string holds it, and as a URL holds
 * it. Masking only the first would let a passphrase with a quote or a space through.
 */
export function secretForms(secret: string): readonly string[] {
  const trimmed = secret.trim();
  const lines = trimmed.split(/\r?\n/).filter((line) => !line.startsWith('-----'));
  const forms = lines.flatMap((line) => {
    return [JSON.stringify(line).slice(1, -1), encodeURIComponent(line.toWellFormed())];
  });
  return [...new Set([trimmed, ...forms])];
}
