import { type CharacterSet, type GlobNode, hasCharacter } from './glob-nodes.ts';

/** More would make one character of a path cost too much. */
const maxPositions = 10_000;
/** What is remembered of one glob; beyond it, it is forgotten and found out again. */
const maxKnownStates = 256;
const maxKnownSteps = 8_192;
const slash = 0x2f;

/** A place in a glob: what the next character must be, and where it leads. */
type Position =
  | { readonly kind: 'step'; readonly set: CharacterSet | undefined; next: number }
  | { readonly kind: 'fork'; readonly next: number[] }
  | { readonly kind: 'except'; readonly inner: GlobMatcher; readonly next: number }
  | { readonly kind: 'end' };

/** All places that a text can have reached, and what is known of where characters lead from there. */
interface State {
  readonly id: string;
  readonly accepts: boolean;
  readonly steps: readonly number[];
  readonly excepts: readonly Exception[];
  readonly ascii: (State | undefined)[];
  readonly others: Map<number, State>;
}

/** A `!(…)` that a text is in, with how far what it excludes has come. */
interface Exception {
  readonly at: number;
  readonly inner: State;
}

/**
 * Matches texts with a glob by following all ways through it at once (Thompson's construction), and by remembering which sets of
 * places lead where. It never goes back: the time is that of the text's length times the glob's at most.
 */
export class GlobMatcher {
  readonly #positions: Position[] = [];
  readonly #entry: number;
  /** What every match ends with: it alone excludes most paths. */
  readonly #suffix: string;
  #states = new Map<string, State>();
  #first: State | undefined;
  #knownSteps = 0;

  /** Throws an `Error` for a glob that stands for too much. */
  constructor(node: GlobNode) {
    this.#suffix = suffixOf(node);
    this.#entry = this.#compile(node, this.#add({ kind: 'end' }));
  }

  /** Whether the whole of a text matches. */
  matches(text: string): boolean {
    if (!text.endsWith(this.#suffix)) return false;
    let state = this.start();
    for (let at = 0; at < text.length; at += 1) {
      state = this.step(state, text.charCodeAt(at));
      if (state.steps.length === 0 && state.excepts.length === 0)
        return at === text.length - 1 && state.accepts;
    }
    return state.accepts;
  }

  /** Whether the whole of a path matches, or a directory that it is in: in one go, however deep it is. */
  matchesOrBelow(path: string): boolean {
    let state = this.start();
    for (let at = 0; at < path.length; at += 1) {
      const code = path.charCodeAt(at);
      if (code === slash && state.accepts && at > 0) return true;
      state = this.step(state, code);
      if (state.steps.length === 0 && state.excepts.length === 0 && !state.accepts) return false;
    }
    return state.accepts;
  }

  start(): State {
    this.#first ??= this.#stateOf([this.#entry], []);
    return this.#first;
  }

  step(state: State, code: number): State {
    const known = code < 128 ? state.ascii[code] : state.others.get(code);
    if (known !== undefined) return known;
    const reached: number[] = [];
    for (const at of state.steps) {
      const position = this.#positions[at];
      if (position?.kind !== 'step') continue;
      if (position.set === undefined || hasCharacter(position.set, code)) reached.push(position.next);
    }
    const excepts =
      code === slash ? [] : state.excepts.flatMap((exception) => this.#stepException(exception, code));
    if (this.#knownSteps >= maxKnownSteps || this.#states.size >= maxKnownStates) {
      this.#states = new Map();
      this.#first = undefined;
      this.#knownSteps = 0;
      // `state` is left behind with what it knows, so that no chain of states lives on.
      return this.#stateOf(reached, excepts);
    }
    const next = this.#stateOf(reached, excepts);
    this.#knownSteps += 1;
    if (code < 128) state.ascii[code] = next;
    else state.others.set(code, next);
    return next;
  }

  #stepException({ at, inner }: Exception, code: number): readonly Exception[] {
    const position = this.#positions[at];
    return position?.kind === 'except' ? [{ at, inner: position.inner.step(inner, code) }] : [];
  }

  /** The state of being at `entries` and whatever can be reached from there without a character. */
  #stateOf(entries: readonly number[], running: readonly Exception[]): State {
    const seen = new Set<number>();
    const steps: number[] = [];
    const excepts: Exception[] = [];
    const pending = [...entries];
    let accepts = false;
    const leave = ({ at, inner }: Exception): void => {
      excepts.push({ at, inner });
      const position = this.#positions[at];
      if (position?.kind === 'except' && !inner.accepts) pending.push(position.next);
    };
    for (const exception of running) leave(exception);
    for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
      const position = this.#positions[at];
      if (position === undefined || seen.has(at)) continue;
      seen.add(at);
      if (position.kind === 'step') steps.push(at);
      else if (position.kind === 'fork') pending.push(...position.next);
      else if (position.kind === 'except') leave({ at, inner: position.inner.start() });
      else accepts = true;
    }
    steps.sort((a, b) => a - b);
    const id = `${steps.join()}|${excepts.map(({ at, inner }) => `${at}:${inner.id}`).join(';')}|${accepts}`;
    const known = this.#states.get(id);
    if (known !== undefined) return known;
    const state: State = {
      id,
      accepts,
      steps,
      excepts,
      ascii: new Array(128).fill(undefined),
      others: new Map(),
    };
    this.#states.set(id, state);
    return state;
  }

  #add(position: Position): number {
    if (this.#positions.length >= maxPositions) {
      throw new Error(
        `the glob stands for too much: it is ${maxPositions} characters and more when it is written out`,
      );
    }
    return this.#positions.push(position) - 1;
  }

  /** Adds the positions of a node that leads to `next`; gives where it begins. */
  #compile(node: GlobNode, next: number): number {
    switch (node.kind) {
      case 'set':
        return this.#add({ kind: 'step', set: node.set, next });
      case 'any':
        return this.#add({ kind: 'step', set: undefined, next });
      case 'sequence':
        return node.parts.reduceRight((after, part) => this.#compile(part, after), next);
      case 'choice': {
        const options = node.options.map((option) => this.#compile(option, next));
        return this.#add({ kind: 'fork', next: options });
      }
      case 'repeat': {
        const fork: number[] = [next];
        const again = this.#add({ kind: 'fork', next: fork });
        const part = this.#compile(node.part, again);
        fork.push(part);
        return node.atLeastOnce ? part : again;
      }
      case 'except':
        return this.#add({ kind: 'except', inner: new GlobMatcher(node.part), next });
    }
  }
}

/** The characters that stand for themselves at the end of a glob. */
function suffixOf(node: GlobNode): string {
  if (node.kind !== 'sequence') return '';
  const codes: number[] = [];
  for (const part of node.parts.toReversed()) {
    const [only, ...more] = part.kind === 'set' && !part.set.negated ? part.set.ranges : [];
    if (only === undefined || more.length > 0 || only[0] !== only[1]) break;
    codes.unshift(only[0]);
  }
  return String.fromCharCode(...codes);
}
