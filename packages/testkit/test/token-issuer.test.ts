import { createRemoteJWKSet, jwtVerify } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  issuedSubjects,
  startTokenIssuer,
  type TokenChanges,
  type TokenIssuer,
} from '../src/token-issuer.ts';

describe('the token issuer', () => {
  let issuer: TokenIssuer;
  beforeAll(async () => {
    issuer = await startTokenIssuer();
  });
  afterAll(() => issuer.close());
  beforeEach(() => issuer.change({}));

  const ask = (bearer = issuer.environment['ACTIONS_ID_TOKEN_REQUEST_TOKEN'], query = '&audience=somebody') =>
    fetch(`${issuer.environment['ACTIONS_ID_TOKEN_REQUEST_URL']}${query}`, {
      headers: { authorization: `Bearer ${bearer}` },
    });

  /** Verifies with only the issuer's URL. */
  const verify = async (token: string) => {
    const discovered = await (await fetch(`${issuer.url}/.well-known/openid-configuration`)).json();
    const { jwks_uri: keys } = discovered as { jwks_uri: string };
    const { payload } = await jwtVerify(token, createRemoteJWKSet(new URL(keys)), {
      issuer: issuer.url,
      audience: 'somebody',
      algorithms: ['RS256'],
    });
    return payload;
  };

  test('gives tokens that verify by its discovery document, with the claims of a job, each of them new', async () => {
    const tokens = await Promise.all(
      [1, 2].map(async () => ((await (await ask()).json()) as { value: string }).value),
    );
    const [one, two] = await Promise.all(tokens.map(verify));
    expect(one).toMatchObject({
      sub: issuedSubjects.names,
      repository: 'example-org/binaries',
      ref: 'refs/heads/main',
    });
    expect(one?.jti).not.toBe(two?.jti);
    expect(issuer.issued).toEqual(expect.arrayContaining(tokens));
  });

  test('names the owner if no audience is requested, and issues nothing without the request token', async () => {
    const { value } = (await (await ask(undefined, '')).json()) as { value: string };
    expect(JSON.parse(Buffer.from(value.split('.')[1] ?? '', 'base64url').toString())).toMatchObject({
      aud: 'https://github.com/example-org',
    });
    expect((await ask('guessed')).status).toBe(401);
  });

  test.each<[string, TokenChanges]>([
    ['ERR_JWS_SIGNATURE_VERIFICATION_FAILED', { tampered: true }],
    ['ERR_JWS_SIGNATURE_VERIFICATION_FAILED', { untrustedKey: true }],
    ['ERR_JWT_EXPIRED', { lifetimeMs: -60_000 }],
    ['ERR_JWT_CLAIM_VALIDATION_FAILED', { beginsInMs: 60_000 }],
    ['ERR_JWT_CLAIM_VALIDATION_FAILED', { audience: 'another' }],
    ['ERR_JWT_CLAIM_VALIDATION_FAILED', { issuer: 'https://example.org' }],
  ])('makes bad tokens that fail with %s for %j', async (code, changes) => {
    await expect(verify(await issuer.mint('somebody', changes))).rejects.toMatchObject({ code });
  });
});
