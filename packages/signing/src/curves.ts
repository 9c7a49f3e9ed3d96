/** A curve that gpg 2 uses for ECDSA. */
export interface Curve {
  readonly name: string;
  /** The content of its object identifier, in hex. */
  readonly oid: string;
  /** The size of a coordinate, and of each of a signature's two integers. */
  readonly sizeBytes: number;
  /** Its JWK name; Brainpool curves have none. */
  readonly jwkName: string | undefined;
  /** For the others, OpenPGP.js on Node needs a module that it does not ship. */
  readonly inOpenPgpJs: boolean;
}

/** By their names in OpenPGP.js. */
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

/** The ECDSA curve with this OpenPGP.js name; undefined if gpg 2 does not have it. */
export function ecdsaCurve(name: string | undefined): Curve | undefined {
  return curves.get(name ?? '');
}

/** Whether a curve has this object identifier, given as the hex of its content. */
export function isEcdsaCurve(oidHex: string): boolean {
  return [...curves.values()].some(({ oid }) => oid === oidHex);
}
