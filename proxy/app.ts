import { randomUUID } from 'node:crypto';
import { startAdmin } from './admin/admin.ts';
import { startHealth } from './admin/health.ts';
import { exportProcess, startMetricsPort } from './admin/metrics-port.ts';
import { createProbes } from './admin/probes.ts';
import { createReadiness, type Readiness } from './admin/readiness.ts';
import type { TextServer } from './admin/text-server.ts';
import type { Clock, Random, Timer } from './base/clock.ts';
import type { Log } from './base/log.ts';
import { createMetrics, type Metrics } from './base/metrics.ts';
import { INIT_REPORT_FILE, type InitReport, PORTS } from './contract/bootstrap.ts';
import { decodeInitReport, describeDecodeErrors } from './contract/decode.ts';
import { type Control, createControl, createFileControl, createLastGood, createOpenLink } from './control/control.ts';
import type { ProxyEnvironment } from './environment.ts';
import {
  createIdentity,
  createStateFiles,
  createTrustBundle,
  type Identity,
  readToken,
  requestCertificate,
  type StateFiles,
  type TrustBundle,
} from './identity/identity.ts';
import { createInbound } from './inbound/inbound.ts';
import {
  checkOriginalDestination,
  type Listener,
  type ListenOptions,
  listen,
  ownAddresses,
  trimMemory,
} from './net/net.ts';
import { createOutbound } from './outbound/outbound.ts';
import { Store } from './policy/store.ts';
import { createTrafficMetrics, exportCertificateExpiry } from './telemetry/metrics.ts';
import { type Collection, createTidy } from './tidy.ts';
import { PROXY_VERSION } from './version.ts';

export interface AppOptions {
  readonly environment: ProxyEnvironment;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Default `PORTS`; tests give zeros. */
  readonly ports?: { readonly [K in keyof typeof PORTS]: number };
  /** Default: asked from the kernel. Tests inject. */
  readonly originalDestination?: NonNullable<ListenOptions['originalDestination']>;
  /** Collects garbage when much was left behind (`tidy.ts`). Default: nothing is given back before V8 and the C library think best. */
  readonly collect?: (how: Collection) => void;
}

export interface App {
  /** Rejects when the proxy cannot work here at all; missing identity or configuration is waited for. */
  start(): Promise<void>;
  /** Readiness goes, callers are asked to go elsewhere, everything is still served. */
  drain(): void;
  /** Finishes what runs, 5 s at most, then closes everything. */
  stop(): Promise<void>;
  /** SIGHUP: reads files again (only a proxy without a control plane has any). */
  reload(): void;
  readonly readiness: Readiness;
  readonly metrics: Metrics;
  /** Ports in use, once started. */
  readonly listening: Readonly<Partial<Record<keyof typeof PORTS, number>>>;
}

/** What runs is given this long after SIGTERM: the applications of the pod have ended by then. */
const FINISH_MS = 5_000;
const FINISH_POLL_MS = 20;
const SWEEP_MS = 60_000;

