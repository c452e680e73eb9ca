import { networkInterfaces } from 'node:os';
import { canonicalAddress } from './address.ts';

/** Answers whether a canonical address is one of this pod. */
export type OwnAddress = (address: string) => boolean;

/**
 * The pod's own addresses: those Kubernetes names, and those of its interfaces, looked at again for an address that is not known (a second network
 * may be plugged later). Loopback is none of them: what an application hides there is not for the network.
 */
export function ownAddresses(
  named: readonly string[],
  interfaces: () => ReturnType<typeof networkInterfaces> = networkInterfaces,
): OwnAddress {
  const known = new Set(named);
  return (address) => known.has(address) || onInterface(address, interfaces());
}

function onInterface(address: string, interfaces: ReturnType<typeof networkInterfaces>): boolean {
  return Object.values(interfaces).some((list) =>
    list?.some((one) => !one.internal && canonicalAddress(one.address) === address),
  );
}
