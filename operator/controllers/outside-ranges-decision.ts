import { isLive, type PodRecord, type World } from '../model/model.ts';

/** Meshed pods with an address outside of the networks that are known: those that nodes and ServiceCIDRs name, and MeshConfig's `clusterRanges`. */
export interface PodsOutside {
  readonly count: number;
  /** `shop/order-1 (192.168.4.7)`: the first five by name. */
  readonly first: readonly string[];
}

const NAMED = 5;

/** Pure. Pods on the network of their node do not count: nothing of theirs is redirected. */
export function podsOutside(world: World): PodsOutside {
  const outside: { readonly key: string; readonly address: string }[] = [];
  for (const pod of world.pods.values()) {
    const address = strayAddress(world, pod);
    if (address !== undefined) outside.push({ key: `${pod.namespace}/${pod.name}`, address });
  }
  outside.sort((left, right) => (left.key < right.key ? -1 : 1));
  return { count: outside.length, first: outside.slice(0, NAMED).map(({ key, address }) => `${key} (${address})`) };
}

function strayAddress(world: World, pod: PodRecord): string | undefined {
  if (!pod.meshed || pod.hostNetwork || pod.terminating || !isLive(pod)) return undefined;
  return pod.addresses.find((address) => !world.ranges.contains(address));
}

/** What it means and what to do about it, in at most 1,024 characters: names of pods and namespaces are cut with the rest. */
export function outsideSentence({ count, first }: PodsOutside): string {
  const who = count === 1 ? 'A meshed pod has an address' : `${count} meshed pods have addresses`;
  return [
    `${who} outside of the networks of pods that the nodes name and of spec.clusterRanges.`,
    'Until the address of such a pod, when it is new, has reached every proxy, a caller takes it for a destination outside of the cluster and calls it in plain.',
    "Add the network that the CNI gives pods to spec.clusterRanges of the MeshConfig 'default'.",
    `They are: ${first.join(', ')}${count > first.length ? ` and ${count - first.length} more` : ''}`,
  ].join(' ');
}
