import { keyTextForms } from '@slipway/core';

/**
 * The forms in which a secret can turn up in what is printed: as it is, as a JSON string holds it, as a URL holds it, and,
 * for a key that was encoded or escaped, as whatever reads it has it. Masking only the first would let a passphrase with a
 * quote or a space through.
 */
export function secretForms(secret: string): readonly string[] {
  const texts = [secret, ...keyTextForms(secret)].map((text) => text.trim());
  const forms = texts.flatMap((text) => {
    const lines = text.split(/\r?\n/).filter((line) => !line.startsWith('-----'));
    return lines.flatMap((line) => [
      JSON.stringify(line).slice(1, -1),
      encodeURIComponent(line.toWellFormed()),
    ]);
  });
  return [...new Set([...texts, ...forms])];
}
