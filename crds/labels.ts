/**
 * Every label and annotation name that Heddle reads or writes. One list, so that none is spelled twice.
 * Heddle sets no finalizers on users' kinds: removing Heddle never blocks a deletion.
 */

export const GROUP = 'heddle.dev';
export const VERSION = 'v1alpha1';
export const API_VERSION = `${GROUP}/${VERSION}` as const;

/** Labels. */
export const LABELS = {
  /** Namespace: `enabled` | `required` | `disabled`; pod: `enabled` | `disabled`. */
  inject: 'heddle.dev/inject',
  /** Reserved: the name of the MeshConfig (revision) that serves a namespace. */
  revision: 'heddle.dev/rev',
} as const;

export const NAMESPACE_INJECT = ['enabled', 'required', 'disabled'] as const;
export type NamespaceInject = (typeof NAMESPACE_INJECT)[number];
export const POD_INJECT = ['enabled', 'disabled'] as const;
export type PodInject = (typeof POD_INJECT)[number];

/** Annotations that the webhook writes on pods. */
export const WRITTEN_ANNOTATIONS = {
  /** Why a pod has no sidecar: a reason in CamelCase. */
  notInjected: 'heddle.dev/not-injected',
  /** Version of the injector that made the sidecar. Never evidence that a pod is meshed: only its containers are. */
  injected: 'heddle.dev/injected',
} as const;

/** Annotations that pods may set. Unknown ones under `heddle.dev/` are warned about. */
export const POD_ANNOTATIONS = {
  /** Ports 1..65535, comma-separated. */
  excludeInboundPorts: 'heddle.dev/exclude-inbound-ports',
  /** Ports 1..65535, comma-separated. */
  excludeOutboundPorts: 'heddle.dev/exclude-outbound-ports',
  /** CIDRs of either family, comma-separated. */
  excludeOutboundCidrs: 'heddle.dev/exclude-outbound-cidrs',
  /** Kubernetes quantity. */
  proxyCpuRequest: 'heddle.dev/proxy-cpu-request',
  /** Kubernetes quantity. */
  proxyMemoryRequest: 'heddle.dev/proxy-memory-request',
  /** Kubernetes quantity. */
  proxyMemoryLimit: 'heddle.dev/proxy-memory-limit',
  /** `debug` | `info` | `warn` | `error`. */
  logLevel: 'heddle.dev/log-level',
  /** `disabled`: no `preStop` sleep for application containers that have none of their own. */
  preStopSleep: 'heddle.dev/pre-stop-sleep',
} as const;

/** Namespaces that are never injected, whatever their labels say. */
export const NEVER_INJECTED = ['kube-system', 'heddle-system'] as const;

/** The one name a MeshConfig may have: the default revision. */
export const MESH_CONFIG_NAME = 'default';

/** ConfigMap in heddle-system with the last MeshConfig in force, as JSON: a deleted one keeps its values. */
export const LAST_MESH_CONFIG = { name: 'heddle-last-mesh-config', key: 'meshconfig.json' } as const;

/** ConfigMap in heddle-system: for each policy whose newest generation breaks a rule, by uid, the generation that stays in force. */
export const LAST_GOOD = { name: 'heddle-last-good' } as const;
