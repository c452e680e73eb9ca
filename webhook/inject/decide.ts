import type { V1Namespace, V1Pod } from '@kubernetes/client-node';
import { LABELS, NEVER_INJECTED, WRITTEN_ANNOTATIONS } from '../../crds/labels.ts';
import { CONTAINER, PROXY_UID } from '../../proxy/contract/bootstrap.ts';

/** Which of the three webhook entries asked: how the pod came to be looked at, and what a refusal means. */
export type Entry = 'required' | 'enabled' | 'pod';

export type SkipReason =
  | 'Disabled'
  | 'HostNetwork'
  | 'Windows'
  | 'AlreadyInjected'
  | 'OtherMesh'
  | 'PodSecurity'
  | 'ReservedUser'
  | 'SystemNamespace';

export type Decision =
  | { readonly kind: 'inject' }
  | { readonly kind: 'skip'; readonly reason: SkipReason; readonly message: string }
  | { readonly kind: 'deny'; readonly message: string };

/** Containers of meshes that write the same iptables hooks: two of them in a pod break each other. */
const OTHER_MESH_CONTAINERS = new Set(['istio-proxy', 'linkerd-proxy', 'kuma-sidecar', 'consul-dataplane']);
const SYSTEM_NAMESPACES: ReadonlySet<string> = new Set(NEVER_INJECTED);
/** Levels of Pod Security that forbid the init container's NET_ADMIN. */
const CLOSED_LEVELS = new Set(['baseline', 'restricted']);
const ENFORCE_LABEL = 'pod-security.kubernetes.io/enforce';

/** The first check that objects decides; where the namespace requires the mesh, what would be a skip is a refusal. */
export function decide(pod: V1Pod, namespace: V1Namespace, entry: Entry): Decision {
  for (const check of CHECKS) {
    const objection = check(pod, namespace);
    if (objection === undefined) continue;
    // Also AlreadyInjected: a container that only has our name would be a way out, and the operator would take it for ours.
    const refuses = entry === 'required' && objection.reason !== 'SystemNamespace';
    if (!refuses) return { kind: 'skip', ...objection };
    return {
      kind: 'deny',
      message: `namespace ${namespace.metadata?.name ?? ''} requires the mesh (${LABELS.inject}=required), but ${objection.message}`,
    };
  }
  return { kind: 'inject' };
}

interface Objection {
  readonly reason: SkipReason;
  readonly message: string;
}
type Check = (pod: V1Pod, namespace: V1Namespace) => Objection | undefined;

const CHECKS: readonly Check[] = [
  (_, namespace) =>
    SYSTEM_NAMESPACES.has(namespace.metadata?.name ?? '')
      ? { reason: 'SystemNamespace', message: `pods of ${namespace.metadata?.name} are never injected` }
      : undefined,
  (pod) =>
    pod.metadata?.labels?.[LABELS.inject] === 'disabled'
      ? { reason: 'Disabled', message: `the pod's label ${LABELS.inject} is "disabled"` }
      : undefined,
  (pod) =>
    pod.spec?.hostNetwork === true
      ? { reason: 'HostNetwork', message: 'the pod uses the network of its node (hostNetwork: true)' }
      : undefined,
  (pod) =>
    isWindows(pod)
      ? {
          reason: 'Windows',
          message: 'the pod is for Windows nodes, where neither the sidecar nor its redirection runs',
        }
      : undefined,
  (pod) => {
    const other = containerNames(pod).find((name) => OTHER_MESH_CONTAINERS.has(name));
    return other === undefined
      ? undefined
      : { reason: 'OtherMesh', message: `the pod holds container ${other} of another mesh` };
  },
  (pod) =>
    containerNames(pod).includes(CONTAINER.proxy) &&
    pod.metadata?.annotations?.[WRITTEN_ANNOTATIONS.injected] === undefined
      ? {
          reason: 'AlreadyInjected',
          message: `the pod holds a container ${CONTAINER.proxy} that this webhook did not add`,
        }
      : undefined,
  (pod) => {
    const name = runsAsProxy(pod);
    return name === undefined
      ? undefined
      : {
          reason: 'ReservedUser',
          message: `container ${name} runs as user ${PROXY_UID}, which is the proxy's own: it could act as the proxy, past which traffic leaves in plaintext; give it another runAsUser`,
        };
  },
  (_, namespace) => {
    const level = namespace.metadata?.labels?.[ENFORCE_LABEL];
    return level !== undefined && CLOSED_LEVELS.has(level)
      ? {
          reason: 'PodSecurity',
          message: `the namespace enforces Pod Security "${level}", which forbids the NET_ADMIN of ${CONTAINER.init}`,
        }
      : undefined;
  },
];

/** A container of the application that says to be the proxy's user. One that an image names cannot be seen here; its group (not `PROXY_GID`) redirects it. */
function runsAsProxy(pod: V1Pod): string | undefined {
  const ofPod = pod.spec?.securityContext?.runAsUser;
  return [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])].find(
    ({ name, securityContext }) => name !== CONTAINER.proxy && (securityContext?.runAsUser ?? ofPod) === PROXY_UID,
  )?.name;
}

/** The API server refuses a Windows pod that holds the Linux fields of our containers: the injection would keep it from being made. */
function isWindows({ spec }: V1Pod): boolean {
  return spec?.os?.name === 'windows' || spec?.nodeSelector?.['kubernetes.io/os'] === 'windows';
}

function containerNames(pod: V1Pod): string[] {
  return [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])].map((container) => container.name);
}
