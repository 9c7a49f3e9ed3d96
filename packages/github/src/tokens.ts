import { createPrivateKey, type KeyObject } from 'node:crypto';
import { formFault, onlyPemBlock, printable, readKeyText, UserError } from '@slipway/core';
import { GitHubFailure } from './refusal.ts';
import {
  type Answer,
  type Authentication,
  type OneRequest,
  Refused,
  type Requests,
  silent,
} from './requests.ts';

/** An app token is replaced when its remaining time falls below this. */
const minLifeMs = 5 * 60_000;

/** Returns the token for a repository. Throws what `Requests` throws, and `GitHubFailure` with the codes of apps. */
export type TokenSource = (repository: string) => Promise<string>;

export interface AppCredentials {
  /** App ID or client ID. */
  readonly appId: string;
  /** PEM, as GitHub issues it. */
  readonly privateKey: string;
}

/** One token for every repository. Throws `UserError` `input-invalid`, without quoting it, for a token that no header can carry. */
export function staticToken(token: string): TokenSource {
  const fault = formFault(token, 'token');
  if (fault !== undefined) throw new UserError('input-invalid', `the token cannot be used: ${fault}`);
  return async () => token;
}

/**
 * The key of an app in PKCS #8, from PEM in any form that `readKeyText` reads, or the base64 of DER. Throws `UserError`
 * `key-unusable`, without quoting it.
 */
export function parseAppKey(text: string): string {
  const given = readKeyText(text);
  const block = given.kind === 'armored' ? onlyPemBlock(given.text) : undefined;
  const key =
    given.kind === 'binary'
      ? (privateKeyOf({ key: Buffer.from(given.bytes), format: 'der', type: 'pkcs1' }) ??
        privateKeyOf({ key: Buffer.from(given.bytes), format: 'der', type: 'pkcs8' }))
      : block && privateKeyOf({ key: block.pem, format: 'pem' });
  if (key?.asymmetricKeyType === 'rsa') return String(key.export({ type: 'pkcs8', format: 'pem' }));
  throw new UserError('key-unusable', appKeyFault(given.kind, block, key !== undefined), {
    hint: 'Store the whole .pem file that GitHub created for the app, with its first and last line, or its base64.',
  });
}

function privateKeyOf(key: Parameters<typeof createPrivateKey>[0]): KeyObject | undefined {
  try {
    return createPrivateKey(key);
  } catch {
    // OpenSSL's message does not help.
    return undefined;
  }
}

function appKeyFault(
  kind: ReturnType<typeof readKeyText>['kind'],
  block: ReturnType<typeof onlyPemBlock>,
  isOtherKey: boolean,
): string {
  if (isOtherKey) return 'it is a private key, but not an RSA key';
  if (block === undefined) {
    return kind === 'armored'
      ? 'it is incomplete, or more than one key'
      : 'it is not a private RSA key in PEM';
  }
  const { label, pem } = block;
  if (label.startsWith('PGP ')) return 'it is an OpenPGP key, not a private RSA key in PEM';
  if (label.endsWith('PUBLIC KEY') || label === 'CERTIFICATE') return 'it is a public key, not a private key';
  if (label === 'ENCRYPTED PRIVATE KEY' || /^Proc-Type: 4,ENCRYPTED$/m.test(pem)) {
    return 'it is protected by a passphrase, unlike the keys that GitHub creates';
  }
  return label.endsWith('PRIVATE KEY')
    ? 'the content between its first and last line is damaged'
    : 'it is not a private RSA key in PEM';
}

/**
 * Tokens of a GitHub App: for each repository one from its installation, limited to that repository, with permission to write
 * contents and, if the installation has it, to read runs. Cached until shortly before they expire; `mask` is called with each.
 */
