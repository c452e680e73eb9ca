import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Probe } from '../../proxy/contract/bootstrap.ts';
import type { AccessLogMode } from '../../proxy/contract/snapshot.ts';
import type { Credentials } from '../../proxy/tls/credentials.ts';
import { createTestAuthority } from '../../proxy/tls/testing/authority.ts';
import { toPod, toService } from './addresses.ts';
import { configurationOf, identityOf, type ServiceDoor, TRUST_DOMAIN } from './configuration.ts';
import { type ProxyProcess, startProxy } from './proxy-process.ts';

/** `order` calls the Service `payment` through two proxies that are processes of their own. */
export interface World {
  readonly order: ProxyProcess;
  readonly payment: ProxyProcess;
  /** A connection of order's application to a port of the Service. */
  dial(port: number): Socket;
  /** Where a client of the network finds an application port of the pod `payment`, in front of its proxy. */
  readonly inbound: { readonly port: number; address(application: number): string };
  /** Of a workload that payment accepts: for peers that speak the mesh and mean harm. */
  issue(name: string): Promise<Credentials>;
  stop(): void;
}

export interface WorldOptions {
  readonly doors: readonly ServiceDoor[];
  readonly permissive?: readonly number[];
  /** Of payment's application, as fixed at injection. */
  readonly probes?: readonly Probe[];
  readonly sockets?: 'handles' | 'streams';
  /** Default All: suites compare the lines with what applications saw. */
  readonly accessLog?: AccessLogMode;
  /** Stands between the two proxies: made with the port of payment's inbound side, answers its own port. */
  readonly between?: (inbound: number) => Promise<number>;
}

export async function createWorld(options: WorldOptions): Promise<World> {
  const directory = mkdtempSync(join(tmpdir(), 'heddle-pair-'));
  const authority = await createTestAuthority(TRUST_DOMAIN);
  const input = { doors: options.doors, permissive: options.permissive ?? [], accessLog: options.accessLog ?? 'All' };
  const payment = await startProxy(
    'payment',
    directory,
    await authority.issue(identityOf('payment')),
    configurationOf('payment', { ...input, doors: [], inbound: 0 }),
    { probes: options.probes ?? [], sockets: options.sockets ?? 'handles' },
  );
  const inbound = payment.ports['inbound']!;
  const order = await startProxy(
    'order',
    directory,
    await authority.issue(identityOf('order')),
    configurationOf('order', { ...input, inbound: (await options.between?.(inbound)) ?? inbound }),
    { sockets: options.sockets ?? 'handles' },
  );
  return {
    order,
    payment,
    dial: (port) =>
      connect({ host: toService(port), port: order.ports['outbound']!, allowHalfOpen: true, noDelay: true }),
    inbound: { port: inbound, address: toPod },
    issue: (name) => authority.issue(identityOf(name)),
    stop() {
      order.stop();
      payment.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
