import { ambientKeyProblems } from '@slipway/aws';
import { type Environment, printable, variableOf } from '@slipway/core';
import { type AwsInputs, checkRegion } from './inputs.ts';

const regionVariables = ['AWS_REGION', 'AWS_DEFAULT_REGION'] as const;

export interface AwsNeeds {
  /** Whether this run uses AWS at all: a run on `file://` does not. */
  readonly needed?: boolean;
  /** The default region, for services that have only one. */
  readonly defaultRegion?: string | undefined;
}

/** Problems with the combination of inputs, as sentences for `checkInputs`. */
export function awsProblems(
  inputs: AwsInputs,
  { environment }: { readonly environment: Environment },
  { needed = true, defaultRegion }: AwsNeeds = {},
): readonly string[] {
  const problems = [...keyProblems(inputs), ...roleProblems(inputs)];
  if (!needed) return problems;
  if (inputs.roleToAssume === undefined && !hasKeys(inputs)) {
    problems.push(...ambientKeyProblems(environment));
  }
  problems.push(...regionProblems(inputs, environment));
  if (regionOf(inputs, environment, defaultRegion) === undefined) {
    problems.push('aws-region is not given, and neither AWS_REGION nor AWS_DEFAULT_REGION is set');
  }
  return problems;
}

/** The region of a run: given, from the environment, or `us-east-1` with another service than AWS. */
export function regionOf(
  inputs: AwsInputs,
  environment: Environment,
  defaultRegion?: string,
): string | undefined {
  return (
    inputs.awsRegion ??
    variableOf(environment, 'AWS_REGION') ??
    variableOf(environment, 'AWS_DEFAULT_REGION') ??
    (inputs.endpointUrl === undefined ? defaultRegion : 'us-east-1')
  );
}

/** What is wrong with the variable that sets the region, if no input does. */
function regionProblems({ awsRegion }: AwsInputs, environment: Environment): readonly string[] {
  const name = regionVariables.find((variable) => variableOf(environment, variable) !== undefined);
  const value = name === undefined ? undefined : variableOf(environment, name);
  if (awsRegion !== undefined || value === undefined) return [];
  try {
    checkRegion(value);
    return [];
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return [`the variable ${name} cannot be "${printable(value, 80)}": ${reason}`];
  }
}

function hasKeys(inputs: AwsInputs): boolean {
  return inputs.accessKeyId !== undefined || inputs.secretAccessKey !== undefined;
}

function keyProblems({ accessKeyId, secretAccessKey, sessionToken }: AwsInputs): readonly string[] {
  if (accessKeyId !== undefined && secretAccessKey === undefined) {
    return ['access-key-id is given without secret-access-key: give both or neither'];
  }
  if (secretAccessKey !== undefined && accessKeyId === undefined) {
    return ['secret-access-key is given without access-key-id: give both or neither'];
  }
  if (sessionToken !== undefined && accessKeyId === undefined) {
    return ['session-token is given without access-key-id and secret-access-key'];
  }
  // The IDs of session keys look like this; without the token, AWS would only report an unknown key.
  if (sessionToken === undefined && /^ASIA[A-Z0-9]{16}$/.test(accessKeyId ?? '')) {
    return ['access-key-id belongs to temporary keys, but session-token is not given'];
  }
  return [];
}

function roleProblems(inputs: AwsInputs): readonly string[] {
  if (inputs.roleToAssume !== undefined) {
    return hasKeys(inputs) ? ['role-to-assume and a key pair are given: give one of them'] : [];
  }
  const problems: string[] = [];
  if (inputs.sessionPolicy === 'scoped') {
    problems.push('session-policy is scoped, but there is no role-to-assume to limit');
  }
  if (inputs.audience !== undefined) problems.push('audience is given, but no role-to-assume');
  if (inputs.roleSessionName !== undefined)
    problems.push('role-session-name is given, but no role-to-assume');
  return problems;
}
