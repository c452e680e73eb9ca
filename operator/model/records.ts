/**
 * What the model keeps of Kubernetes objects: small records, plain data, made by the `strip*` functions at ingest.
 * Addresses are canonical text (IPv6 per RFC 5952). Times are ISO 8601 with seconds, as Kubernetes writes them.
 */

/** `namespace/name`, or `name` for cluster-scoped kinds. */
export type ObjectKey = string;
export const objectKey = (namespace: string, name: string): ObjectKey => `${namespace}/${name}`;

export type Labels = Readonly<Record<string, string>>;

export interface PodRecord {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly createdAt: string;
  readonly addresses: readonly string[];
  readonly nodeName?: string;
  readonly hostNetwork: boolean;
  readonly labels: Labels;
  readonly serviceAccount: string;
  /** For telemetry and for people: `{ kind: 'Deployment', name: 'payment-v1' }`. */
  readonly workload: { readonly kind: string; readonly name: string };
  readonly phase: string;
  readonly ready: boolean;
  readonly terminating: boolean;
  /** TCP ports that the containers declare. */
  readonly ports: readonly { readonly name?: string; readonly port: number }[];
  /** The spec holds our sidecar container. Never decided by a label or annotation. */
  readonly meshed: boolean;
  /** Our container passed its startup probe, now or before a restart: from then on it may be deciding under what it was sent. */
  readonly proxyStarted: boolean;
  /** Annotation of the injector: why it left the pod out. For people only; anyone can write it. */
  readonly notInjected?: string;
  /** Ports that the init container leaves out of the redirect: the application itself answers there, in plain. */
  readonly excludedInboundPorts: readonly number[];
}

export interface ServiceRecord {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly createdAt: string;
  /** `Clustered` has cluster addresses; `Headless` has none; `ExternalName` is a DNS alias. */
  readonly type: 'Clustered' | 'Headless' | 'ExternalName';
  readonly clusterAddresses: readonly string[];
  /** `externalIPs` and load-balancer addresses. */
  readonly externalAddresses: readonly string[];
  /** TCP only. */
  readonly ports: readonly ServicePortRecord[];
  readonly selector?: Labels;
  readonly affinitySeconds?: number;
  /** `internalTrafficPolicy: Local`. */
  readonly local: boolean;
}
export interface ServicePortRecord {
  /** Empty for the only port of a Service without names. */
  readonly name: string;
  readonly port: number;
  readonly targetPort: number | string;
  readonly appProtocol?: string;
}

export interface SliceRecord {
  readonly namespace: string;
  readonly name: string;
  readonly service: string;
  readonly ports: readonly { readonly name: string; readonly port: number }[];
  readonly endpoints: readonly SliceEndpoint[];
}
export interface SliceEndpoint {
  readonly address: string;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  readonly nodeName?: string;
  readonly zoneHints: readonly string[];
  readonly nodeHints: readonly string[];
  /** What the slice claims; believed only where the Pod has this address. */
  readonly pod?: { readonly key: ObjectKey; readonly uid?: string };
}

export interface NamespaceRecord {
  readonly name: string;
  readonly uid: string;
  /** Value of `heddle.dev/inject`. */
  readonly inject?: string;
  readonly terminating: boolean;
}

export interface NodeRecord {
  readonly name: string;
  readonly zone?: string;
  readonly addresses: readonly string[];
  readonly podRanges: readonly string[];
}

export interface ServiceCidrRecord {
  readonly name: string;
  readonly ranges: readonly string[];
}

export type PolicyKind = 'MeshPolicy' | 'MeshAccessPolicy' | 'MeshConfig';

/** An object of ours as the API server gave it; its spec is checked when the model takes it in. */
export interface PolicyRecord {
  readonly kind: PolicyKind;
  /** Empty for MeshConfig. */
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly generation: number;
  readonly createdAt: string;
  readonly spec: unknown;
  /** The status says that a generation of it was accepted once. */
  readonly acceptedOnce: boolean;
}
