import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import type { V1Namespace } from '@kubernetes/client-node';
import type { MeshConfig } from '../crds/gen/types.ts';
import { API_VERSION, LAST_MESH_CONFIG, MESH_CONFIG_NAME } from '../crds/labels.ts';
import { HeddleError } from '../proxy/base/errors.ts';
import { SYSTEM_NAMESPACE } from '../proxy/contract/bootstrap.ts';
import type { InjectionDefaults } from './inject/values.ts';

/** What the webhook must know of the cluster besides the object under review. */
export interface ClusterView {
  /** `host:port` of the API server's Service address: the init container checks redirection against it. */
  readonly apiServer: string | undefined;
  namespace(name: string): Promise<V1Namespace>;
  /** What MeshConfig `default` sets; the last known values when it is deleted (absence is never permission). */
  injection(): Promise<Partial<InjectionDefaults>>;
}

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
/** Labels and settings change rarely, admissions come in bursts. */
const CACHE_MS = 2000;
const TIMEOUT_MS = 3000;
const MAX_NAMESPACES = 10_000;

interface Cached<T> {
  readonly at: number;
  readonly value: Promise<T>;
}

export interface ClusterViewOptions {
  readonly host: string;
  readonly port: number;
  readonly now: () => number;
  readonly get: (path: string) => Promise<unknown>;
}

export function createClusterView(options: ClusterViewOptions): ClusterView {
  const namespaces = new Map<string, Cached<V1Namespace>>();
  let config: Cached<Partial<InjectionDefaults>> | undefined;
  let last: Partial<InjectionDefaults> = {};

  const fresh = (entry: Cached<unknown> | undefined): boolean =>
    entry !== undefined && options.now() - entry.at < CACHE_MS;

  const readConfig = async (): Promise<Partial<InjectionDefaults>> => {
    const config = await orUndefined(options.get(`/apis/${API_VERSION}/meshconfigs/${MESH_CONFIG_NAME}`));
    // Deleted: the last values stay, also those from before this process.
    const spec =
      config === undefined ? lastSpec(await orUndefined(options.get(LAST_PATH))) : (config as MeshConfig).spec;
    if (spec !== undefined) last = fromMeshConfig(spec);
    return last;
  };

  return {
    apiServer: options.host === '' ? undefined : `${options.host}:${options.port}`,
    namespace(name) {
      const known = namespaces.get(name);
      if (known !== undefined && fresh(known)) return known.value;
      if (namespaces.size >= MAX_NAMESPACES) namespaces.clear();
      const value = options.get(`/api/v1/namespaces/${encodeURIComponent(name)}`) as Promise<V1Namespace>;
      namespaces.set(name, { at: options.now(), value });
      value.catch(() => namespaces.delete(name));
      return value;
    },
    injection() {
      if (config !== undefined && fresh(config)) return config.value;
      const value = readConfig();
      config = { at: options.now(), value };
      value.catch(() => {
        config = undefined;
      });
      return value;
    },
  };
}

const LAST_PATH = `/api/v1/namespaces/${SYSTEM_NAMESPACE}/configmaps/${LAST_MESH_CONFIG.name}`;

/** Undefined where the API server knows no such object. */
async function orUndefined(answer: Promise<unknown>): Promise<unknown> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof HeddleError && error.code === 'NotFound') return undefined;
    throw error;
  }
}

/** As the operator wrote it; undefined where that cannot be read, and for the operator's own checks of it nothing is repeated here. */
function lastSpec(configMap: unknown): MeshConfig['spec'] | undefined {
  const data = (configMap as { readonly data?: Readonly<Record<string, string>> } | undefined)?.data;
  try {
    return (JSON.parse(data?.[LAST_MESH_CONFIG.key] ?? '') as Partial<MeshConfig> | null)?.spec;
  } catch {
    return undefined;
  }
}

function fromMeshConfig({ trustDomain, injection }: MeshConfig['spec']): Partial<InjectionDefaults> {
  const set = <K extends keyof InjectionDefaults>(
    name: K,
    value: InjectionDefaults[K] | undefined,
  ): Partial<InjectionDefaults> => (value === undefined ? {} : ({ [name]: value } as Partial<InjectionDefaults>));
  return {
    ...set('trustDomain', trustDomain),
    ...set('cpuRequest', injection?.resources?.cpuRequest),
    ...set('memoryRequest', injection?.resources?.memoryRequest),
    ...set('memoryLimit', injection?.resources?.memoryLimit),
    ...set('excludeInboundPorts', injection?.excludeInboundPorts),
    ...set('excludeOutboundPorts', injection?.excludeOutboundPorts),
    ...set('excludeOutboundCidrs', injection?.excludeOutboundCidrs),
  };
}

/** GET against the API server as this pod's service account; the token is read again for each call because the kubelet renews it. */
export function inClusterGet(host: string, port: number): (path: string) => Promise<unknown> {
  return async (path) => {
    const [token, ca] = await Promise.all([
      readFile(`${SERVICE_ACCOUNT}/token`, 'utf8'),
      readFile(`${SERVICE_ACCOUNT}/ca.crt`, 'utf8'),
    ]);
    return getJson({ host, port, path, token: token.trim(), ca });
  };
}

function getJson(call: { host: string; port: number; path: string; token: string; ca: string }): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const fail = (code: string, message: string, cause?: unknown): void =>
      reject(
        new HeddleError(code, message, { where: { path: call.path, server: `${call.host}:${call.port}` }, cause }),
      );
    const sent = request(
      {
        host: call.host,
        port: call.port,
        path: call.path,
        ca: call.ca,
        headers: { authorization: `Bearer ${call.token}` },
        timeout: TIMEOUT_MS,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', (error) => fail('Unavailable', 'the API server closed the answer', error));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          if (response.statusCode === 404) return fail('NotFound', 'the API server does not know this object');
          if (response.statusCode !== 200)
            return fail('Refused', `the API server answered ${response.statusCode}: ${text.slice(0, 200)}`);
          try {
            resolve(JSON.parse(text));
          } catch (error) {
            fail('Unavailable', 'the API server answered something that is not JSON', error);
          }
        });
      },
    );
    sent.on('timeout', () => sent.destroy(new Error(`no answer in ${TIMEOUT_MS} ms`)));
    sent.on('error', (error) => fail('Unavailable', 'the API server cannot be reached', error));
    sent.end();
  });
}
