import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { serveLoopback } from './loopback-server.ts';

/** How a token differs from the one that GitHub would issue. */
export interface TokenChanges {
  /** The form of `sub`, or a `sub` of its own. */
  readonly subject?: 'names' | 'numbers' | { readonly text: string };
  /** Another audience than requested. */
  readonly audience?: string;
  readonly issuer?: string;
  /** How long it is valid from now: 300 s by default, like GitHub's; below zero it has already expired. */
  readonly lifetimeMs?: number;
  /** How long until it becomes valid; below zero if it already is. */
  readonly beginsInMs?: number;
  /** One character of the signature is changed. */
  readonly tampered?: boolean;
  /** Signed by a key that the issuer does not publish, under the name of one that it does. */
  readonly untrustedKey?: boolean;
  readonly withoutKeyId?: boolean;
  /** The endpoint issues its last token once more. */
  readonly replayed?: boolean;
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** An answer of the endpoint instead of a token. */
export interface EndpointAnswer {
  readonly status: number;
  readonly body?: string;
}

export interface TokenIssuer {
  /** The `iss` of its tokens; beneath it are the discovery document and the keys. */
  readonly url: string;
  /** The environment of a job with `id-token: write`. */
  readonly environment: Readonly<Record<string, string>>;
  /** Every token that the endpoint issued, in order. */
  readonly issued: readonly string[];
  /** Changes all tokens from now on. */
  change(changes: TokenChanges): void;
  /** Sends these answers before any more tokens. */
  answerFirst(answers: readonly EndpointAnswer[]): void;
  /** A token like the endpoint's, made here. */
  mint(audience: string, changes?: TokenChanges): Promise<string>;
  close(): void;
}

const keyId = 'slipway-test-key';
const requestPath = '/request-token';
const owner = { name: 'example-org', id: '1234567' };
const repository = { name: 'binaries', id: '987654321' };

/** `sub` of the tokens, in both of GitHub's forms. */
export const issuedSubjects = {
  names: `repo:${owner.name}/${repository.name}:ref:refs/heads/main`,
  numbers: `repo:${owner.name}@${owner.id}/${repository.name}@${repository.id}:ref:refs/heads/main`,
} as const;

/**
 * Starts what GitHub provides for jobs: an endpoint that issues OIDC tokens, signed with RS256, for the requested audience to
 * callers with the request token, and the discovery document and keys to verify them. Over plain HTTP on 127.0.0.1.
 */
export async function startTokenIssuer(): Promise<TokenIssuer> {
  const [own, untrusted] = await Promise.all([generateKeyPair('RS256'), generateKeyPair('RS256')]);
  const publicKey = { ...(await exportJWK(own.publicKey)), kid: keyId, use: 'sig', alg: 'RS256' };
  const requestToken = `request-${randomUUID()}`;
  const issued: string[] = [];
  const answers: EndpointAnswer[] = [];
  let current: TokenChanges = {};

  const mint = async (audience: string, changes: TokenChanges = current): Promise<string> => {
    const nowS = Math.floor(Date.now() / 1000);
    const beginsS = nowS + Math.round((changes.beginsInMs ?? -600_000) / 1000);
    const token = await new SignJWT({
      ...jobClaims(changes.subject ?? 'names'),
      ...changes.claims,
      jti: randomUUID(),
      iss: changes.issuer ?? server.url,
      aud: changes.audience ?? audience,
      iat: nowS,
      nbf: beginsS,
      exp: nowS + Math.round((changes.lifetimeMs ?? 300_000) / 1000),
    })
      .setProtectedHeader({
        alg: 'RS256',
        typ: 'JWT',
        ...(changes.withoutKeyId === true ? {} : { kid: keyId }),
      })
      .sign(changes.untrustedKey === true ? untrusted.privateKey : own.privateKey);
    return changes.tampered === true ? tamper(token) : token;
  };

  const giveToken = async (url: URL, authorization: string | undefined, response: ServerResponse) => {
    const answer = answers.shift();
    if (answer !== undefined) {
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body ?? '{}');
    } else if (authorization !== `Bearer ${requestToken}`) {
      response.writeHead(401).end('{}');
    } else {
      const last = current.replayed === true ? issued.at(-1) : undefined;
      const token =
        last ?? (await mint(url.searchParams.get('audience') ?? `https://github.com/${owner.name}`));
      issued.push(token);
      giveJson(response, { count: token.length, value: token });
    }
  };

  const server = await serveLoopback(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    switch (url.pathname) {
      case requestPath:
        return giveToken(url, request.headers.authorization, response);
      case '/.well-known/openid-configuration':
        return giveJson(response, discovery(server.url));
      case '/.well-known/jwks':
        return giveJson(response, { keys: [publicKey] });
      default:
        response.writeHead(404).end();
    }
  });

  return {
    url: server.url,
    environment: {
      ACTIONS_ID_TOKEN_REQUEST_URL: `${server.url}${requestPath}?api-version=2.0`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: requestToken,
      GITHUB_REPOSITORY: `${owner.name}/${repository.name}`,
      GITHUB_RUN_ID: '4711',
    },
    issued,
    change(changes) {
      current = changes;
    },
    answerFirst: (first) => void answers.push(...first),
    mint,
    close: () => server.close(),
  };
}

function discovery(issuer: string) {
  return {
    issuer,
    jwks_uri: `${issuer}/.well-known/jwks`,
    subject_types_supported: ['public', 'pairwise'],
    response_types_supported: ['id_token'],
    id_token_signing_alg_values_supported: ['RS256'],
    scopes_supported: ['openid'],
  };
}

/** GitHub's claims for a push to main, without the times. */
function jobClaims(subject: NonNullable<TokenChanges['subject']>): Readonly<Record<string, unknown>> {
  const workflow = `${owner.name}/${repository.name}/.github/workflows/publish.yml@refs/heads/main`;
  return {
    sub: typeof subject === 'string' ? issuedSubjects[subject] : subject.text,
    repository: `${owner.name}/${repository.name}`,
    repository_id: repository.id,
    repository_owner: owner.name,
    repository_owner_id: owner.id,
    repository_visibility: 'private',
    ref: 'refs/heads/main',
    ref_type: 'branch',
    ref_protected: 'true',
    event_name: 'push',
    actor: 'octocat',
    actor_id: '583231',
    workflow: 'Publish binaries',
    workflow_ref: workflow,
    job_workflow_ref: workflow,
    run_id: '4711',
    run_number: '12',
    run_attempt: '1',
    runner_environment: 'github-hosted',
  };
}

function tamper(token: string): string {
  const [head, payload, signature = ''] = token.split('.');
  const index = Math.floor(signature.length / 2);
  const other = signature[index] === 'A' ? 'B' : 'A';
  return `${head}.${payload}.${signature.slice(0, index)}${other}${signature.slice(index + 1)}`;
}

function giveJson(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}
