import { InternalError } from '@slipway/core';
import type { OpenPgp } from './openpgp.ts';

export interface UserMaterial {
  readonly packet: OpenPgp.UserIDPacket;
  readonly signatures: readonly OpenPgp.SignaturePacket[];
}

export interface SubkeyMaterial {
  readonly packet: OpenPgp.PublicSubkeyPacket;
  readonly signatures: readonly OpenPgp.SignaturePacket[];
}

/** The packets of a key, grouped (RFC 9580 section 10.1). Nothing is verified. */
export interface KeyMaterial {
  readonly primary: OpenPgp.PublicKeyPacket;
  readonly signatures: readonly OpenPgp.SignaturePacket[];
  readonly users: readonly UserMaterial[];
  readonly subkeys: readonly SubkeyMaterial[];
}

type Head = OpenPgp.PublicKeyPacket | OpenPgp.PublicSubkeyPacket | OpenPgp.UserIDPacket;

interface Group<Packet extends Head> {
  readonly packet: Packet;
  readonly signatures: Map<string, OpenPgp.SignaturePacket>;
}

/**
 * Merges the packets of several copies of one key. A signature in any copy counts, so a copy without a revocation cannot
 * undo it, and a copy with a forged signature cannot displace the real one.
 */
export function mergeCopies(pgp: typeof OpenPgp, copies: readonly OpenPgp.Key[]): KeyMaterial {
  const primaries = new Map<string, Group<OpenPgp.PublicKeyPacket>>();
  const users = new Map<string, Group<OpenPgp.UserIDPacket>>();
  const subkeys = new Map<string, Group<OpenPgp.PublicSubkeyPacket>>();
  for (const copy of copies) {
    let group: Group<Head> | undefined;
    for (const packet of copy.toPublic().toPacketList()) {
      const bytes = Buffer.from(packet.write()).toString('latin1');
      if (packet instanceof pgp.SignaturePacket) group?.signatures.set(bytes, packet);
      // Subkeys first, because their class extends that of primary keys.
      else if (packet instanceof pgp.PublicSubkeyPacket) group = groupOf(subkeys, bytes, packet);
      else if (packet instanceof pgp.PublicKeyPacket) group = groupOf(primaries, bytes, packet);
      else if (packet instanceof pgp.UserIDPacket) group = groupOf(users, bytes, packet);
      else group = undefined;
    }
  }
  const [primary] = listOf(primaries);
  if (primary === undefined || primaries.size > 1)
    throw new InternalError('copies of different keys were merged');
  return {
    primary: primary.packet,
    signatures: primary.signatures,
    users: listOf(users),
    subkeys: listOf(subkeys),
  };
}

function groupOf<Packet extends Head>(
  groups: Map<string, Group<Packet>>,
  bytes: string,
  packet: Packet,
): Group<Packet> {
  const group = groups.get(bytes) ?? { packet, signatures: new Map() };
  groups.set(bytes, group);
  return group;
}

function listOf<Packet extends Head>(
  groups: Map<string, Group<Packet>>,
): { readonly packet: Packet; readonly signatures: readonly OpenPgp.SignaturePacket[] }[] {
  return [...groups.values()].map(({ packet, signatures }) => ({
    packet,
    signatures: [...signatures.values()],
  }));
}

/** The packets of a key as bytes, without unreadable ones and user attributes (photos). */
export function serializeKey(pgp: typeof OpenPgp, material: KeyMaterial): Uint8Array {
  const packets = new pgp.PacketList<OpenPgp.AnyPacket>();
  for (const { packet, signatures } of [
    { packet: material.primary, signatures: material.signatures },
    ...material.users,
    ...material.subkeys,
  ]) {
    packets.push(packet, ...signatures);
  }
  return packets.write();
}
