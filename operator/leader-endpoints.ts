import { isIPv6 } from 'node:net';
import { CONTROL_PORT, OPERATOR_SERVICE_ACCOUNT, SYSTEM_NAMESPACE } from '../proxy/contract/bootstrap.ts';
import {
  apiVersionOf,
  applyObject,
  DONE,
  type KubeClient,
  type KubeObject,
  type Outcome,
  RESOURCES,
} from './kube/kube.ts';

/** The slice that makes the Service heddle-operator (which has no selector) lead to the leader alone. */
export const LEADER_SLICE = { namespace: SYSTEM_NAMESPACE, name: 'heddle-operator-leader' } as const;
const MANAGER = 'heddle-leader';

export interface LeaderEndpointsOptions {
  readonly client: KubeClient;
  readonly podName: string;
  /** Absent outside a cluster: nothing is published. */
  readonly podAddress: string | undefined;
  readonly isLeader: () => boolean;
}

/**
 * One write moves all new connections of a cluster to the new leader, and the dead one's address is gone with the same
 * write. Readiness stays what it is: both replicas are Ready, so a rollout ends and the disruption budget counts.
 */
export function createLeaderEndpointsReconcile(options: LeaderEndpointsOptions): () => Promise<Outcome> {
  const { client, podAddress } = options;
  return async () => {
    if (podAddress === undefined || !options.isLeader()) return DONE;
    const live = await client.find<KubeObject>(RESOURCES.endpointSlices, LEADER_SLICE);
    const wanted = leaderSlice(options.podName, podAddress);
    // addressType cannot be changed: a leader of the other family makes the slice anew.
    if (live !== undefined && 'addressType' in live && live.addressType !== wanted['addressType']) {
      await client.remove(RESOURCES.endpointSlices, LEADER_SLICE);
    }
    await applyObject({ client, resource: RESOURCES.endpointSlices, manager: MANAGER }, wanted, live);
    return { kind: 'requeue', afterMs: 30_000 };
  };
}

/** Pure. Source: discovery.k8s.io/v1, "Custom EndpointSlices". */
export function leaderSlice(podName: string, address: string): KubeObject & Record<string, unknown> {
  return {
    apiVersion: apiVersionOf(RESOURCES.endpointSlices),
    kind: RESOURCES.endpointSlices.kind,
    metadata: {
      ...LEADER_SLICE,
      labels: {
        'kubernetes.io/service-name': OPERATOR_SERVICE_ACCOUNT,
        'endpointslice.kubernetes.io/managed-by': 'heddle-operator',
      },
    },
    addressType: isIPv6(address) ? 'IPv6' : 'IPv4',
    ports: [{ name: 'control', port: CONTROL_PORT, protocol: 'TCP', appProtocol: 'tcp' }],
    endpoints: [
      {
        addresses: [address],
        conditions: { ready: true },
        targetRef: { kind: 'Pod', namespace: SYSTEM_NAMESPACE, name: podName },
      },
    ],
  };
}

/** A replica's name in the Lease holds its address, so that a standby can tell proxies where to go: `pod/10.1.2.3`. */
export function replicaIdentity(podName: string, podAddress: string | undefined): string {
  return `${podName}/${podAddress ?? ''}`;
}

/** `host:port` of the replica with this identity; undefined when it has no address. */
export function controlAddressOf(identity: string): string | undefined {
  const address = identity.slice(identity.indexOf('/') + 1);
  if (address === '' || !identity.includes('/')) return undefined;
  return isIPv6(address) ? `[${address}]:${CONTROL_PORT}` : `${address}:${CONTROL_PORT}`;
}
