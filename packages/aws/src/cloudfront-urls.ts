import { createPrivateKey } from 'node:crypto';
import { onlyPemBlock, readKeyText, UserError } from '@slipway/core';

const minModulusBits = 2_048;

/** A private key that signs URLs of a distribution, and CloudFront's ID for its public key. */
export interface UrlSigningKey {
  readonly keyPairId: string;
  /** RSA, in PEM. Secret. */
  readonly privateKey: string;
}

/** Signs a URL so that CloudFront accepts it until a time, in milliseconds since 1970, rounded to seconds. */
export type UrlSigner = (url: string, expiresAtMs: number) => string;

/** Why a text cannot sign URLs, without quoting it; undefined if it can. */
export function urlSigningKeyProblem(privateKey: string): string | undefined {
  try {
    const { asymmetricKeyType, asymmetricKeyDetails } = createPrivateKey(pemOf(privateKey));
    if (asymmetricKeyType !== 'rsa') return 'CloudFront requires an RSA key here';
    const bits = asymmetricKeyDetails?.modulusLength ?? 0;
    return bits < minModulusBits ? `it has ${bits} bits, but needs ${minModulusBits}` : undefined;
  } catch {
    return 'it is not a private key in PEM without a passphrase';
  }
}

/** The key as OpenSSL reads it, from any form of PEM. */
function pemOf(privateKey: string): string {
  const text = readKeyText(privateKey);
  return (text.kind === 'armored' ? onlyPemBlock(text.text)?.pem : undefined) ?? privateKey;
}

/**
 * Loads a key that signs URLs with canned policies ("Create a URL for a signed URL", Amazon CloudFront Developer Guide). Throws
 * `UserError` `key-unusable` for an unsuitable key.
 */
export async function openUrlSigner({ keyPairId, privateKey }: UrlSigningKey): Promise<UrlSigner> {
  const problem = urlSigningKeyProblem(privateKey);
  if (problem !== undefined) {
    throw new UserError('key-unusable', `The key for CloudFront URLs cannot be used: ${problem}.`, {
      hint: 'Create one with "openssl genrsa -out key.pem 2048", and upload its public key to CloudFront.',
    });
  }
  const { getSignedUrl } = await import('@aws-sdk/cloudfront-signer');
  return (url, expiresAtMs) =>
    getSignedUrl({
      url,
      keyPairId,
      privateKey: pemOf(privateKey),
      dateLessThan: new Date(expiresAtMs).toISOString(),
    });
}
