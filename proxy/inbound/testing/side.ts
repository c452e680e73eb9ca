import type { Socket } from 'node:net';
import type { ConnectMesh } from '../../balance/mesh-connections.ts';
import type { Dial } from '../../balance/plain-connections.ts';
import { type Clock, type Random, systemClock } from '../../base/clock.ts';
import { createLog, type Log } from '../../base/log.ts';
import { createMetrics, type Metrics } from '../../base/metrics.ts';
import { Cell } from '../../base/watch.ts';
import type { WorkloadConfiguration } from '../../contract/snapshot.ts';
import { type Listener, listen } from '../../net/net.ts';
import { createOutbound, type Outbound } from '../../outbound/outbound.ts';
import { Store } from '../../policy/store.ts';
import { createTrafficMetrics } from '../../telemetry/metrics.ts';
import type { Credentials } from '../../tls/credentials.ts';
import { createInbound, type Inbound, type InboundOptions } from '../inbound.ts';
import { workload } from './configuration.ts';

export interface SideOptions {
  readonly name: string;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly credentials?: Credentials;
  readonly workload?: Partial<WorkloadConfiguration>;
  readonly podAddresses?: readonly string[];
  readonly dial?: Dial;
  readonly connectMesh?: ConnectMesh;
  readonly acceptMesh?: InboundOptions['acceptMesh'];
}

/** A whole proxy in this process: both sides on loopback listeners, the original destination injected. */
export interface Side {
  readonly store: Store;
  readonly metrics: Metrics;
  readonly outbound: Outbound;
  readonly inbound: Inbound;
  readonly credentials: Cell<Credentials | undefined>;
  /** Access and other log lines, parsed. */
  readonly lines: Record<string, unknown>[];
  /** A port on which connections are taken as the application's own, to this original destination. */
  redirect(address: string, port: number): Promise<number>;
  /** A port on which connections are taken as arriving at the pod's application port; another address than 127.0.0.1 is not the pod's. */
  arrive(port: number, address?: string): Promise<number>;
  close(): void;
}

export function createSide(options: SideOptions): Side {
  const clock = options.clock ?? systemClock;
  const random = options.random ?? Math.random;
  const lines: Record<string, unknown>[] = [];
  const log: Log = createLog({
    level: 'debug',
    wall: () => clock.wall(),
    write: (line) => lines.push(JSON.parse(line)),
  });
  const metrics = createMetrics();
  const shared = createTrafficMetrics(metrics);
  const store = new Store({ clock, random });
  const credentials = new Cell<Credentials | undefined>(options.credentials);
  const self = { workload: options.name, namespace: 'shop', pod: `${options.name}-0` };
  store.setAddresses({ ranges: ['10.0.0.0/8', 'fd00::/8'], entries: {} });
  store.commit(store.prepare('workload', workload({ workload: options.name, ...options.workload })));
  const common = {
    clock,
    random,
    log,
    metrics: shared,
    store,
    credentials,
    self,
    ...(options.dial === undefined ? {} : { dial: options.dial }),
  };
  const inbound = createInbound({
    ...common,
    ownAddress: (address) => address === '127.0.0.1',
    ...(options.acceptMesh === undefined ? {} : { acceptMesh: options.acceptMesh }),
  });
  const outbound = createOutbound({
    ...common,
    podAddresses: options.podAddresses ?? [],
    serveSelf: (exchange, target) => inbound.serveSelf(exchange, target),
    ...(options.connectMesh === undefined ? {} : { connectMesh: options.connectMesh }),
  });
  const listeners: Listener[] = [];
  const open = async (
    name: string,
    address: string,
    port: number,
    accept: (socket: Socket) => void,
  ): Promise<number> => {
    const listener = await listen({
      name,
      host: '127.0.0.1',
      port: 0,
      originalDestination: () => ({ address, port, redirected: true }),
      onConnection: accept,
    });
    listeners.push(listener);
    return listener.port;
  };
  return {
    store,
    metrics,
    outbound,
    inbound,
    credentials,
    lines,
    redirect: (address, port) =>
      open('outbound', address, port, (socket) => outbound.accept(socket, { address, port, redirected: true })),
    arrive: (port, address = '127.0.0.1') =>
      open('inbound', address, port, (socket) => inbound.accept(socket, { address, port, redirected: true })),
    close() {
      for (const listener of listeners) listener.close();
      outbound.close();
      inbound.close();
    },
  };
}
