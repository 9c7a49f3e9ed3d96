import { printable, UserError, type UserErrorCode } from '@slipway/core';

/** Which code a refusal has when there are several problems: signs of an attack come first. */
const order = [
  'path-outside',
  'source-unreadable',
  'name-invalid',
  'content-invalid',
  'source-missing',
  'too-large',
  'input-invalid',
] as const satisfies readonly UserErrorCode[];
export type FileFault = (typeof order)[number];

const maxNamedProblems = 20;

export interface FileProblem {
  readonly code: FileFault;
  readonly path: string;
  /** Continues a sentence that begins with the path. */
  readonly what: string;
}

/** Collects what is wrong with files, so that it is all reported at once. */
export class FileProblems {
  /** The first of them, as many as are named. */
  readonly first: FileProblem[] = [];
  readonly #codes = new Set<FileFault>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(code: FileFault, path: string, what: string): void {
    this.#count += 1;
    this.#codes.add(code);
    if (this.first.length < maxNamedProblems) this.first.push({ code, path, what });
  }

  /** Throws one `UserError` that names the first problems and counts the others, if there are any. */
  throwIfAny(
    sentence: (count: number) => string,
    hint: string | ((code: FileFault) => string | undefined),
  ): void {
    const code = order.find((candidate) => this.#codes.has(candidate));
    if (code === undefined) return;
    const lines = this.first.map(({ path, what }) => `  "${printable(path)}" ${what}`);
    if (this.#count > lines.length) lines.push(`  and ${this.#count - lines.length} more`);
    throw new UserError(code, `${sentence(this.#count)}:\n${lines.join('\n')}`, {
      hint: typeof hint === 'string' ? hint : hint(code),
    });
  }
}
