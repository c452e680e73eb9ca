/** Kubernetes objects as the API server gives them, with only what a test wants to say. Names are `namespace/name`. */

type Json = Record<string, unknown>;

const split = (key: string): { namespace: string; name: string } => {
  const [namespace = '', name = ''] = key.split('/');
  return { namespace, name };
};

const CREATED = '2026-01-01T00:00:00Z';

export interface PodOptions {
  readonly ip?: string | readonly string[];
  readonly labels?: Record<string, string>;
  readonly serviceAccount?: string;
  readonly node?: string;
  readonly meshed?: boolean;
  readonly hostNetwork?: boolean;
  readonly terminating?: boolean;
  readonly phase?: string;
  readonly ready?: boolean;
  readonly uid?: string;
  readonly created?: string;
  readonly ports?: readonly { name?: string; containerPort: number; protocol?: string }[];
  readonly excludeInbound?: readonly number[];
  readonly owner?: { kind: string; name: string };
  /** What the kubelet says of the sidecar. */
  readonly proxy?: { readonly started?: boolean; readonly restartCount?: number };
}

/** A running, ready, meshed pod. */
export function pod(key: string, options: PodOptions = {}): Json {
  const ips = typeof options.ip === 'string' ? [options.ip] : (options.ip ?? []);
  const init = { excludeInboundPorts: options.excludeInbound ?? [] };
  const sidecars = [
    { name: 'heddle-init', args: [JSON.stringify(init)] },
    { name: 'heddle-proxy', restartPolicy: 'Always' },
  ];
  return {
    kind: 'Pod',
    metadata: {
      ...split(key),
      uid: options.uid ?? `uid-${key}`,
      creationTimestamp: options.created ?? CREATED,
      labels: options.labels ?? {},
      ...(options.terminating === true ? { deletionTimestamp: CREATED } : {}),
      ...(options.owner === undefined ? {} : { ownerReferences: [{ ...options.owner, controller: true }] }),
    },
    spec: {
      nodeName: options.node ?? 'node-a',
      serviceAccountName: options.serviceAccount ?? 'default',
      ...(options.hostNetwork === true ? { hostNetwork: true } : {}),
      ...(options.meshed === false ? {} : { initContainers: sidecars }),
      containers: [{ name: 'app', ports: options.ports ?? [] }],
    },
    status: {
      phase: options.phase ?? 'Running',
      conditions: [{ type: 'Ready', status: options.ready === false ? 'False' : 'True' }],
      ...(options.proxy === undefined
        ? {}
        : { initContainerStatuses: [{ name: 'heddle-init' }, { name: 'heddle-proxy', ...options.proxy }] }),
      ...(ips.length === 0 ? {} : { podIP: ips[0], podIPs: ips.map((ip) => ({ ip })) }),
    },
  };
}

export interface ServiceOptions {
  readonly ip?: string | readonly string[] | 'None';
  readonly selector?: Record<string, string>;
  readonly ports?: readonly Json[];
  readonly created?: string;
  readonly spec?: Json;
  readonly status?: Json;
}

/** A Service with one port, 80 to 3000. */
export function service(key: string, options: ServiceOptions = {}): Json {
  const ips = typeof options.ip === 'string' ? [options.ip] : (options.ip ?? []);
  return {
    kind: 'Service',
    metadata: { ...split(key), uid: `uid-${key}`, creationTimestamp: options.created ?? CREATED },
    spec: {
      ...(ips.length === 0 ? {} : { clusterIP: ips[0], clusterIPs: ips }),
      ...(options.selector === undefined ? {} : { selector: options.selector }),
      ports: options.ports ?? [{ name: 'http', port: 80, targetPort: 3000 }],
      ...options.spec,
    },
    ...(options.status === undefined ? {} : { status: options.status }),
  };
}

export interface EndpointOptions {
  readonly pod?: string;
  readonly uid?: string;
  readonly conditions?: Json;
  readonly node?: string;
  readonly zones?: readonly string[];
  readonly nodes?: readonly string[];
}

/** One endpoint; `pod` is the `namespace/name` that the slice claims. */
export function endpoint(address: string, options: EndpointOptions = {}): Json {
  const target =
    options.pod === undefined
      ? undefined
      : { kind: 'Pod', ...split(options.pod), uid: options.uid ?? `uid-${options.pod}` };
  return {
    addresses: [address],
    ...(options.conditions === undefined ? {} : { conditions: options.conditions }),
    ...(options.node === undefined ? {} : { nodeName: options.node }),
    ...(target === undefined ? {} : { targetRef: target }),
    ...(options.zones === undefined && options.nodes === undefined
      ? {}
      : {
          hints: {
            forZones: (options.zones ?? []).map((name) => ({ name })),
            forNodes: (options.nodes ?? []).map((name) => ({ name })),
          },
        }),
  };
}

/** A slice of `service`, by default with the port http = 3000. */
export function slice(
  key: string,
  serviceName: string,
  endpoints: readonly Json[],
  ports: readonly Json[] = [{ name: 'http', port: 3000, protocol: 'TCP' }],
  addressType = 'IPv4',
): Json {
  return {
    kind: 'EndpointSlice',
    metadata: { ...split(key), labels: { 'kubernetes.io/service-name': serviceName } },
    addressType,
    ports,
    endpoints,
  };
}

export function namespace(name: string, options: { terminating?: boolean; uid?: string; inject?: string } = {}): Json {
  return {
    kind: 'Namespace',
    metadata: {
      name,
      uid: options.uid ?? `uid-${name}`,
      ...(options.inject === undefined ? {} : { labels: { 'heddle.dev/inject': options.inject } }),
      ...(options.terminating === true ? { deletionTimestamp: CREATED } : {}),
    },
  };
}

export function node(
  name: string,
  options: { zone?: string; ips?: readonly string[]; podRanges?: readonly string[] } = {},
): Json {
  return {
    kind: 'Node',
    metadata: {
      name,
      ...(options.zone === undefined ? {} : { labels: { 'topology.kubernetes.io/zone': options.zone } }),
    },
    spec: { podCIDRs: options.podRanges ?? [] },
    status: {
      addresses: [
        ...(options.ips ?? []).map((address) => ({ type: 'InternalIP', address })),
        { type: 'Hostname', address: name },
      ],
    },
  };
}

export const serviceCidr = (...cidrs: string[]): Json => ({
  kind: 'ServiceCIDR',
  metadata: { name: 'kubernetes' },
  spec: { cidrs },
});

export interface PolicyOptions {
  readonly uid?: string;
  readonly generation?: number;
  readonly created?: string;
  readonly accepted?: boolean;
}

/** `kind` of ours with a spec that need not be valid. */
export function policy(
  kind: 'MeshPolicy' | 'MeshAccessPolicy' | 'MeshConfig',
  key: string,
  spec: unknown,
  options: PolicyOptions = {},
): Json {
  const name = kind === 'MeshConfig' ? { name: key } : split(key);
  return {
    apiVersion: 'heddle.dev/v1alpha1',
    kind,
    metadata: {
      ...name,
      uid: options.uid ?? `uid-${kind}-${key}`,
      generation: options.generation ?? 1,
      creationTimestamp: options.created ?? CREATED,
    },
    spec,
    ...(options.accepted === true ? { status: { conditions: [{ type: 'Accepted', status: 'True' }] } } : {}),
  };
}
