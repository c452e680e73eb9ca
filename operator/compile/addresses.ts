import { type AddressTable, type Key, PASSTHROUGH_KEY, podKey, serviceKey } from '../../proxy/contract/snapshot.ts';
import { isLive, type ServiceRecord, type World } from '../model/model.ts';

/**
 * Address to key, and the ranges inside which an address that is not in the table is asked for by name. Sorted.
 *
 * Who wins an address: the API server and nodes (they always pass), then cluster addresses (the API server keeps them unique),
 * then external ones of the oldest Service. An external address inside the networks of pods and Services, or a pod's (a CNI may give
 * pods others), is not taken: anybody who may make a Service could catch another's traffic with it (CVE-2020-8554).
 */
export function addressTable(world: World): AddressTable {
  const entries = new Map<string, Key>();
  const add = (address: string, key: Key): void => {
    if (!entries.has(address)) entries.set(address, key);
  };
  const services = [...world.services.values()].filter((service) => service.type === 'Clustered').sort(byAge);
  for (const address of apiServerAddresses(world)) add(address, PASSTHROUGH_KEY);
  for (const service of services) for (const address of service.clusterAddresses) add(address, keyOf(service));
  addExternal(world, services, add);
  addMemberAddresses(world, add);
  return { ranges: world.rangeList, entries: sorted(entries) };
}

const keyOf = ({ namespace, name }: ServiceRecord): Key => serviceKey(namespace, name);

function byAge(left: ServiceRecord, right: ServiceRecord): number {
  const rank = (service: ServiceRecord): string => `${service.createdAt} ${keyOf(service)}`;
  return rank(left) < rank(right) ? -1 : 1;
}

/** Of the Service `default/kubernetes`: its cluster addresses and its endpoints. */
function apiServerAddresses(world: World): string[] {
  const service = world.services.get('default/kubernetes');
  if (service === undefined) return [];
  const endpoints = [...world.slicesOf(service)].flatMap((slice) => slice.endpoints.map(({ address }) => address));
  // An endpoint that is a pod's address is the pod's: nobody gets past a pod's proxy through this list.
  return [...service.clusterAddresses, ...endpoints.filter((address) => world.podAt(address) === undefined)];
}

function addExternal(world: World, services: readonly ServiceRecord[], add: (address: string, key: Key) => void): void {
  for (const service of services) {
    for (const address of service.externalAddresses) {
      if (!isTaken(world, address)) add(address, keyOf(service));
    }
  }
}

function isTaken(world: World, address: string): boolean {
  return world.foundRanges.contains(address) || world.nodeAddresses.has(address) || world.podAt(address) !== undefined;
}

/** Nodes inside the ranges pass; meshed pods outside of them (a CNI that does not use the nodes' ranges) are asked for, not passed. */
function addMemberAddresses(world: World, add: (address: string, key: Key) => void): void {
  for (const address of world.nodeAddresses) if (world.ranges.contains(address)) add(address, PASSTHROUGH_KEY);
  for (const pod of world.pods.values()) {
    if (!pod.meshed || pod.hostNetwork || !isLive(pod)) continue;
    for (const address of pod.addresses) if (!world.ranges.contains(address)) add(address, podKey(address));
  }
}

function sorted(entries: ReadonlyMap<string, Key>): Record<string, Key> {
  return Object.fromEntries([...entries].sort(([left], [right]) => (left < right ? -1 : 1)));
}
