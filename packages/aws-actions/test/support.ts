import { type Clock, systemClock } from '@slipway/core';
import { type ActionContext, defineAction, parseInputs } from '@slipway/runner';
import {
  type StsGate,
  startStsGate,
  startTokenIssuer,
  startTrustingMinio,
  type TokenIssuer,
  type TrustingMinio,
} from '@slipway/testkit';
import { type AwsInputs, awsInputs, awsProblems } from '../src/index.ts';

/** An issuer of tokens, a MinIO that trusts it, and a gate in front of its STS. */
export interface TrustingServers {
  readonly issuer: TokenIssuer;
  readonly minio: TrustingMinio;
  readonly gate: StsGate;
  stop(): Promise<void>;
}

export async function startTrustingServers(): Promise<TrustingServers> {
  const issuer = await startTokenIssuer();
  const minio = await startTrustingMinio(issuer);
  const gate = await startStsGate(minio.endpointUrl);
  return {
    issuer,
    minio,
    gate,
    async stop() {
      gate.close();
      issuer.close();
      await minio.stop();
    },
  };
}

/** Inputs as written in a workflow, parsed as by an action that uses AWS. */
export function parsedInputs(
  texts: Readonly<Record<string, string>>,
  environment: Readonly<Record<string, string>> = {},
  needed = true,
): Promise<AwsInputs> {
  const action = defineAction({
    name: 'example',
    description: 'Reads the inputs.',
    inputs: awsInputs,
    outputs: {},
    checkInputs: (given, surroundings) => awsProblems(given, surroundings, { needed }),
    run: async () => ({ outputs: {}, files: [], summary: [], problems: [] }),
  });
  const spelled = { textOf: (name: string) => texts[name], spell: (name: string) => name };
  return parseInputs(action, spelled, { workDirectory: '/', environment });
}

/** A context that records secrets and lines. */
export function recordedContext(
  environment: Readonly<Record<string, string>>,
  clock: Clock = systemClock,
): ActionContext & { readonly masked: readonly string[]; readonly lines: readonly string[] } {
  const masked: string[] = [];
  const lines: string[] = [];
  return {
    environment,
    clock,
    workDirectory: '/',
    mask: (secret) => void masked.push(secret),
    progress: { start() {}, advance() {}, info: (line) => void lines.push(line), debug() {} },
    masked,
    lines,
  };
}
