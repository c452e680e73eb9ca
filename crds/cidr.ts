import { isIPv4, isIPv6 } from 'node:net';

/**
 * Why a text is no network in canonical form (`10.0.0.0/8`, `fd00::/8`: no bits below the prefix), or undefined where it is one.
 */
export function cidrProblem(text: string): string | undefined {
  const [address = '', prefix = '', ...rest] = text.split('/');
  if (rest.length > 0 || !/^(0|[1-9][0-9]{0,2})$/.test(prefix))
    return 'must be an address, a slash and a prefix length';
  const bytes = isIPv4(address) ? ipv4Bytes(address) : isIPv6(address) ? ipv6Bytes(address) : undefined;
  if (bytes === undefined) return `${address} is no IP address`;
  const length = Number(prefix);
  if (length > bytes.length * 8) return `prefix length must be at most ${bytes.length * 8}`;
  if (hasBitsBelow(bytes, length)) return 'must have no bits set below its prefix';
  return undefined;
}

/** 4 bytes. */
function ipv4Bytes(address: string): number[] {
  return address.split('.').map(Number);
}

/** 16 bytes; zone ids are refused (undefined). */
function ipv6Bytes(address: string): number[] | undefined {
  if (address.includes('%')) return undefined;
  const [head = '', tail] = address.split('::');
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  const missing = tail === undefined ? 0 : 8 - left.length - right.length;
  return [...left, ...new Array<number>(missing).fill(0), ...right].flatMap((group) => [group >> 8, group & 255]);
}

/** 16-bit groups of a part without `::`; a trailing dotted quad is two groups (RFC 4291 2.2). */
function groups(part: string): number[] {
  if (part === '') return [];
  return part.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = ipv4Bytes(group);
    return [(a << 8) | b, (c << 8) | d];
  });
}

function hasBitsBelow(bytes: readonly number[], length: number): boolean {
  return bytes.some((byte, index) => {
    const kept = Math.min(8, Math.max(0, length - index * 8));
    return (byte & (255 >> kept)) !== 0;
  });
}
