import type {
  V1Container,
  V1GRPCAction,
  V1HTTPGetAction,
  V1LifecycleHandler,
  V1Probe,
  V1TCPSocketAction,
} from '@kubernetes/client-node';
import { PORTS, type Probe } from '../../proxy/contract/bootstrap.ts';

/** A container whose probes and hooks lead through the proxy, with the probes the proxy must then run itself. */
export interface RewrittenContainer {
  readonly container: V1Container;
  readonly probes: readonly Probe[];
  readonly warnings: readonly string[];
}

/**
 * Under Strict the kubelet, which has no identity, could not probe the application. So the proxy runs the probe from
 * inside the pod and the kubelet asks the proxy. `exec` probes need nothing; a probe with an explicit `host` does not
 * go to this pod and stays. `secret` (`PROBE_SECRET`) ends every path: the proxy's health port is open to the network,
 * and nobody but the kubelet may run a hook of the application.
 */
export function rewriteContainer(container: V1Container, secret: string): RewrittenContainer {
  const probes: Probe[] = [];
  const warnings: string[] = [];
  const rewritten: V1Container = { ...container };
  for (const kind of PROBE_KINDS) {
    const probe = container[`${kind}Probe`];
    if (probe === undefined) continue;
    const path = probePath(container.name, kind, secret);
    const found = toProbe(probe, path, container);
    if (found === undefined) continue;
    if (typeof found === 'string') {
      warnings.push(`${container.name}.${kind}Probe: ${found}`);
      continue;
    }
    probes.push(found);
    rewritten[`${kind}Probe`] = replaceAction(probe, path);
  }
  for (const hook of HOOK_KINDS) {
    const handler = container.lifecycle?.[hook];
    const path = probePath(container.name, hook.toLowerCase(), secret);
    const found = handler?.httpGet === undefined ? undefined : toHookProbe(handler, path, container);
    if (found === undefined) continue;
    if (typeof found === 'string') {
      warnings.push(`${container.name}.lifecycle.${hook}: ${found}`);
      continue;
    }
    probes.push(found);
    rewritten.lifecycle = { ...rewritten.lifecycle, [hook]: { httpGet: { path, port: PORTS.health } } };
  }
  return { container: rewritten, probes, warnings };
}

/** True for a probe that already leads to the proxy: a second injection keeps it. */
export function leadsToProxy(action: V1HTTPGetAction | undefined): boolean {
  return action !== undefined && action.port === PORTS.health && (action.path ?? '').startsWith('/probe/');
}

const PROBE_KINDS = ['liveness', 'readiness', 'startup'] as const;
const HOOK_KINDS = ['postStart', 'preStop'] as const;
/** Kubernetes' default of `timeoutSeconds`. */
const DEFAULT_TIMEOUT_SECONDS = 1;
/** A hook has no timeout of its own; the pod's grace period ends it. */
const HOOK_TIMEOUT_SECONDS = 30;

function probePath(container: string, kind: string, secret: string): string {
  return `/probe/${container}/${kind}/${secret}`;
}

function toProbe(probe: V1Probe, path: string, container: V1Container): Probe | string | undefined {
  const timeoutSeconds = probe.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS;
  if (probe.httpGet !== undefined) return fromHttp(probe.httpGet, path, timeoutSeconds, container);
  if (probe.tcpSocket !== undefined) return fromTcp(probe.tcpSocket, path, timeoutSeconds, container);
  if (probe.grpc !== undefined) return fromGrpc(probe.grpc, path, timeoutSeconds);
  return undefined;
}

function toHookProbe(handler: V1LifecycleHandler, path: string, container: V1Container): Probe | string | undefined {
  return handler.httpGet === undefined ? undefined : fromHttp(handler.httpGet, path, HOOK_TIMEOUT_SECONDS, container);
}

function fromHttp(
  action: V1HTTPGetAction,
  path: string,
  timeoutSeconds: number,
  container: V1Container,
): Probe | string | undefined {
  if (hasHost(action) || leadsToProxy(action)) return undefined;
  const port = resolvePort(action.port, container);
  if (port === undefined) return `port "${String(action.port)}" is not among the container's ports; left as it is`;
  const headers = (action.httpHeaders ?? []).map((header) => [header.name, header.value] as const);
  const scheme = action.scheme === 'HTTPS' ? 'HTTPS' : 'HTTP';
  const target = action.path === undefined || action.path === '' ? '/' : action.path;
  return {
    path,
    port,
    timeoutSeconds,
    action: { kind: 'http', scheme, path: target.startsWith('/') ? target : `/${target}`, headers },
  };
}

function fromTcp(
  action: V1TCPSocketAction,
  path: string,
  timeoutSeconds: number,
  container: V1Container,
): Probe | string | undefined {
  if (hasHost(action)) return undefined;
  const port = resolvePort(action.port, container);
  if (port === undefined) return `port "${String(action.port)}" is not among the container's ports; left as it is`;
  return { path, port, timeoutSeconds, action: { kind: 'tcp' } };
}

function fromGrpc(action: V1GRPCAction, path: string, timeoutSeconds: number): Probe {
  return { path, port: action.port, timeoutSeconds, action: { kind: 'grpc', service: action.service ?? '' } };
}

/** An empty text is none. */
function hasHost({ host }: { readonly host?: string }): boolean {
  return host !== undefined && host !== '';
}

function resolvePort(port: unknown, container: V1Container): number | undefined {
  if (typeof port === 'number') return port;
  if (typeof port !== 'string') return undefined;
  if (/^\d+$/.test(port)) return Number(port);
  return container.ports?.find((candidate) => candidate.name === port)?.containerPort;
}

/** The same schedule, another action. */
function replaceAction(probe: V1Probe, path: string): V1Probe {
  const { httpGet: _http, tcpSocket: _tcp, grpc: _grpc, ...schedule } = probe;
  return { ...schedule, httpGet: { path, port: PORTS.health } };
}
