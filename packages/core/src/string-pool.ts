/** Keeps one copy of each distinct string: graphs name the same hash many times, and each mention would be its own. */
export class StringPool {
  readonly #strings = new Map<string, string>();

  /** The pool's own copy of `text`. */
  intern(text: string): string {
    const known = this.#strings.get(text);
    if (known !== undefined) return known;
    this.#strings.set(text, text);
    return text;
  }
}
