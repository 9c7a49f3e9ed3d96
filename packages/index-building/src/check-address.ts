/**
 * Whether a host of a URL (`URL.hostname`) or the address of a name is one that only this machine or its network reaches: loopback,
 * link-local (where clouds keep credentials), private, shared, multicast or unspecified (RFC 6890). Names other than `localhost` are
 * not looked up.
 */
export function isInternalHost(hostname: string): boolean {
  const host = hostname
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/%.*$/, '')
    .replace(/\.$/, '');
  if (host === '' || host === 'localhost' || host.endsWith('.localhost')) return true;
  const octets = octetsOf(host);
  if (octets !== undefined) return isInternalV4(octets);
  return host.includes(':') && isInternalV6(host);
}

function octetsOf(host: string): readonly number[] | undefined {
  const octets = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(host)?.slice(1).map(Number);
  return octets?.every((octet) => octet <= 255) ? octets : undefined;
}

function isInternalV4([a = 0, b = 0, c = 0]: readonly number[]): boolean {
  return (
    a === 0 ||
    a === 10 ||
    a === 127 ||
    a >= 224 ||
    (a === 100 && b >= 64 && b < 128) ||
    (a === 169 && b === 254) ||
    (a === 172 && b >= 16 && b < 32) ||
    (a === 192 && b === 168) ||
    (a === 192 && b === 0 && c === 0) ||
    (a === 198 && (b === 18 || b === 19))
  );
}

/** Of eight groups; what cannot be read counts as internal. */
function isInternalV6(host: string): boolean {
  const groups = groupsOf(host);
  if (groups === undefined) return true;
  const [first = 0, second = 0] = groups;
  const v4 = (high: number, low: number): boolean =>
    isInternalV4([high >> 8, high & 255, low >> 8, low & 255]);
  const [high = 0, low = 0] = groups.slice(6);
  // Unspecified, loopback, and IPv4 addresses in their various disguises.
  if (groups.slice(0, 5).every((group) => group === 0)) return groups[5] === 0xffff ? v4(high, low) : true;
  if (first === 0x64 && second === 0xff9b) return v4(high, low);
  if (first === 0x2002) return v4(second, groups[2] ?? 0);
  // Unique local, link-local, site-local, multicast.
  return (first & 0xfe00) === 0xfc00 || (first & 0xff80) === 0xfe80 || first >= 0xff00;
}

function groupsOf(host: string): readonly number[] | undefined {
  const text = host.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...parts: readonly string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = parts.slice(0, 4).map(Number);
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
  const [left = '', right] = text.split('::');
  const groups = (part: string): readonly number[] =>
    part === ''
      ? []
      : part
          .split(':')
          .map((group) => (/^[0-9a-f]{1,4}$/.test(group) ? Number.parseInt(group, 16) : Number.NaN));
  const before = groups(left);
  const after = right === undefined ? [] : groups(right);
  const missing = 8 - before.length - after.length;
  if (right === undefined ? missing !== 0 : missing < 0) return undefined;
  const all = [...before, ...Array<number>(missing).fill(0), ...after];
  return all.some(Number.isNaN) ? undefined : all;
}
