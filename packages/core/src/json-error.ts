import { UserError } from './errors.ts';

/** What can be wrong with untrusted JSON, as distinct findings. */
export type JsonFault = 'json-malformed' | 'json-too-deep' | 'json-duplicate-key';

export class JsonError extends UserError {
  readonly fault: JsonFault;
  /** What is wrong, without the position. */
  readonly reason: string;
  /** The byte offset of the problem; for strings, where the string starts. */
  readonly offset: number;

  /** `words` replace the reason and the offset with a message for the author of the text. */
  constructor(
    fault: JsonFault,
    reason: string,
    offset: number,
    words: { readonly message?: string; readonly hint?: string | undefined } = {},
  ) {
    super('content-invalid', words.message ?? `${reason} at byte ${offset}`, { hint: words.hint });
    this.fault = fault;
    this.reason = reason;
    this.offset = offset;
  }
}
