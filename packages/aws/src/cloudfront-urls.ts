import { createPrivateKey } from 'node:crypto';
import { onlyPemBlock, readKeyText, UserError } from '@slipway/core';

const minModulusBits = 2_048;

/** What signs URLs of a distribution: a private key, and the ID that CloudFront has for its public key. */
export interface UrlSigningKey {
  readonly keyPairId: string;
  /** RSA, in PEM. Secret. */
  readonly privateKey: string;
}

/** Gives a URL with a signature that CloudFront accepts until a time, in milliseconds since 1970, to a second. */
export type UrlSigner = (url: string, expiresAtMs: number) => string;

/** Why a text cannot sign URLs, without a word of it; undefined when it can. */
export function urlSigningKeyProblem(privateKey: string): string | undefined {
  try {
    const { asymmetricKeyType, asymmetricKeyDetails } = createPrivateKey(pemOf(privateKey));
    if (asymmetricKeyType !== 'rsa') return 'CloudFront takes RSA keys here, and this is another';
    const bits = asymmetricKeyDetails?.modulusLength ?? 0;
    return bits < minModulusBits ? `it has ${bits} bits, and ${minModulusBits} are needed` : undefined;
  } catch {
    return 'it is not a private key in PEM without a passphrase';
  }
}

/** The key as OpenSSL reads it, in whatever form of PEM it was given. */
function pemOf(privateKey: string): string {
  const text = readKeyText(privateKey);
  return (text.kind === 'armored' ? onlyPemBlock(text.text)?.pem : undefined) ?? privateKey;
}

/**
 * Loads what signs URLs with canned policies ("Create a URL for a signed URL", Amazon CloudFront Developer Guide). Throws
 * `UserError` `key-unusable` for a key that cannot.
 */
export async function openUrlSigner({ keyPairId, privateKey }: UrlSigningKey): Promise<UrlSigner> {
  const problem = urlSigningKeyProblem(privateKey);
  if (problem !== undefined) {
    throw new UserError('key-unusable', `The key for CloudFront URLs cannot be used: ${problem}.`, {
      hint: 'Make one with "openssl genrsa -out key.pem 2048", and give CloudFront its public key.',
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
