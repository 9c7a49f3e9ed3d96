import { counted, printable, UserError, type UserErrorCode } from '@slipway/core';

type SourceFault = Extract<
  UserErrorCode,
  'path-outside' | 'source-unreadable' | 'name-invalid' | 'content-invalid' | 'too-large'
>;

/** Which code a refusal has when there are several: what somebody may have meant ill comes first. */
const order: readonly SourceFault[] = [
  'path-outside',
  'source-unreadable',
  'name-invalid',
  'content-invalid',
  'too-large',
];
const maxNamedProblems = 20;

/** Collects everything that is wrong with the files to publish, to tell it all at once. */
export class SourceProblems {
  readonly #lines: string[] = [];
  readonly #codes = new Set<SourceFault>();
  #count = 0;

  add(code: SourceFault, key: string, what: string): void {
    this.#count += 1;
    this.#codes.add(code);
    if (this.#lines.length < maxNamedProblems) this.#lines.push(`  "${printable(key)}" ${what}`);
  }

  /** Throws a `UserError` that names the first of them and counts the others, when there are any. */
  throwIfAny(): void {
    const code = order.find((candidate) => this.#codes.has(candidate));
    if (code === undefined) return;
    const more = this.#count - this.#lines.length;
    const lines = more > 0 ? [...this.#lines, `  and ${more} more`] : this.#lines;
    throw new UserError(
      code,
      `${counted(this.#count, 'file')} of the source cannot be published, so nothing was:\n${lines.join('\n')}`,
      { hint: 'Correct or remove them, or leave them out with exclude.' },
    );
  }
}
