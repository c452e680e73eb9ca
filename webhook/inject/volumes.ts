import type { V1Pod, V1Volume } from '@kubernetes/client-node';
import { WRITTEN_ANNOTATIONS } from '../../crds/labels.ts';
import { CONTAINER, TOKEN_AUDIENCE, TRUST_CONFIG_MAP, VOLUMES } from '../../proxy/contract/bootstrap.ts';

/** Token (bound to the pod, renewed by the kubelet), trust bundle, and a memory volume for key and last good configuration. */
export function volumes(): V1Volume[] {
  return [
    {
      name: VOLUMES.token,
      projected: {
        defaultMode: 0o644,
        sources: [{ serviceAccountToken: { audience: TOKEN_AUDIENCE, expirationSeconds: 3600, path: 'token' } }],
      },
    },
    // Optional: a pod must not hang in ContainerCreating because the operator comes later; the proxy waits for the file and says so.
    { name: VOLUMES.trust, configMap: { name: TRUST_CONFIG_MAP.name, optional: true, defaultMode: 0o644 } },
    { name: VOLUMES.state, emptyDir: { medium: 'Memory', sizeLimit: '32Mi' } },
  ];
}

const OWN_VOLUMES: ReadonlySet<string> = new Set(Object.values(VOLUMES));
const OWN_CONTAINERS: ReadonlySet<string> = new Set(Object.values(CONTAINER));

/**
 * Why the pod's own volumes and mounts do not go with ours, each with its field; empty: they do. Ours hold the proxy's key and
 * token, so no other container may mount them; and a volume of the pod is never replaced silently.
 */
export function volumeProblems(pod: V1Pod): string[] {
  const isAgain = pod.metadata?.annotations?.[WRITTEN_ANNOTATIONS.injected] !== undefined;
  const taken = (isAgain ? [] : (pod.spec?.volumes ?? [])).filter(({ name }) => OWN_VOLUMES.has(name));
  const lists = [
    ['initContainers', pod.spec?.initContainers ?? []],
    ['containers', pod.spec?.containers ?? []],
  ] as const;
  const mounts = lists.flatMap(([list, containers]) =>
    containers
      .filter(({ name }) => !OWN_CONTAINERS.has(name))
      .flatMap(({ name, volumeMounts = [] }) =>
        volumeMounts
          .filter((mount) => OWN_VOLUMES.has(mount.name))
          .map((mount) => `spec.${list}[${name}].volumeMounts: ${mount.name} holds what is the proxy's alone`),
      ),
  );
  return [...taken.map(({ name }) => `spec.volumes[${name}]: the name is the mesh's own; give it another`), ...mounts];
}
