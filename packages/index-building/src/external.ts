import {
  asSlipwayError,
  type Clock,
  mapConcurrently,
  type ObjectStore,
  type ProgressPort,
  RemoteError,
  type SlipwayError,
  sentence,
  sentences,
} from '@slipway/core';
import {
  decodeExternal,
  type ExternalConfiguration,
  type ExternalProject,
  type ExternalState,
  encodeExternal,
  externalKey,
  type IndexConfiguration,
  type IndexFinding,
  indexFinding,
  parseProjectPage,
} from '@slipway/simple-index';
import { externalState, shownProject, withDropped } from './external-files.ts';
import { readExternalPage } from './external-page.ts';
import type { HttpPort } from './http-port.ts';
import { changeDocument, type KnownDocument, readDocument } from './state-files.ts';

/** Another index is asked by no more than this many requests at once. */
const maxConcurrency = 8;
/** After so many projects in a row that an index does not answer for, it is not asked for the others. */
const maxSilent = 3;
const pageLimits = { maxBytes: 2 ** 25, maxEntries: 50_000 };

export interface ExternalInput {
  readonly configuration: Pick<IndexConfiguration, 'external'>;
  readonly http: HttpPort;
  /** The store that remembers; undefined if it cannot be read. */
  readonly memory: ObjectStore | undefined;
  readonly clock: Clock;
  readonly progress: ProgressPort;
}

export interface ExternalOptions {
  readonly concurrency: number;
  /** Nothing is remembered. */
  readonly isDryRun: boolean;
  readonly mayContinue: () => boolean;
}

/** What is known of the projects whose files are on other indexes. */
export interface ExternalKnowledge {
  /** By normalised name; those of which nothing is known are not there, and their pages stay as they are. */
  readonly projects: ReadonlyMap<string, ExternalProject>;
  readonly findings: readonly IndexFinding[];
  readonly documentsWritten: number;
  /** Why something could not be remembered; the next run asks for it again. */
  readonly error: SlipwayError | undefined;
}

/**
 * Reads the projects that the configuration names from their indexes (PEP 503, 691, 700): a page that has not changed costs one answer
 * 304. What an index cannot say now is taken from what is remembered, with a finding. Everything is remembered before pages show it, so
 * that files which an index drops later can stay. Never throws for what a server, or the store, does.
 */
export async function readExternal(
  input: ExternalInput,
  options: ExternalOptions,
): Promise<ExternalKnowledge> {
  return new ExternalReader(input, options).read();
}

class ExternalReader {
  readonly #input: ExternalInput;
  readonly #options: ExternalOptions;
  readonly #projects = new Map<string, ExternalProject>();
  readonly #findings: IndexFinding[] = [];
  /** By the URL of the index. */
  readonly #silent = new Map<string, number>();
  #documentsWritten = 0;
  #error: SlipwayError | undefined;

  constructor(input: ExternalInput, options: ExternalOptions) {
    this.#input = input;
    this.#options = options;
  }

