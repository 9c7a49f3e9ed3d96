import type { Clock, Environment, Problem, ProgressPort, SlipwayError, TextForm } from '@slipway/core';

/**
 * One input of an action: its type, parser, default and description. `action.yml`, the table in the README, the CLI flag
 * and the types in the action are all derived from it.
 */
export interface InputDeclaration<Value> {
  /** What the documentation calls the type: `path`, `boolean`, `list`, … */
  readonly kind: string;
  /** One or two sentences of Markdown. */
  readonly description: string;
  readonly required: boolean;
  /** The value of an empty input, as a user would write it. */
  readonly default?: string | undefined;
  /**
   * The value of an empty argument on a terminal, as in `--prefix ''`. There it is deliberate, while a workflow passes an
   * empty text for every input without a value.
   */
  readonly emptyArgument?: string | undefined;
  /** The value consists of lines, so on a terminal the flag may be repeated, once per line. */
  readonly repeatable?: boolean | undefined;
  /** Masked as soon as it is read, and never a plain argument on the CLI. */
  readonly secret: boolean;
  /** Surrounding spaces and line ends are part of the value. */
  readonly verbatim?: boolean | undefined;
  /** The allowed values of a `choice`. */
  readonly choices?: readonly string[] | undefined;
  /** Which characters the text may contain, checked before it is parsed. Any when not given. */
  readonly form?: TextForm | undefined;
  /** Parses a non-empty text, which is trimmed unless `verbatim`. Throws an `Error` such as "must be a URL". */
  readonly parse: (text: string) => Value;
  /** The value of an input that is not given and has no default. */
  readonly absent: Value;
  /**
   * Checks more than the form of a value, such as whether a directory exists, so that this is reported together with all
   * other problems of the inputs. Throws an `Error` as `parse` does.
   */
  readonly check?: ((value: Value, surroundings: InputSurroundings) => Promise<void>) | undefined;
}

export interface InputSurroundings {
  /** As `ActionContext.workDirectory`. */
  readonly workDirectory: string;
  /** As `ActionContext.environment`. */
  readonly environment: Environment;
}

// biome-ignore lint/suspicious/noExplicitAny: this holds declarations of every value type.
export type InputDeclarations = Readonly<Record<string, InputDeclaration<any>>>;

type CamelCase<Name extends string> = Name extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Name;

/** The parsed inputs of a declaration: `signing-key` becomes `signingKey`. */
export type InputsOf<Declarations extends InputDeclarations> = {
  readonly [Name in keyof Declarations &
    string as CamelCase<Name>]: Declarations[Name] extends InputDeclaration<infer Value> ? Value : never;
};

export interface OutputDeclaration {
  readonly description: string;
  /**
   * The form of the value: `lines` has an item per line, `json` is JSON text, and `file` is the path of the `ResultFile`
   * of this name. A single value when not given.
   */
  readonly kind?: 'lines' | 'json' | 'file';
  /**
   * The value gives access to something, as a secret link does. Workflows pass it on unseen; a terminal shows it only when
   * asked for by name, and only the owner can read a file of it.
   */
  readonly secret?: true;
}

/** A part of a job summary. Texts are plain text, not Markdown: the runner escapes them. */
export type SummaryBlock =
  | { readonly kind: 'heading'; readonly text: string }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'code'; readonly text: string; readonly language?: string }
  | {
      readonly kind: 'table';
      readonly head: readonly string[];
      readonly rows: readonly (readonly string[])[];
    }
  | { readonly kind: 'details'; readonly summary: string; readonly blocks: readonly SummaryBlock[] };

/** A file that a run writes. Its path becomes the output of that name. */
export interface ResultFile {
  readonly output: string;
  /** Where the user wants it. Otherwise the file goes to the runner's temporary directory, as `defaultName`. */
  readonly path: string | undefined;
  readonly defaultName: string;
  /** The whole text, or its pieces where it may be very large. The pieces can be iterated more than once. */
  readonly contents: string | Iterable<string>;
  /**
   * Everything in it is public, so it is written unredacted. A public key can share lines with the private key, whose
   * lines are masked, and would be useless without them.
   */
  readonly isPublic?: true;
}

export interface ActionContext {
  readonly progress: ProgressPort;
  readonly clock: Clock;
  /** Relative paths in inputs start here: `GITHUB_WORKSPACE` on a runner, the current directory on a terminal. */
  readonly workDirectory: string;
  /** The variables of this run. Read only: a run never adds to them, least of all secrets. */
  readonly environment: Environment;
  /** Redacts a secret that the run created or received from everything printed and stored from now on. */
  mask(secret: string): void;
  /**
   * The file to start a `worker_threads` Worker from: in a worker thread, `start` runs the `worker` function of the
   * action's module instead of the action. Undefined in tests, where work stays on one thread.
   */
  readonly workerEntry?: string | undefined;
}

export interface ActionResult {
  /** A value for each declared output that is not a file. */
  readonly outputs: Readonly<Record<string, string | number | boolean>>;
  readonly files: readonly ResultFile[];
  readonly summary: readonly SummaryBlock[];
  readonly problems: readonly Problem[];
  /** Secret outputs that the user asked for, which a terminal therefore shows. */
  readonly askedFor?: readonly string[];
  /** Set when the run failed but has something to report: outputs, files and summary are still written. */
  readonly failure?: SlipwayError | undefined;
}

/** Everything a front end (the Actions runner, the terminal) needs to run an action. */
export interface ActionDefinition<Declarations extends InputDeclarations = InputDeclarations> {
  readonly name: string;
  /** One sentence for `action.yml` and `--help`. */
  readonly description: string;
  readonly inputs: Declarations;
  readonly outputs: Readonly<Record<string, OutputDeclaration>>;
  /** Problems between inputs, each a sentence, reported together with those of single inputs. */
  checkInputs?(inputs: InputsOf<Declarations>, surroundings: InputSurroundings): readonly string[];
  /** Problems that `run` would report itself. Called only if there are others, to report all of them at once. */
  checkCostly?(inputs: InputsOf<Declarations>): Promise<readonly string[]>;
  run(inputs: InputsOf<Declarations>, context: ActionContext): Promise<ActionResult>;
}

/** Returns the definition, with its types inferred. */
export function defineAction<Declarations extends InputDeclarations>(
  definition: ActionDefinition<Declarations>,
): ActionDefinition<Declarations> {
  return definition;
}
