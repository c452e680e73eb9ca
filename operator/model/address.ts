import { BlockList, isIP, isIPv4, SocketAddress } from 'node:net';
import { isCanonicalAddress } from '../../proxy/contract/decode-values.ts';

/**
 * The canonical text of an IP address (IPv6 per RFC 5952, IPv4-mapped as IPv4), or undefined for anything else, which is also what proxies
 * do not read as one (`::ffff:1:2:3`): a table with a single such address would be refused by all of them.
 */
export function canonicalAddress(text: string): string | undefined {
  const family = isIP(text);
  if (family === 4) return text;
  if (family !== 6 || text.includes('%')) return undefined;
  const { address } = new SocketAddress({ address: text, family: 'ipv6' });
  const mapped = /^::ffff:([0-9.]+)$/.exec(address)?.[1];
  if (mapped !== undefined && isIPv4(mapped)) return mapped;
  return isCanonicalAddress(address) ? address : undefined;
}

/** `10.0.0.0/8`; undefined for anything that is no network. */
export function canonicalRange(text: string): string | undefined {
  const [address = '', bits = '', ...rest] = text.split('/');
  const canonical = canonicalAddress(address);
  if (canonical === undefined || rest.length > 0 || !/^[0-9]{1,3}$/.test(bits)) return undefined;
  return Number(bits) <= (isIPv4(canonical) ? 32 : 128) ? `${canonical}/${Number(bits)}` : undefined;
}

/** A set of networks of both families. */
export class Ranges {
  readonly #list = new BlockList();

  /** `ranges` are canonical. */
  constructor(ranges: Iterable<string>) {
    for (const range of ranges) {
      const [address = '', bits = ''] = range.split('/');
      this.#list.addSubnet(address, Number(bits), isIPv4(address) ? 'ipv4' : 'ipv6');
    }
  }

  contains(address: string): boolean {
    return this.#list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
  }
}
