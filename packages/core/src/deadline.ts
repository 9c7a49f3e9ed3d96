import { createContext, Script } from 'node:vm';
import { UserError } from './errors.ts';

const script = new Script('run()');
let context: ReturnType<typeof createContext> | undefined;

/**
 * Returns the result of synchronous `run`, or `undefined` after `timeoutMs`: `run` is then stopped wherever it is, even
 * inside a regular expression. Throws what `run` throws.
 */
export function withinTime<Value>(
  timeoutMs: number,
  run: () => Value,
): { readonly value: Value } | undefined {
  const done: { value: Value }[] = [];
  // Creating a context costs more than most of what runs in it.
  context ??= createContext({});
  context['run'] = () => void done.push({ value: run() });
  try {
    script.runInContext(context, { timeout: timeoutMs });
  } catch (error) {
    if (Reflect.get(Object(error), 'code') !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
    return undefined;
  }
  return done[0];
}

const matchTimeoutMs = 250;
const maxSlowMatches = 20;

/**
 * A user's regular expression, applied to untrusted text. Some patterns take exponential time on some texts: a match that
 * takes over 250 ms counts as a mismatch, and the 21st throws `UserError` `input-invalid`.
 */
export class UserPattern {
  readonly source: string;
  readonly #pattern: RegExp;
  #slowMatches = 0;

  /**
   * Matches whole texts. Throws an `Error` for a pattern that is too long or invalid; its message continues a sentence
   * that names the pattern.
   */
  constructor(source: string, maxCharacters = 1000) {
    if (source.length > maxCharacters) throw new Error(`must have at most ${maxCharacters} characters`);
    this.source = source;
    try {
      this.#pattern = new RegExp(`^(?:${source})$`, 'u');
    } catch (error) {
      throw new Error(
        `is not a valid regular expression (${error instanceof Error ? error.message : String(error)})`,
      );
    }
  }

  matches(text: string): boolean {
    const tested = withinTime(matchTimeoutMs, () => this.#pattern.test(text));
    if (tested !== undefined) return tested.value;
    this.#slowMatches += 1;
    if (this.#slowMatches <= maxSlowMatches) return false;
    throw new UserError(
      'input-invalid',
      `The pattern took longer than ${matchTimeoutMs} ms for ${this.#slowMatches} texts.`,
      {
        hint: 'Avoid a repetition inside a repetition, as in (a+)+, and adjacent repetitions that match the same characters.',
      },
    );
  }
}
