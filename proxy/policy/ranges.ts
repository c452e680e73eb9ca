import { BlockList, isIP } from 'node:net';
import { HeddleError } from '../base/errors.ts';

/** A set of CIDRs of both families, made once per address table; asked once per connection. */
export interface Ranges {
  contains(address: string): boolean;
}

export function compileRanges(cidrs: readonly string[]): Ranges {
  const list = new BlockList();
  for (const cidr of cidrs) addCidr(list, cidr);
  return { contains: (address) => list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4') };
}

function addCidr(list: BlockList, cidr: string): void {
  const slash = cidr.lastIndexOf('/');
  const address = cidr.slice(0, slash);
  const bits = Number(cidr.slice(slash + 1));
  const family = isIP(address);
  if (slash === -1 || family === 0 || !Number.isInteger(bits) || bits < 0 || bits > (family === 4 ? 32 : 128)) {
    throw new HeddleError('configuration', `"${cidr}" is not a CIDR`, { where: { path: 'ranges' } });
  }
  list.addSubnet(address, bits, family === 4 ? 'ipv4' : 'ipv6');
}
