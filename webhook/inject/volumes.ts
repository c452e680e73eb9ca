import type { V1Volume } from '@kubernetes/client-node';
import { TOKEN_AUDIENCE, TRUST_CONFIG_MAP, VOLUMES } from '../../proxy/contract/bootstrap.ts';

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
