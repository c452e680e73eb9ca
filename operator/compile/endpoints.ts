import { isIPv4 } from 'node:net';
import { HeddleError } from '../../proxy/base/errors.ts';
import { formatSpiffeId } from '../../proxy/contract/identity.ts';
import type { Endpoint } from '../../proxy/contract/snapshot.ts';
import {
  isLive,
  type PodRecord,
  type ServicePortRecord,
  type ServiceRecord,
  type SliceEndpoint,
  selects,
  type World,
} from '../model/model.ts';

/** A subset as far as endpoints are concerned. */
export interface SubsetLabels {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

interface Candidate {
  readonly endpoint: SliceEndpoint;
  readonly port: number;
}

/**
 * The endpoints of a Service port for a caller on `nodeName`: what kube-proxy would choose from, each with the identity to expect.
 * Sorted by address and port. Unknown ones (see `judge`) are left out: never in plain to what may be meshed.
 */
export function compileEndpoints(
  world: World,
  service: ServiceRecord,
  port: ServicePortRecord,
  subsets: readonly SubsetLabels[],
  nodeName: string | undefined,
): Endpoint[] {
  const chosen = oneFamily(world, service, choose(world, service, candidates(world, service, port), nodeName));
  return chosen
    .flatMap((candidate) => compileEndpoint(world, candidate, subsets))
    .sort((left, right) => compareText(left.address, right.address) || left.port - right.port);
}

/** Endpoints of all ports of a Service together: more fit no message (some 160 bytes each, 16 MiB). */
const MOST_ENDPOINTS = 100_000;

/** Throws where a Service has more endpoints than could be sent, before they are made: ports times pods. */
export function checkEndpointCount(world: World, service: ServiceRecord): void {
  const names = new Set(service.ports.map(({ name }) => name));
  let count = 0;
  for (const { ports, endpoints } of world.slicesOf(service)) {
    count += ports.filter(({ name }) => names.has(name)).length * endpoints.length;
  }
  if (count <= MOST_ENDPOINTS) return;
  throw new HeddleError(
    'too_many_endpoints',
    `the Service has ${count} endpoints, at most ${MOST_ENDPOINTS} are taken`,
    {
      where: { service: `${service.namespace}/${service.name}` },
    },
  );
}

const compareText = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0);

/** Slices name ports as the Service does; the number may differ from slice to slice (a named targetPort that differs per pod). */
function candidates(world: World, service: ServiceRecord, port: ServicePortRecord): Candidate[] {
  const found = new Map<string, Candidate>();
  // By name: which of two equal claims counts must not depend on which arrived first.
  const slices = [...world.slicesOf(service)].sort((left, right) => compareText(left.name, right.name));
  for (const slice of slices) {
    for (const { name, port: number } of slice.ports) {
      if (name !== port.name) continue;
      for (const endpoint of slice.endpoints) {
        const key = `${endpoint.address} ${number}`;
        // While a pod moves between slices it may stand in two: the one that is ready counts.
        if (found.get(key)?.endpoint.ready !== true) found.set(key, { endpoint, port: number });
      }
    }
  }
  return [...found.values()];
}

/** kube-proxy's choice (pkg/proxy/topology.go): local ones only, or hinted ones; ready ones, else those that serve while they terminate. */
function choose(
  world: World,
  service: ServiceRecord,
  all: readonly Candidate[],
  nodeName: string | undefined,
): Candidate[] {
  const reachable = service.local
    ? all.filter(({ endpoint }) => nodeName !== undefined && endpoint.nodeName === nodeName)
    : all;
  const ready = reachable.filter(({ endpoint }) => endpoint.ready);
  if (ready.length > 0) return service.local ? ready : hinted(ready, nodeName, zoneOf(world, nodeName));
  return reachable.filter(({ endpoint }) => endpoint.serving && endpoint.terminating);
}

const zoneOf = (world: World, nodeName: string | undefined): string | undefined =>
  nodeName === undefined ? undefined : world.nodes.get(nodeName)?.zone;

/** Hints hold only when every ready endpoint has them and some name this node or zone (KEP-2433, KEP-4444, KEP-3015). */
function hinted(ready: Candidate[], nodeName: string | undefined, zone: string | undefined): Candidate[] {
  return (
    narrow(ready, (endpoint) => endpoint.nodeHints, nodeName) ??
    narrow(ready, (endpoint) => endpoint.zoneHints, zone) ??
    ready
  );
}

