import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { printable, systemErrorCode } from '@slipway/core';
import { linesOf } from '@slipway/runner';
import {
  type IndexConfiguration,
  parseConfiguration,
  readConfigurationText,
  type StoreAddress,
} from '@slipway/simple-index';
import { parseStoreUrl } from '@slipway/store';
import type { Inputs } from './inputs.ts';

const maxFileBytes = 16 * 2 ** 20;
const listedFile = /^file:/;

/** What a run is about. */
export interface Request {
  readonly configuration: IndexConfiguration;
  readonly source: StoreAddress;
  /** Keys that have changed; undefined for a run that looks at everything. */
  readonly changedKeys: readonly string[] | undefined;
}

/**
 * Reads the configuration file, or makes a configuration of the inputs. Paths in inputs begin at `workDirectory`, those in a file at
 * the file. Returns all problems at once, each a sentence.
 */
export function readRequest(
  given: Inputs,
  workDirectory: string,
): { readonly request: Request } | { readonly problems: readonly string[] } {
  const problems = [...inputProblems(given)];
  const configured =
    given.config === undefined
      ? configurationOfInputs(given, workDirectory)
      : configurationOfFile(given, given.config, workDirectory);
  if ('problems' in configured) problems.push(...configured.problems);
  else problems.push(...storeProblems(configured.configuration));
  const changed = changedKeysOf(given, workDirectory);
  if ('problem' in changed) problems.push(changed.problem);
  if (problems.length > 0 || 'problems' in configured || 'problem' in changed) return { problems };
  const { configuration } = configured;
  const { source } = configuration;
  if (source === undefined) {
    return { problems: ['source is not given: set it as an input, or in the configuration'] };
  }
  return { request: { configuration, source, changedKeys: changed.keys } };
}

/** Inputs that are options of prefixes. */
const prefixInputs = [
  ['prefixes', 'prefixes'],
  ['subdirectories', 'subdirectories'],
  ['extensions', 'extensions'],
  ['allow-list', 'allowList'],
  ['keep', 'keep'],
  ['exclude', 'exclude'],
  ['base-url', 'baseUrl'],
  ['cache-control', 'cacheControl'],
  ['hashes', 'hashes'],
  ['links', 'links'],
  ['layout', 'layout'],
  ['formats', 'formats'],
] as const satisfies readonly (readonly [string, keyof Inputs])[];

function inputProblems(given: Inputs): readonly string[] {
  if (given.config === undefined) return [];
  const both = prefixInputs.filter(([, name]) => {
    const value = given[name];
    return Array.isArray(value) ? value.length > 0 : value !== undefined;
  });
  if (both.length === 0) return [];
  const names = both.map(([name]) => name).join(', ');
  return [
    `config is given, and so ${both.length === 1 ? 'is' : 'are'} ${names}: set this in the configuration`,
  ];
}

type Configured = { readonly configuration: IndexConfiguration } | { readonly problems: readonly string[] };

function configurationOfInputs(given: Inputs, workDirectory: string): Configured {
  const { subdirectories, allowList } = given;
  const [listed] = allowList;
  const isFile = listed !== undefined && allowList.length === 1 && listedFile.test(listed);
  const defaults = {
    ...(subdirectories.length > 0 && {
      subdirectories: {
        match: subdirectories,
        // What can only mean one directory is declared: it has pages while it is empty.
        names: subdirectories.filter((text) => !/[*?[\]{}()!@+\\]/.test(text)),
      },
    }),
    ...listOption('extensions', given.extensions),
    ...listOption('exclude', given.exclude),
    ...(isFile
      ? { 'allow-list': { file: listed.replace(listedFile, '') } }
      : listOption('allow-list', allowList)),
    ...option('keep', given.keep),
    ...option('base-url', given.baseUrl),
    ...option('cache-control', given.cacheControl),
    ...option('hashes', given.hashes),
    ...option('links', given.links),
    ...option('layout', given.layout),
    ...listOption('formats', given.formats),
  };
  const prefixes = given.prefixes.length === 0 ? [''] : given.prefixes;
  const value = { format: 1, ...storesOf(given), defaults, prefixes: prefixes.map((prefix) => ({ prefix })) };
  const parsed = parseConfiguration(value, (path) => textOfFile(resolve(workDirectory, path)).text);
  return 'problems' in parsed ? { problems: [...new Set(parsed.problems.map(asInputs))] } : parsed;
}

