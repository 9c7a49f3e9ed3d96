import { keyTextForms } from '@slipway/core';

/**
 * The forms in which a secret can appear in output: unchanged, as in a JSON string, as in a URL, and, for a key that is
 * encoded or escaped, as decoded. Masking only the first would miss a passphrase with a quote or a space.
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
