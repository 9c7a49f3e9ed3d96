/** A private key without a passphrase, and the time at which it signs, if not now. */
export interface TestSigner {
  readonly privateArmored: string;
  readonly signedAt?: Date | undefined;
}

const messageStart = '-----BEGIN PGP SIGNED MESSAGE-----';
const signatureStart = '\n-----BEGIN PGP SIGNATURE-----';

/** The document that `gpg --clearsign` writes for a text without a trailing line break, made by OpenPGP.js. */
export async function clearSign(text: string, signer: TestSigner): Promise<string> {
  const pgp = await import('openpgp');
  const signed = await pgp.sign({
    message: await pgp.createCleartextMessage({ text }),
    signingKeys: await pgp.readPrivateKey({ armoredKey: signer.privateArmored }),
    ...(signer.signedAt === undefined ? {} : { date: signer.signedAt }),
  });
  return signed.replaceAll('\r\n', '\n');
}

/** The text of a clear-signed document, or the document itself when it is not signed. Nothing is verified. */
export function takeOffSignature(document: string): string {
  if (!document.startsWith(messageStart)) return document;
  return document.slice(document.indexOf('\n\n') + 2, document.lastIndexOf(signatureStart));
}

/** The two parts of a clear-signed document: up to the end of the text, and the armored signature. */
export function splitSigned(document: string): { readonly head: string; readonly signature: string } {
  const start = document.lastIndexOf(signatureStart) + 1;
  return { head: document.slice(0, start), signature: document.slice(start) };
}

/** One armored block with the packets of several, as only an attacker would make it. */
export async function joinSignatures(armored: readonly string[]): Promise<string> {
  const pgp = await import('openpgp');
  const packets = await Promise.all(
    armored.map(async (signature) => (await pgp.readSignature({ armoredSignature: signature })).packets),
  );
  const list = new pgp.PacketList<import('openpgp').SignaturePacket>();
  for (const some of packets) list.push(...some);
  return new pgp.Signature(list).armor().replaceAll('\r\n', '\n');
}
