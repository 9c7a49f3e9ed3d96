/** A curve on which keys of gpg 2 sign with ECDSA. */
export interface Curve {
  /** As people write it. */
  readonly name: string;
  /** The content of its object identifier, in hex digits. */
  readonly oid: string;
  /** Of a coordinate, and of each of the two integers of a signature. */
  readonly sizeBytes: number;
  /** Its name in a JWK, which has none for Brainpool curves. */
  readonly jwkName: string | undefined;
  /** For the others OpenPGP.js needs a module in Node that it does not ship. */
  readonly inOpenPgpJs: boolean;
}

/** By the name that OpenPGP.js has for it. */
const curves: ReadonlyMap<string, Curve> = new Map([
  ['nistP256', curve('P-256', '2a8648ce3d030107', 32, 'P-256')],
  ['nistP384', curve('P-384', '2b81040022', 48, 'P-384')],
  ['nistP521', curve('P-521', '2b81040023', 66, 'P-521')],
  ['secp256k1', { ...curve('secp256k1', '2b8104000a', 32, 'secp256k1'), inOpenPgpJs: false }],
  ['brainpoolP256r1', curve('brainpoolP256r1', '2b2403030208010107', 32)],
  ['brainpoolP384r1', curve('brainpoolP384r1', '2b240303020801010b', 48)],
  ['brainpoolP512r1', curve('brainpoolP512r1', '2b240303020801010d', 64)],
]);

function curve(name: string, oid: string, sizeBytes: number, jwkName?: string): Curve {
  return { name, oid, sizeBytes, jwkName, inOpenPgpJs: jwkName !== undefined };
}

/** The curve of an ECDSA key by the name that OpenPGP.js has for it; undefined for a curve that gpg 2 does not have. */
export function ecdsaCurve(name: string | undefined): Curve | undefined {
  return curves.get(name ?? '');
}

/** Whether there is a curve of this object identifier, whose content is given as hex digits. */
export function isEcdsaCurve(oidHex: string): boolean {
  return [...curves.values()].some(({ oid }) => oid === oidHex);
}
