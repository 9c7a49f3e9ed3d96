import type { Clock, Environment, Problem, ProgressPort, SlipwayError, TextForm } from '@slipway/core';

/**
 * One input of an action: its type, parser, default and words. Everything else that knows an input (`action.yml`, the
 * README table, the CLI flag, the types in the action) is derived from this.
 */
export interface InputDeclaration<Value> {
  /** What the documentation calls the type: `path`, `boolean`, `list`, … */
  readonly kind: string;
  /** Markdown, one sentence or two. */
  readonly description: string;
  readonly required: boolean;
  /** What an empty input means, as a user would write it. */
  readonly default?: string | undefined;
  /**
   * What an empty argument on a terminal stands for, as in `--prefix ''`: there it is something that was written, while a workflow
   * gives an empty text for whatever it has no value for.
   */
  readonly emptyArgument?: string | undefined;
  /** Its value is lines, so that a terminal may give it piece by piece: the flag stands once for each. */
  readonly repeatable?: boolean | undefined;
  /** Masked as soon as it is read; on the CLI never a plain argument. */
  readonly secret: boolean;
  /** Blanks and line ends around it are a part of it. */
  readonly verbatim?: boolean | undefined;
  /** The allowed words of a `choice`. */
  readonly choices?: readonly string[] | undefined;
  /** What the text may hold at all, looked at before it is parsed; anything when not given. */
  readonly form?: TextForm | undefined;
  /** Parses a non-empty text, trimmed unless it is `verbatim`; throws an `Error` whose message says what is wrong with it. */
  readonly parse: (text: string) => Value;
  /** The value of an input that is not given and has no default. */
  readonly absent: Value;
  /**
   * Looks beyond the form of a given value, for example whether the directory is there; throws an `Error` whose message
   * says what is wrong. So this is told together with everything else that is wrong with the inputs.
   */
  readonly check?: ((value: Value, surroundings: InputSurroundings) => Promise<void>) | undefined;
}

export interface InputSurroundings {
  /** As `ActionContext.workDirectory`. */
  readonly workDirectory: string;
  /** As `ActionContext.environment`. */
  readonly environment: Environment;
}

// biome-ignore lint/suspicious/noExplicitAny: declarations of every value type stand side by side here.
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
   * What the text of its value is: `lines` has an item on each, `json` is a JSON text, and `file` is the path of the
   * `ResultFile` of this name. A single value when not given.
   */
  readonly kind?: 'lines' | 'json' | 'file';
  /**
   * Whoever has it may do what others must not, such as open a secret link. Workflows hand it on unseen; a terminal shows it
   * only to who asks for it by name, and a file of it is for its owner alone.
   */
  readonly secret?: true;
}

/** A piece of a job summary; the runner renders and escapes it. Texts are plain text, not Markdown. */
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

/** A file that a run leaves behind; its path becomes the output of that name. */
export interface ResultFile {
  readonly output: string;
  /** Where the user wants it; without it the file goes to the runner's temporary directory as `defaultName`. */
  readonly path: string | undefined;
  readonly defaultName: string;
  /** As a whole, or piece by piece where it may be very large; an iterable that can be gone through again. */
  readonly contents: string | Iterable<string>;
  /**
   * All of it is public, so it is written as it is. A public key is: it can have lines in common with the private key,
   * whose lines are masked, and would be of no use with any of them taken out.
   */
  readonly isPublic?: true;
}

export interface ActionContext {
  readonly progress: ProgressPort;
  readonly clock: Clock;
  /** Relative paths in inputs start here: `GITHUB_WORKSPACE` on a runner, the current directory on a terminal. */
  readonly workDirectory: string;
  /** The variables of this run. Read only: what a run learns, secrets above all, never goes into them. */
  readonly environment: Environment;
  /** Takes a secret that came to be while running out of everything printed and stored from now on. */
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
  /** Secret outputs that this run was asked to tell, so that a terminal shows them. */
  readonly askedFor?: readonly string[];
  /** Set when the run failed after it had something to report: outputs, files and summary are still written. */
  readonly failure?: SlipwayError | undefined;
}

/** Everything a front end (the Actions runner, the terminal) needs to run an action. */
export interface ActionDefinition<Declarations extends InputDeclarations = InputDeclarations> {
  readonly name: string;
  /** One sentence for `action.yml` and `--help`. */
  readonly description: string;
  readonly inputs: Declarations;
  readonly outputs: Readonly<Record<string, OutputDeclaration>>;
  /** Problems between inputs, each a sentence; reported together with those of single inputs. */
  checkInputs?(inputs: InputsOf<Declarations>, surroundings: InputSurroundings): readonly string[];
  /** Problems that `run` itself tells soon and well; asked for only where there are others, to name them all at once. */
  checkCostly?(inputs: InputsOf<Declarations>): Promise<readonly string[]>;
  run(inputs: InputsOf<Declarations>, context: ActionContext): Promise<ActionResult>;
}

/** The definition as it is, with its types inferred. */
export function defineAction<Declarations extends InputDeclarations>(
  definition: ActionDefinition<Declarations>,
): ActionDefinition<Declarations> {
  return definition;
}
