import { type AwsCredentials, type Environment, UserError, variableOf } from '@slipway/core';
import { type IndexConfiguration, parseConfiguration, readConfigurationText } from '@slipway/simple-index';
import type { BudgetLimits } from './budget.ts';
import type { R2Bucket } from './r2.ts';

/** What the Worker is given: variables, secrets and R2 bindings. */
export type WorkerEnvironment = Readonly<Record<string, unknown>>;

/** What a run needs to know. */
export interface RunSettings {
  readonly configuration: IndexConfiguration;
  /** Undefined for a bucket that everybody may read. */
  readonly credentials: AwsCredentials | undefined;
  readonly region: string;
  readonly limits: BudgetLimits;
}

const minTokenCharacters = 20;

/** Reads the configuration and the variables. Throws `UserError` `input-invalid` with every problem. */
export function readSettings(environment: WorkerEnvironment, bundledConfiguration: string): RunSettings {
  const variables = variablesOf(environment);
  const problems: string[] = [];
  const configuration = readConfiguration(
    variableOf(variables, 'CONFIGURATION') ?? bundledConfiguration,
    problems,
  );
  const number = (name: string, usual: number): number => {
    const text = variableOf(variables, name);
    if (text === undefined) return usual;
    if (!/^[1-9]\d{0,6}$/.test(text)) problems.push(`${name} must be a whole number from 1 to 9,999,999`);
    return Number(text);
  };
  const limits: BudgetLimits = {
    warnAfterMs: number('WARN_AFTER_SECONDS', 20) * 1_000,
    stopAfterMs: number('STOP_AFTER_SECONDS', 40) * 1_000,
    subrequests: number('MAX_SUBREQUESTS', 8_000),
    work: number('MAX_WORK', 20_000),
  };
  const credentials = readCredentials(variables, problems);
  const region = configuration?.source?.region ?? variableOf(variables, 'AWS_REGION') ?? 'us-east-1';
  if (!/^[a-z0-9-]{1,64}$/.test(region)) problems.push('the region must be a name such as us-east-1');
  if (configuration !== undefined) problems.push(...storeProblems(configuration, environment));
  if (problems.length > 0 || configuration === undefined) {
    throw new UserError('input-invalid', `The Worker is not set up right: ${problems.join('; ')}.`);
  }
  return { configuration, credentials, region, limits };
}

function readConfiguration(text: string, problems: string[]): IndexConfiguration | undefined {
  const read = readConfigurationText(text);
  const parsed = 'problems' in read ? read : parseConfiguration(read.value);
  if ('configuration' in parsed) return parsed.configuration;
  problems.push(...parsed.problems.map((problem) => `configuration: ${problem}`));
  return undefined;
}

function readCredentials(variables: Environment, problems: string[]): AwsCredentials | undefined {
  const accessKeyId = variableOf(variables, 'AWS_ACCESS_KEY_ID');
  const secretAccessKey = variableOf(variables, 'AWS_SECRET_ACCESS_KEY');
  const sessionToken = variableOf(variables, 'AWS_SESSION_TOKEN');
  if (accessKeyId !== undefined && secretAccessKey !== undefined)
    return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
  if (accessKeyId !== undefined || secretAccessKey !== undefined || sessionToken !== undefined) {
    const missing = [
      ...(accessKeyId === undefined ? ['AWS_ACCESS_KEY_ID'] : []),
      ...(secretAccessKey === undefined ? ['AWS_SECRET_ACCESS_KEY'] : []),
    ];
    problems.push(
      `${missing.join(' and ')} ${missing.length > 1 ? 'are' : 'is'} missing: either provide both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or neither (for a public bucket)`,
    );
  }
  return undefined;
}

function storeProblems(
  { source, destinations, external }: IndexConfiguration,
  environment: WorkerEnvironment,
): readonly string[] {
  const problems: string[] = [];
  if (source === undefined) problems.push('configuration: source is missing');
  else if (!source.url.startsWith('s3://') && r2Binding(source.url, environment) === undefined)
    problems.push(
      'configuration: source.url must be s3://bucket or the R2 binding of this Worker, r2:BINDING',
    );
  if (destinations.length === 0 && source?.url.startsWith('s3://') === true)
    problems.push('configuration: destinations is missing: the Worker only reads S3');
  for (const [index, { url }] of destinations.entries()) {
    if (r2Binding(url, environment) === undefined)
      problems.push(
        `configuration: destinations[${index}].url must be an R2 binding of this Worker, r2:BINDING`,
      );
  }
  if (external.length > 0)
    problems.push('configuration: external is not for Workers: build these projects by the action');
  return problems;
}

/** The bucket that `r2:BINDING` names; undefined for another URL, and if there is no such binding. */
export function r2Binding(url: string, environment: WorkerEnvironment): R2Bucket | undefined {
  const [, name] = /^r2:(\w{1,64})$/.exec(url) ?? [];
  if (name === undefined || !Object.hasOwn(environment, name)) return undefined;
  const bucket = environment[name];
  const isBucket = bucket instanceof Object && 'put' in bucket && 'head' in bucket && 'list' in bucket;
  return isBucket ? (bucket as unknown as R2Bucket) : undefined;
}

/**
 * The secret that starts runs; undefined if there is none, so that nobody can. Throws `UserError` `input-invalid` for one that
 * could be guessed.
 */
export function triggerToken(environment: WorkerEnvironment): string | undefined {
  const token = variableOf(variablesOf(environment), 'TRIGGER_TOKEN');
  if (token !== undefined && token.length < minTokenCharacters)
    throw new UserError(
      'input-invalid',
      `TRIGGER_TOKEN must have at least ${minTokenCharacters} characters.`,
    );
  return token;
}

export function variablesOf(environment: WorkerEnvironment): Environment {
  return Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) =>
      typeof value === 'string' ? [[name, value]] : [],
    ),
  );
}