/** A problem of a configuration, in the words of inputs. */
function asInputs(problem: string): string {
  return problem
    .replace(/^defaults\.(subdirectories)\.(?:match|names)/, '$1')
    .replace(/^defaults\./, '')
    .replace(/^(prefixes\[\d+\])\.prefix/, '$1');
}

function configurationOfFile(given: Inputs, config: string, workDirectory: string): Configured {
  const path = resolve(workDirectory, config);
  const file = textOfFile(path);
  if (file.text === undefined) return { problems: [`config: ${printable(config)} ${file.problem}`] };
  const read = readConfigurationText(file.text);
  const ofFile = (problem: string): string => `${printable(config)}: ${problem}`;
  if ('problems' in read) return { problems: read.problems.map(ofFile) };
  const stores = storesOf(given);
  const value =
    typeof read.value === 'object' && read.value !== null && !Array.isArray(read.value)
      ? { ...read.value, ...stores }
      : read.value;
  const parsed = parseConfiguration(value, (name) => textOfFile(resolve(dirname(path), name)).text);
  return 'problems' in parsed ? { problems: parsed.problems.map(ofFile) } : parsed;
}

function storesOf({ source, destinations }: Inputs): Readonly<Record<string, unknown>> {
  return {
    ...(source !== undefined && { source: { url: source } }),
    ...(destinations.length > 0 && { destinations: destinations.map((url) => ({ url })) }),
  };
}

function option(name: string, value: unknown): Readonly<Record<string, unknown>> {
  return value === undefined ? {} : { [name]: value };
}

function listOption(name: string, value: readonly string[]): Readonly<Record<string, unknown>> {
  return value.length === 0 ? {} : { [name]: value };
}

/** What the schema does not say of stores, because Workers have others. */
function storeProblems({ source, destinations, prefixes, external }: IndexConfiguration): readonly string[] {
  const problems: string[] = [];
  if (external.length > 0) problems.push('external is set, but this action does not read other indexes yet');
  const kindOf = ({ url }: StoreAddress, name: string): string | undefined => {
    try {
      const { kind } = parseStoreUrl(url);
      if (kind !== 'https') return kind;
      problems.push(`${name} is "${printable(url, 200)}", which cannot be listed or written to`);
    } catch (error) {
      problems.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
    return undefined;
  };
  const sourceKind = source === undefined ? undefined : kindOf(source, 'source');
  const kinds = destinations.map((store, index) => kindOf(store, `destinations[${index}]`));
  const isFile = (destinations.length === 0 ? [sourceKind] : kinds).includes('file');
  if (isFile && prefixes.some(({ layout, kind }) => kind === 'packages' && layout !== 'index-files')) {
    problems.push('layout must be index-files for a directory: a file cannot have a name that ends in "/"');
  }
  return problems;
}

function changedKeysOf(
  given: Inputs,
  workDirectory: string,
): { readonly keys: readonly string[] | undefined } | { readonly problem: string } {
  const { changedKeys, changedKeysFile } = given;
  if (changedKeysFile === undefined) return { keys: changedKeys.length === 0 ? undefined : changedKeys };
  const file = textOfFile(resolve(workDirectory, changedKeysFile));
  if (file.text === undefined) {
    return { problem: `changed-keys-file: ${printable(changedKeysFile)} ${file.problem}` };
  }
  return { keys: [...new Set([...changedKeys, ...linesOf(file.text)])] };
}

/** The text of a file in UTF-8, or why it cannot be read. */
function textOfFile(
  path: string,
): { readonly text: string } | { readonly text: undefined; readonly problem: string } {
  let bytes: Uint8Array;
  try {
    const stat = statSync(path);
    if (!stat.isFile()) return { text: undefined, problem: 'is not a file' };
    if (stat.size > maxFileBytes) return { text: undefined, problem: `has more than ${maxFileBytes} bytes` };
    bytes = readFileSync(path);
  } catch (error) {
    return {
      text: undefined,
      problem: `cannot be read (${systemErrorCode(error) ?? 'for an unknown reason'})`,
    };
  }
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch {
    return { text: undefined, problem: 'is not in UTF-8' };
  }
}
