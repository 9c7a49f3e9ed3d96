import { formFault, printable, SlipwayError, sentences, UserError } from '@slipway/core';
import type {
  ActionDefinition,
  InputDeclaration,
  InputDeclarations,
  InputSurroundings,
  InputsOf,
} from './declaration.ts';

const maxShownCharacters = 80;

export interface InputTexts {
  /** The text of an input as the user wrote it; undefined or blank when it is not given. */
  textOf(name: string): string | undefined;
  /** The name of an input in messages: `input "mirror"`, `--mirror`. */
  spell(name: string): string;
  /** Whether `problems` already covers how an input was given. It is then not reported as missing. */
  isRefused?(name: string): boolean;
  /** Problems found before any input was parsed, such as unknown flags. */
  readonly problems?: readonly string[] | undefined;
}

/** `signing-key` becomes `signingKey`, as in `InputsOf`. */
export function camelCase(name: string): string {
  return name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

/**
 * Parses all inputs of `action`. Throws one `UserError` `input-invalid` that names every problem: missing and bad inputs,
 * and what `checkInputs` finds between them. It never contains the value of a secret.
 */
export async function parseInputs<Declarations extends InputDeclarations>(
  action: ActionDefinition<Declarations>,
  texts: InputTexts,
  surroundings: InputSurroundings,
): Promise<InputsOf<Declarations>> {
  const problems = [...(texts.problems ?? [])];
  const inputs: Record<string, unknown> = {};
  let readFailedInput = false;
  for (const [name, declaration] of Object.entries(action.inputs)) {
    const parsed =
      texts.isRefused?.(name) === true
        ? {}
        : await readInput(declaration, texts.textOf(name), texts.spell(name), surroundings);
    if ('value' in parsed) {
      inputs[camelCase(name)] = parsed.value;
    } else {
      if ('problem' in parsed) problems.push(parsed.problem);
      // After `checkInputs` has read an input without a value, its problems would mislead.
      Object.defineProperty(inputs, camelCase(name), {
        enumerable: true,
        get() {
          readFailedInput = true;
          return declaration.absent;
        },
      });
    }
  }
  const typedInputs = inputs as InputsOf<Declarations>;
  /** Adds the problems that `check` finds, unless it reads an input without a value. */
  const addProblems = async (check: () => readonly string[] | Promise<readonly string[]>): Promise<void> => {
    readFailedInput = false;
    try {
      const found = await check();
      if (!readFailedInput) problems.push(...found);
    } catch (error) {
      if (!readFailedInput) throw error;
    }
  };
  await addProblems(() => action.checkInputs?.(typedInputs, surroundings) ?? []);
  if (problems.length > 0) await addProblems(() => action.checkCostly?.(typedInputs) ?? []);
  if (problems.length > 0) throw inputError(problems);
  return typedInputs;
}

/** One error for all problems of the inputs. */
function inputError(problems: readonly string[]): UserError {
  const [first = '', ...rest] = problems;
  const message =
    rest.length === 0 ? first : `${problems.length} problems in its inputs:\n- ${problems.join('\n- ')}`;
  return new UserError('input-invalid', message);
}

/** Parses an input, and checks it if it was given. */
async function readInput(
  declaration: InputDeclaration<unknown>,
  text: string | undefined,
  name: string,
  surroundings: InputSurroundings,
): Promise<Parsed> {
  const parsed = parseInput(declaration, text, name);
  const given = givenText(declaration, text);
  if (!('value' in parsed) || declaration.check === undefined || given === '') return parsed;
  try {
    await declaration.check(parsed.value, surroundings);
    return parsed;
  } catch (error) {
    return { problem: parseProblem(declaration.secret, given, name, error) };
  }
}

type Parsed = { readonly value: unknown } | { readonly problem: string } | Record<never, never>;

function parseInput(declaration: InputDeclaration<unknown>, text: string | undefined, name: string): Parsed {
  const given = givenText(declaration, text);
  const effective = given === '' ? (declaration.default ?? '') : given;
  if (effective === '') {
    return declaration.required ? { problem: `${name} is required` } : { value: declaration.absent };
  }
  const fault = declaration.form === undefined ? undefined : formFault(effective, declaration.form);
  if (fault !== undefined) {
    const shown = declaration.secret ? 'used' : `"${printable(effective, maxShownCharacters)}"`;
    return { problem: `${name} cannot be ${shown}: ${fault}` };
  }
  try {
    return { value: declaration.parse(effective) };
  } catch (error) {
    return { problem: parseProblem(declaration.secret, effective, name, error) };
  }
}

/** Whether a text stands for no value at all. */
export function isBlank(declaration: InputDeclaration<unknown>, text: string): boolean {
  return givenText(declaration, text) === '';
}

/** Empty when nothing was given. */
function givenText({ verbatim }: InputDeclaration<unknown>, text = ''): string {
  if (verbatim !== true) return text.trim();
  return /^[\r\n]*$/.test(text) ? '' : text;
}

function parseProblem(secret: boolean, text: string, name: string, error: unknown): string {
  if (secret) return `${name} cannot be used: ${secretFreeReason(error, text)}`;
  if (error instanceof SlipwayError) {
    const message = printable(error.message).replace(/\.$/, '');
    return `${name}: ${error.hint === undefined ? message : sentences(message, error.hint)}`;
  }
  const reason = error instanceof Error ? error.message : String(error);
  return `${name} cannot be "${printable(text, maxShownCharacters)}": ${reason}`;
}

/** The message of a parser about a secret, unless it repeats a part of the secret. */
function secretFreeReason(error: unknown, secret: string): string {
  const reason = error instanceof Error ? error.message : '';
  const hint = error instanceof SlipwayError ? error.hint : undefined;
  const told = hint === undefined ? reason : sentences(reason, hint);
  // The first and last line of every key are not secret.
  const words = secret.replace(/-----(?:BEGIN|END) [A-Z0-9 ]{1,40}-----/g, ' ').split(/\s+/);
  const repeats = words.some((word) => word.length > 2 && told.includes(word));
  return reason === '' || repeats ? 'it has the wrong form' : told;
}