/** The proxy, assembled. Quiet until `start`. */
export function createApp(options: AppOptions): App {
  const { environment, clock, random, log } = options;
  const { pod, workload } = environment;
  const ports = options.ports ?? PORTS;
  const self = { workload, namespace: pod.namespace, pod: pod.name };

  const metrics = createMetrics();
  const traffic = createTrafficMetrics(metrics);
  const files = createStateFiles(environment.stateDirectory);
  const bundle = createTrustBundle({ file: environment.trustBundleFile, clock, log });
  const identity = identityOf(options, bundle, files);
  const { credentials } = identity;
  const store = new Store({ clock, random, apiServer: environment.apiServer });
  const control = controlOf(options, store, identity, files, metrics);
  const inbound = createInbound({
    clock,
    random,
    log,
    metrics: traffic,
    store,
    credentials,
    self,
    ownAddress: ownAddresses(pod.addresses),
  });
  const outbound = createOutbound({
    clock,
    random,
    log,
    metrics: traffic,
    store,
    credentials,
    self,
    podAddresses: pod.addresses,
    serveSelf: inbound.serveSelf,
  });
  const readiness = readinessOf(identity, control, store, () => listeners.length === 2);
  const probes = createProbes({ probes: environment.probes, address: pod.addresses[0] ?? '127.0.0.1', clock });

  const { collect } = options;
  const tidy = collect === undefined ? undefined : createTidy({ clock, collect, trim: trimMemory, cpuMs });
  if (tidy !== undefined) store.onCommit(() => tidy.configured());

  const listeners: Listener[] = [];
  const servers: TextServer[] = [];
  const listening: Partial<Record<keyof typeof PORTS, number>> = {};
  let sweep: Timer | undefined;

  const drain = (): void => {
    if (readiness.draining) return;
    log.info('draining: not ready any more, still serving');
    readiness.drain();
    inbound.drain();
  };
  const serve = async (name: keyof typeof PORTS, server: Promise<TextServer>): Promise<void> => {
    const started = await server;
    servers.push(started);
    listening[name] = started.port;
  };
  const intercept = async (name: 'outbound' | 'inbound', accept: ListenOptions['onConnection']): Promise<void> => {
    const refused = traffic.refusedConnections;
    const listener = await listen({
      name,
      port: ports[name],
      onConnection: (...connection) => {
        tidy?.connected();
        accept(...connection);
      },
      onRefused: (why) => refused.child([name, why === 'too_many_connections' ? 'overloaded' : why]).inc(),
      ...(options.originalDestination === undefined ? {} : { originalDestination: options.originalDestination }),
    });
    listeners.push(listener);
    listening[name] = listener.port;
  };
  const sweepMetrics = (): void => {
    metrics.sweep();
    sweep = clock.after(SWEEP_MS, sweepMetrics);
  };

  return {
    readiness,
    metrics,
    listening,
    drain,
    async start() {
      exportProcess(metrics, () => clock.wall());
      exportCertificateExpiry(metrics, credentials);
      // First of all: it says what the rest waits for.
      await serve('health', startHealth({ port: ports.health, readiness, probes }));
      await serve('metrics', startMetricsPort(ports.metrics, metrics));
      await serve('admin', startAdmin({ port: ports.admin, readiness, credentials, control, drain }));
      if (options.originalDestination === undefined) await checkOriginalDestination();
      if (environment.source.kind === 'operator') await bundle.start();
      identity.start();
      control.start();
      await intercept('outbound', outbound.accept);
      await intercept('inbound', inbound.accept);
      sweepMetrics();
      tidy?.started();
      log.info('proxy started', { version: PROXY_VERSION, node: process.version, identity: environment.identity });
    },
    async stop() {
      readiness.drain();
      inbound.drain();
      outbound.drain();
      const left = await settled(listeners, clock);
      if (left > 0) log.warn('connections cut at the end', { left });
      sweep?.clear();
      tidy?.stop();
      control.stop();
      identity.stop();
      bundle.stop();
      inbound.close();
      outbound.close();
      for (const listener of listeners) listener.close();
      for (const server of servers) server.close();
    },
    reload() {
      identity.reload();
      if ('reload' in control) control.reload();
      else log.info('nothing to read again: configuration comes from the operator');
    },
  };
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

function identityOf(options: AppOptions, bundle: TrustBundle, files: StateFiles): Identity {
  const { environment, clock, random, log } = options;
  const { source, operatorIdentity, leafSeconds } = environment;
  const exchange = source.kind === 'operator' ? { target: source.target, operatorIdentity, clock } : undefined;
  return createIdentity({
    identity: environment.identity,
    tokenFile: environment.tokenFile,
    ...(leafSeconds === undefined ? {} : { ttlSeconds: leafSeconds }),
    roots: bundle.roots,
    files,
    clock,
    random,
    log: log.with({ part: 'identity' }),
    request:
      exchange === undefined
        ? undefined
        : (request, rootsPem) => requestCertificate(request, { ...exchange, rootsPem }),
  });
}

function controlOf(
  options: AppOptions,
  store: Store,
  identity: Identity,
  files: StateFiles,
  metrics: Metrics,
): Control & { reload?(): void } {
  const { environment, clock, random } = options;
  const log = options.log.with({ part: 'control' });
  const { source, pod, serviceAccount, trustDomain } = environment;
  if (source.kind === 'file') return createFileControl({ file: source.file, store, log });
  return createControl({
    target: source.target,
    credentials: identity.credentials,
    store,
    lastGood: createLastGood({ files, clock, log }),
    open: createOpenLink({ operatorIdentity: environment.operatorIdentity, clock }),
    readToken: () => readToken(environment.tokenFile),
    own: { namespace: pod.namespace, serviceAccount, trustDomain },
    pod,
    proxyVersion: PROXY_VERSION,
    instance: randomUUID(),
    serviceAddressSurvives: readInitReport(files, log)?.serviceAddressSurvives,
    unusedMs: environment.unusedKeyMs,
    clock,
    random,
    log,
    metrics,
  });
}

function readInitReport(files: StateFiles, log: Log): InitReport | undefined {
  const text = files.read(INIT_REPORT_FILE);
  if (text === undefined) return undefined;
  const decoded = decodeInitReport(text);
  if (decoded.ok) return decoded.value;
  log.warn('the report of heddle-init is ignored', { why: describeDecodeErrors(decoded.errors) });
  return undefined;
}

function readinessOf(identity: Identity, control: Control, store: Store, listening: () => boolean): Readiness {
  return createReadiness({
    listening,
    missingIdentity() {
      if (identity.credentials.value !== undefined) return undefined;
      return `a certificate (${identity.trouble ?? 'asked for'})`;
    },
    missingConfiguration: () =>
      store.workload() === undefined ? `the configuration of this workload (stream: ${control.state})` : undefined,
    expiredUnderStrict() {
      const mtls = store.workload()?.configuration.mtls;
      const strict = mtls?.mode === 'Strict' || mtls?.ports.some((port) => port.mode === 'Strict') === true;
      return strict && identity.credentials.value === undefined;
    },
  });
}

/** Resolves with the number of connections that are left after 5 s, 0 when all ended by themselves. */
function settled(listeners: readonly Listener[], clock: Clock): Promise<number> {
  const count = (): number => listeners.reduce((sum, listener) => sum + listener.connections, 0);
  const end = clock.now() + FINISH_MS;
  return new Promise((resolve) => {
    const look = (): void => {
      if (count() === 0 || clock.now() >= end) resolve(count());
      else clock.after(FINISH_POLL_MS, look);
    };
    look();
  });
}
