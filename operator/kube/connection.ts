import type { KubeConfig } from '@kubernetes/client-node';
import type { Environment } from '../../proxy/base/env.ts';
import { HeddleError } from '../../proxy/base/errors.ts';
import type { Credentials } from './credentials.ts';
import { inCluster } from './in-cluster.ts';

/** Where the API server is and how to speak to it. */
export interface Connection {
  /** `https://10.96.0.1:443`, without a path. */
  readonly server: URL;
  credentials(): Promise<Credentials>;
  /** Forgets what is held, after a 401. */
  refresh(): void;
}

/** Tokens are read again this often; the kubelet replaces them at 80 % of an hour. */
const CREDENTIALS_KEPT_MS = 30_000;

/**
 * Reads the kubeconfig `file`; without one the pod's own credentials, and outside a pod what client-go would take
 * (KUBECONFIG, ~/.kube/config). The library is loaded for kubeconfigs only: it takes 90 MB of memory, which no pod needs.
 */
export async function loadConnection(options: {
  file?: string;
  env: Environment;
  now: () => number;
}): Promise<Connection> {
  const pod = options.file === undefined ? inCluster(options.env) : undefined;
  if (pod !== undefined) return keeping(pod.server, pod.read, options.now);
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  if (options.file === undefined) config.loadFromDefault();
  else config.loadFromFile(options.file);
  return connectionOf(config, options.now);
}

/** For tests and tools that already know the server. */
export function plainConnection(server: string): Connection {
  return { server: new URL(server), credentials: async () => ({ headers: {}, tls: {} }), refresh: () => {} };
}

function connectionOf(config: KubeConfig, now: () => number): Connection {
  const cluster = config.getCurrentCluster();
  if (cluster === null) {
    throw new HeddleError('kubernetes', 'no Kubernetes cluster is configured: set KUBECONFIG, or run inside a pod', {
      where: { context: config.getCurrentContext() },
    });
  }
  return keeping(new URL(cluster.server), () => readCredentials(config), now);
}

/** Keeps what `read` gave for a while, and never a failure. */
function keeping(server: URL, read: () => Promise<Credentials>, now: () => number): Connection {
  let held: { readonly value: Promise<Credentials>; readonly until: number } | undefined;
  return {
    server,
    credentials() {
      if (held === undefined || now() > held.until) {
        const next = { value: read(), until: now() + CREDENTIALS_KEPT_MS };
        held = next;
        next.value.catch(() => {
          if (held === next) held = undefined;
        });
      }
      return held.value;
    },
    refresh() {
      held = undefined;
    },
  };
}

interface HttpsOptions {
  headers?: Record<string, unknown>;
  ca?: unknown;
  cert?: unknown;
  key?: unknown;
  servername?: string;
  rejectUnauthorized?: boolean;
  auth?: string | null;
}

async function readCredentials(config: KubeConfig): Promise<Credentials> {
  const options: HttpsOptions = {};
  await config.applyToHTTPSOptions(options as Parameters<KubeConfig['applyToHTTPSOptions']>[0]);
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) headers[name.toLowerCase()] = String(value);
  if (typeof options.auth === 'string')
    headers['authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
  const ca = pem(options.ca);
  const cert = pem(options.cert);
  const key = pem(options.key);
  return {
    headers,
    tls: {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(options.servername === undefined ? {} : { servername: options.servername }),
      ...(options.rejectUnauthorized === undefined ? {} : { rejectUnauthorized: options.rejectUnauthorized }),
    },
  };
}

function pem(value: unknown): string | Buffer | undefined {
  return typeof value === 'string' || Buffer.isBuffer(value) ? value : undefined;
}
