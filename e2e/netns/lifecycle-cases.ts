import { deepEqual, equal, match, ok } from 'node:assert/strict';
import type { Case, World } from './cases.ts';
import type { Result, Step } from './client.ts';
import { configurationOf, identityOf, PORTS, SERVICE } from './configuration.ts';

const MIB = 1_048_576;
const request = (world: World, path = '/', more: Partial<Extract<Step, { kind: 'http' }>> = {}): Step => ({
  kind: 'http',
  address: SERVICE[world.family],
  port: PORTS.http,
  path,
  ...more,
});
const statusOf = (result: Result | undefined): unknown => result?.status ?? result?.error;

/** What is not about interception: run once, after the others; the last ones stop proxies. */
export const LIFECYCLE: readonly Case[] = [
  {
    name: '256 MiB down and up: byte counts are right, memory stays flat',
    async run(world) {
      const { order, payment } = world;
      await order.run([request(world, `/bytes/${8 * MIB}`)]);
      const before = [order.residentMib(), payment.residentMib()];
      const cpu = order.cpuSeconds() + payment.cpuSeconds();
      const [down, up] = await order.run([
        request(world, `/bytes/${256 * MIB}`),
        request(world, '/sink', { send: 256 * MIB }),
      ]);
      const after = [order.residentMib(), payment.residentMib()];
      equal(down?.bytes, 256 * MIB);
      equal(JSON.parse(up?.body ?? '{}').received, 256 * MIB);
      process.stdout.write(
        `  resident MiB before ${before.join(' and ')}, after ${after.join(' and ')}; CPU of both ${(order.cpuSeconds() + payment.cpuSeconds() - cpu).toFixed(1)} s\n`,
      );
      for (const [index, mib] of after.entries())
        ok(mib - before[index]! < 32, `grew from ${before[index]} to ${mib} MiB`);
    },
  },
  {
    name: '1,000 slow connections at once are all served',
    async run(world) {
      const step: Step = { kind: 'slow', address: SERVICE[world.family], port: PORTS.http, count: 1_000, ms: 3_000 };
      const [result] = await world.order.run([step]);
      process.stdout.write(`  resident MiB after: ${world.order.residentMib()} and ${world.payment.residentMib()}\n`);
      equal(result?.served, 1_000);
    },
  },
  {
    name: 'metrics name both workloads and the handshakes',
    async run({ order, payment }) {
      const outbound = await order.metrics();
      match(
        outbound,
        /heddle_requests_total\{direction="outbound",source_workload="order",source_namespace="shop",destination_workload="payment",destination_namespace="shop",code="200",reason="",grpc_status=""\} \d+/,
      );
      const inbound = await payment.metrics();
      match(
        inbound,
        /heddle_requests_total\{direction="inbound",source_workload="order",[^}]*code="200",reason="",grpc_status=""\} \d+/,
      );
      match(inbound, /heddle_tls_connections_total\{direction="inbound",result="accepted"\} \d+/);
      match(inbound, /heddle_certificate_expiry_seconds \d{10}/);
    },
  },
  {
    name: 'a new configuration is in force with the next request',
    async run(world) {
      const { order } = world;
      order.configure(configurationOf('order', world.family, 'NotFound'));
      order.signalProxy('SIGHUP');
      await until('the new configuration', async () => statusOf((await order.run([request(world)]))[0]) === 404);
      order.configure(configurationOf('order', world.family));
      order.signalProxy('SIGHUP');
      await until('the old configuration', async () => statusOf((await order.run([request(world)]))[0]) === 200);
    },
  },
  {
    name: 'a killed proxy comes back with what it kept, on both sides',
    async run(world) {
      for (const pod of [world.payment, world.order]) {
        pod.signalProxy('SIGKILL');
        await pod.proxyExit();
        await pod.startProxy();
        const [result] = await world.order.run([request(world)]);
        equal(statusOf(result), 200);
        equal(JSON.parse(result?.body ?? '{}').headers['x-heddle-peer'], identityOf('order'));
      }
    },
  },
  {
    name: 'drain, then SIGTERM: what runs is finished, new calls are served until the end',
    async run(world) {
      const { order, payment } = world;
      const running = order.run([request(world, '/slow/1500')]);
      await until('the request', async () =>
        /heddle_open_connections\{[^}]*direction="inbound"[^}]*\} [1-9]/.test(await payment.metrics()),
      );
      equal(await payment.drain(), 0);
      const [during] = await order.run([request(world, '/', { method: 'POST', send: 10 })]);
      equal(statusOf(during), 200);
      payment.signalProxy('SIGTERM');
      deepEqual((await running).map(statusOf), [200]);
      equal(await payment.proxyExit(), 0);
    },
  },
];

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 10_000;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not within 10 s: ${what}`);
  }
}
