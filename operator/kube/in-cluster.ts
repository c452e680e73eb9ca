import { readFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import type { Environment } from '../../proxy/base/env.ts';
import type { Credentials } from './credentials.ts';

/** Where the kubelet mounts a pod's own token and the API server's root. Source: Kubernetes, "Accessing the API from a Pod". */
const DIRECTORY = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Server and credentials of a pod; undefined outside of one. The token is read anew at each call: the kubelet replaces it. */
export interface InCluster {
  readonly server: URL;
  read(): Promise<Credentials>;
}

export function inCluster(env: Environment, directory = DIRECTORY): InCluster | undefined {
  const host = env['KUBERNETES_SERVICE_HOST'];
  if (host === undefined || host === '') return undefined;
  const port = env['KUBERNETES_SERVICE_PORT'] ?? '443';
  return {
    server: new URL(`https://${isIPv6(host) ? `[${host}]` : host}:${port}`),
    async read() {
      const [token, ca] = await Promise.all([
        readFile(join(directory, 'token'), 'utf8'),
        readFile(join(directory, 'ca.crt')),
      ]);
      return { headers: { authorization: `Bearer ${token.trim()}` }, tls: { ca } };
    },
  };
}