export function appTokens(
  { appId, privateKey }: AppCredentials,
  requests: Requests,
  { nowMs, mask }: { readonly nowMs: () => number; readonly mask: (secret: string) => void },
): TokenSource {
  const kept = new Map<string, { readonly token: string; readonly expiresAtMs: number }>();
  let authentication: Promise<Authentication> | undefined;
  const send = async (request: Pick<OneRequest, 'route' | 'parameters'>): Promise<Answer> => {
    authentication ??= appAuthentication(appId, privateKey, mask);
    // An extra token is harmless: it expires by itself.
    return requests.send({ ...request, repeatable: true }, await authentication);
  };
  return async (repository) => {
    const known = kept.get(repository);
    if (known !== undefined && known.expiresAtMs > nowMs() + minLifeMs) return known.token;
    const made = await makeToken(repository, send);
    mask(made.token);
    kept.set(repository, made);
    return made.token;
  };
}

type Send = (request: Pick<OneRequest, 'route' | 'parameters'>) => Promise<Answer>;

async function appAuthentication(
  appId: string,
  key: string,
  mask: (secret: string) => void,
): Promise<Authentication> {
  const { createAppAuth } = await import('@octokit/auth-app');
  const privateKey = parseAppKey(key);
  // GitHub issues keys in PKCS #1, whose lines differ.
  mask(privateKey);
  return { authStrategy: createAppAuth, auth: { appId, privateKey, log: silent } };
}

async function makeToken(
  repository: string,
  send: Send,
): Promise<{ readonly token: string; readonly expiresAtMs: number }> {
  const [owner = '', repo = ''] = repository.split('/');
  const installationId = await installationOf(repository, send);
  const make = (permissions: Readonly<Record<string, string>>): Promise<Answer> =>
    send({
      route: 'POST /app/installations/{installation_id}/access_tokens',
      parameters: { installation_id: installationId, repositories: [repo], permissions },
    });
  try {
    return parseToken(await makeWithRuns(make));
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    throw new GitHubFailure(
      'app-permission-missing',
      `no token can be created for the app (GitHub answers ${error.answer.status}: ${printable(error.message, 300)})`,
      `The installation on ${owner} must have "Contents: Read and write", and must not be suspended.`,
      error,
    );
  }
}

/** With permission to read runs, which not every installation has. */
async function makeWithRuns(
  make: (permissions: Readonly<Record<string, string>>) => Promise<Answer>,
): Promise<Answer> {
  try {
    return await make({ contents: 'write', actions: 'read' });
  } catch (error) {
    if (!(error instanceof Refused) || error.answer.status !== 422) throw error;
    return make({ contents: 'write' });
  }
}

async function installationOf(repository: string, send: Send): Promise<number> {
  const [owner, repo] = repository.split('/');
  let answer: Answer;
  try {
    answer = await send({ route: 'GET /repos/{owner}/{repo}/installation', parameters: { owner, repo } });
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    throw error.answer.status === 404
      ? new GitHubFailure(
          'app-not-installed',
          `the app is not installed on ${repository}, or there is no such repository`,
          'Install the app there, and let it reach this repository.',
        )
      : new GitHubFailure(
          'app-not-found',
          `GitHub does not know the app (it answers ${error.answer.status}: ${printable(error.message, 300)})`,
          'Check that app-id and app-private-key belong to the same app, and that the key still exists.',
        );
  }
  const id = fieldOf(answer.data, 'id');
  if (typeof id === 'number' && Number.isSafeInteger(id)) return id;
  throw new GitHubFailure('unexpected-answer', 'GitHub returned no installation');
}

function parseToken({ data }: Answer): { readonly token: string; readonly expiresAtMs: number } {
  const token = fieldOf(data, 'token');
  const expiresAtMs = Date.parse(String(fieldOf(data, 'expires_at')));
  if (typeof token !== 'string' || token === '' || Number.isNaN(expiresAtMs)) {
    throw new GitHubFailure('unexpected-answer', 'GitHub returned no token');
  }
  if (formFault(token, 'token') !== undefined) {
    throw new GitHubFailure('unexpected-answer', 'GitHub returned a token that no header can carry');
  }
  return { token, expiresAtMs };
}

function fieldOf(data: unknown, name: string): unknown {
  return typeof data === 'object' && data !== null && Object.hasOwn(data, name)
    ? (data as Readonly<Record<string, unknown>>)[name]
    : undefined;
}
