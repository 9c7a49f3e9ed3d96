import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A small change of the source that breaks a guarantee. A test must fail when it is made. */
export interface Mutant {
  /** What the code does after the change, in a few words. */
  readonly name: string;
  /** The workspace member whose sources hold the text: `packages/store`. Files may move inside it. */
  readonly member: string;
  /** Occurs once in the sources of `member`. Line breaks and indentation do not matter. */
  readonly text: string;
  readonly replacement: string;
  /** What users are promised, and would lose. */
  readonly guarantee: string;
  /** The test files of which at least one must fail, from the root of the repository. */
  readonly tests: readonly string[];
}

export interface Place {
  /** From the root of the repository. */
  readonly file: string;
  readonly start: number;
  readonly end: number;
}

/** Every place in the sources of a mutant's member where its text occurs. */
export function placesOf(mutant: Pick<Mutant, 'member' | 'text'>, root: string): readonly Place[] {
  const pattern = new RegExp(
    mutant.text
      .trim()
      .split(/\s+/)
      .map((part) => part.replaceAll(/[^\w\s]/g, '\\$&'))
      .join('\\s+'),
    'g',
  );
  return sourceFiles(mutant.member, root).flatMap((file) =>
    [...readFileSync(join(root, file), 'utf8').matchAll(pattern)].map((match) => ({
      file,
      start: match.index,
      end: match.index + match[0].length,
    })),
  );
}

function sourceFiles(member: string, root: string): readonly string[] {
  return readdirSync(join(root, member, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `${member}/src/${name}`)
    .sort();
}
