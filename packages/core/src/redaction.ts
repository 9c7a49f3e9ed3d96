const minSecretCharacters = 4;
const replacement = '***';

/** Knows the secrets of a run and removes them from everything that is printed or stored (I7). */
export class Redactor {
  readonly #secrets = new Set<string>();

  /**
   * Remembers `secret` and each of its trimmed lines (armored keys span many). Ignores pieces shorter than four
   * characters: masking them would garble every log. Returns the pieces that are now masked.
   */
  add(secret: string): readonly string[] {
    const pieces = new Set<string>();
    for (const piece of [secret, ...secret.split(/\r?\n/)]) {
      const trimmed = piece.trim();
      if (trimmed.length >= minSecretCharacters && !isArmorFrame(trimmed)) pieces.add(trimmed);
    }
    for (const piece of pieces) this.#secrets.add(piece);
    return [...pieces];
  }

  /** Replaces every known secret in `text` with `***`, longest first. */
  redact(text: string): string {
    let redacted = text;
    for (const secret of [...this.#secrets].sort((a, b) => b.length - a.length)) {
      redacted = redacted.replaceAll(secret, replacement);
    }
    return redacted;
  }
}

/** Armor frames are the same in every key; masking them would hide harmless text such as "BEGIN PGP". */
function isArmorFrame(line: string): boolean {
  return /^-----(BEGIN|END) PGP [A-Z ]+-----$/.test(line);
}
