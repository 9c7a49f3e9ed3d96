import { type CryptoKey, type JWTPayload, jwtVerify } from 'jose';

/** The permissions of a token in a repository. */
export type GitHubPermissions = Readonly<Record<string, 'read' | 'write'>>;

/** A token that the double accepts. */
export interface GitHubCaller {
  readonly kind: 'classic' | 'fine-grained' | 'installation';
  readonly login: string;
  /** `owner/repository` in lower case; undefined for all. */
  readonly repositories: readonly string[] | undefined;
  readonly permissions: GitHubPermissions;
  /** When it expires, by the double's clock. */
  readonly expiresAtMs: number;
}

/** A GitHub App that the double knows. */
export interface GitHubApp {
  readonly appId: string;
  readonly clientId: string;
  readonly publicKey: CryptoKey;
  readonly installations: readonly GitHubInstallation[];
}

export interface GitHubInstallation {
  readonly id: number;
  readonly repositories: readonly string[];
  readonly permissions: GitHubPermissions;
  readonly suspended?: boolean;
}

const maxJwtMs = 10 * 60_000;

/** The app that signed a JWT, or GitHub's error message. */
export async function appOfJwt(
  jwt: string,
  apps: readonly GitHubApp[],
  nowMs: number,
): Promise<GitHubApp | string> {
  for (const app of apps) {
    const claims = await verified(jwt, app.publicKey);
    if (claims === undefined) continue;
    const fault = claimFault(claims, app, nowMs);
    return fault ?? app;
  }
  return 'A JSON web token could not be decoded';
}

async function verified(jwt: string, key: CryptoKey): Promise<JWTPayload | undefined> {
  try {
    // Its times are judged separately, by GitHub's own rules.
    return (
      await jwtVerify(jwt, key, { algorithms: ['RS256'], currentDate: new Date(0), clockTolerance: 1e12 })
    ).payload;
  } catch {
    return undefined;
  }
}

function claimFault(
  { iss, iat = 0, exp = 0 }: JWTPayload,
  app: GitHubApp,
  nowMs: number,
): string | undefined {
  if (iss !== app.appId && iss !== app.clientId) return 'Integration not found';
  if (iat * 1_000 > nowMs + 60_000) {
    return "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued";
  }
  if (exp * 1_000 > nowMs + maxJwtMs) return "'Expiration time' claim ('exp') is too far in the future";
  if (exp * 1_000 <= nowMs) {
    return "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires";
  }
  return undefined;
}