  async read(): Promise<ExternalKnowledge> {
    const { configuration, progress } = this.#input;
    const wanted = configuration.external.flatMap((external) =>
      external.names.map((name) => ({ name, external })),
    );
    progress.start('read other indexes', wanted.length, 'entries');
    await mapConcurrently(
      wanted,
      Math.min(maxConcurrency, this.#options.concurrency),
      async ({ name, external }) => {
        await this.#readProject(name, external);
        progress.advance(1);
      },
    );
    return {
      projects: this.#projects,
      findings: this.#findings.sort((one, other) => ((one.key ?? '') < (other.key ?? '') ? -1 : 1)),
      documentsWritten: this.#documentsWritten,
      error: this.#error,
    };
  }

  async #readProject(name: string, external: ExternalConfiguration): Promise<void> {
    let known: KnownDocument<ExternalState> | undefined;
    let remembered: ExternalState | undefined;
    try {
      known = await this.#remembered(name);
      if (known?.state?.index === external.index) remembered = known.state;
      const fresh = await this.#fresh(name, external, remembered);
      const state = fresh === undefined ? remembered : await this.#remember(name, external, known, fresh);
      if (state !== undefined) this.#projects.set(name, shownProject(state, external));
    } catch (error) {
      if (remembered !== undefined) this.#projects.set(name, shownProject(remembered, external));
      const { message, hint } = asSlipwayError(error);
      const why = sentences(message, hint).replace(/\.$/, '');
      this.#findings.push(
        indexFinding('external-stale', `the pages of "${name}" stay as they are: ${why}`, name),
      );
    }
  }

  /** What is remembered; undefined if nothing can be. Throws what the store throws, if files were to be kept. */
  async #remembered(name: string): Promise<KnownDocument<ExternalState> | undefined> {
    const { memory } = this.#input;
    if (memory === undefined) return undefined;
    const decode = (bytes: Uint8Array) => decodeExternal(bytes, name);
    const known = await readDocument(memory, externalKey(name), { decode });
    if (known.damage !== undefined) {
      const what = `the project is read again, without the files that were kept: ${known.damage}`;
      this.#findings.push(indexFinding('state-damaged', what, known.key));
    }
    return known;
  }

  /** What the index says now; undefined if it is what is remembered. Throws what `readExternalPage` throws. */
  async #fresh(
    name: string,
    { index }: ExternalConfiguration,
    remembered: ExternalState | undefined,
  ): Promise<ExternalState | undefined> {
    const { http, clock } = this.#input;
    if (!this.#options.mayContinue()) {
      throw new RemoteError('timed-out', 'There was no time left to ask the index.', { hint: 'Run again.' });
    }
    if ((this.#silent.get(index) ?? 0) >= maxSilent) {
      throw new RemoteError('unreachable', `${index}: the index did not answer for other projects.`, {
        hint: 'Run again later.',
      });
    }
    let page: Awaited<ReturnType<typeof readExternalPage>>;
    try {
      page = await readExternalPage(http, clock, `${index}${name}/`, remembered?.etag ?? null);
      this.#silent.delete(index);
    } catch (error) {
      if (error instanceof RemoteError && error.retryable) {
        this.#silent.set(index, (this.#silent.get(index) ?? 0) + 1);
      }
      throw error;
    }
    if (page.kind === 'unchanged') return undefined;
    const { page: parsed, findings } = parseProjectPage(page.source, pageLimits);
    if (parsed === undefined) {
      const [why] = findings.filter(({ code }) => code === 'page-unreadable');
      throw new RemoteError(
        'unexpected-response',
        sentence(`${index}${name}/: ${why?.message ?? 'it is not a page'}`),
        {
          hint: 'Check the URL of the index.',
        },
      );
    }
    const reading = externalState({ index, etag: page.etag }, name, parsed);
    this.#findings.push(...reading.findings, ...findings.filter(({ code }) => code === 'page-hash'));
    return reading.state;
  }

  /** What is known from now on. Throws if there would be nothing to show, or if files are to be kept and cannot be remembered. */
  async #remember(
    name: string,
    external: ExternalConfiguration,
    known: KnownDocument<ExternalState> | undefined,
    fresh: ExternalState,
  ): Promise<ExternalState> {
    const { memory, clock } = this.#input;
    let state = withDropped(fresh, known?.state, external);
    if (state.files.size === 0 && state.status?.status !== 'quarantined') {
      throw new RemoteError(
        'unexpected-response',
        `${fresh.index}${name}/: the page has no file for pip or uv.`,
        {
          hint: 'If that is right, remove the name from "external".',
        },
      );
    }
    if (this.#options.isDryRun) return state;
    try {
      if (memory === undefined || known === undefined) {
        throw new RemoteError('store-failed', 'The store that remembers other indexes cannot be used.');
      }
      const format = {
        decode: (bytes: Uint8Array) => decodeExternal(bytes, name),
        encode: encodeExternal,
      };
      const isWritten = await changeDocument(memory, clock, known, format, (current) => {
        state = withDropped(fresh, current, external);
        return state;
      });
      if (isWritten) this.#documentsWritten += 1;
    } catch (error) {
      this.#error ??= asSlipwayError(error);
      // A file on a page that is not remembered would be lost with the index.
      if (external.retain) throw error;
      this.#input.progress.info(`What is known of "${name}" could not be saved: ${this.#error.message}`);
    }
    return state;
  }
}