function narrow(
  ready: readonly Candidate[],
  hintsOf: (endpoint: SliceEndpoint) => readonly string[],
  mine: string | undefined,
): Candidate[] | undefined {
  if (mine === undefined || !ready.every(({ endpoint }) => hintsOf(endpoint).length > 0)) return undefined;
  const near = ready.filter(({ endpoint }) => hintsOf(endpoint).includes(mine));
  return near.length > 0 ? near : undefined;
}

/** A pod of both families is one endpoint: at its address of the Service's first family, where it has one. */
function oneFamily(world: World, service: ServiceRecord, all: readonly Candidate[]): Candidate[] {
  const first = isIPv4(service.clusterAddresses[0] ?? '');
  const preferred = new Set(
    all.filter(({ endpoint }) => isIPv4(endpoint.address) === first).map((candidate) => podIdentity(world, candidate)),
  );
  return all.filter((candidate) => {
    if (isIPv4(candidate.endpoint.address) === first) return true;
    const identity = podIdentity(world, candidate);
    return identity === undefined || !preferred.has(identity);
  });
}

/** Uid of the pod and port; undefined for what is no pod: its two addresses cannot be told to be one thing. */
function podIdentity(world: World, { endpoint, port }: Candidate): string | undefined {
  const judged = judge(world, endpoint);
  return judged.kind === 'pod' ? `${judged.pod.uid} ${port}` : undefined;
}

/** What stands at an endpoint's address. */
export type Judged =
  | { readonly kind: 'pod'; readonly pod: PodRecord }
  /** No pod: outside the cluster, or a node. */
  | { readonly kind: 'plain' }
  /** A slice was seen before its Pod, or an address inside the cluster that nobody answers for: withheld until it is known. */
  | { readonly kind: 'unknown' };

/** A slice's word is never enough: the pod must itself have the address. */
export function judge(world: World, endpoint: SliceEndpoint): Judged {
  const { address, pod: claim } = endpoint;
  const standing = world.podAt(address);
  if (standing === 'ambiguous') return { kind: 'unknown' };
  if (claim !== undefined) {
    const claimed = world.pods.get(claim.key);
    const confirmed = claimed !== undefined && holds(claimed, claim.uid, address, standing);
    return confirmed ? { kind: 'pod', pod: claimed } : { kind: 'unknown' };
  }
  if (standing !== undefined) return { kind: 'pod', pod: standing };
  if (world.nodeAddresses.has(address)) return { kind: 'plain' };
  return world.ranges.contains(address) ? { kind: 'unknown' } : { kind: 'plain' };
}

/** The claimed pod is the one that has the address now; on hostNetwork it shares the node's. */
function holds(claimed: PodRecord, uid: string | undefined, address: string, standing: PodRecord | undefined): boolean {
  if (uid !== undefined && uid !== claimed.uid) return false;
  if (!isLive(claimed) || !claimed.addresses.includes(address)) return false;
  return claimed.hostNetwork || standing === claimed;
}

function compileEndpoint(world: World, { endpoint, port }: Candidate, subsets: readonly SubsetLabels[]): Endpoint[] {
  const judged = judge(world, endpoint);
  if (judged.kind === 'unknown') return [];
  if (judged.kind === 'plain') return [{ address: endpoint.address, port, subsets: [] }];
  const { pod } = judged;
  const identity = identityOf(world, pod, port);
  return [
    {
      address: endpoint.address,
      port,
      pod: pod.name,
      workload: pod.workload.name,
      namespace: pod.namespace,
      ...(identity === undefined ? {} : { identity }),
      subsets: subsets.filter(({ labels }) => selects(labels, pod.labels)).map(({ name }) => name),
    },
  ];
}

/** What a peer at this port of the pod must prove; undefined: nobody stands there who could (no proxy, hostNetwork, or an excluded port). */
export function identityOf(world: World, pod: PodRecord, port?: number): string | undefined {
  if (!pod.meshed || pod.hostNetwork) return undefined;
  if (port !== undefined && pod.excludedInboundPorts.includes(port)) return undefined;
  const { namespace, serviceAccount } = pod;
  return formatSpiffeId({ trustDomain: world.settings.trustDomain, namespace, serviceAccount });
}
