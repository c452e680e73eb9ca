import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createTestAuthority } from '../../../proxy/tls/testing/authority.ts';
import type { CallersOptions } from '../load/callers.ts';
import { ADDRESS, BACKENDS, CALLERS_NAMESPACE, CORES, IDENTITY, SERVICES, TRUST_DOMAIN } from '../plan.ts';
import { script } from '../world/backends.ts';
import { type Running, start } from '../world/process.ts';
import type { World } from '../world/world.ts';
import type { Attempt } from './attempt.ts';
import { untilListening } from './copies.ts';
import { memoryOf } from './proc.ts';

const MIB = 1024 * 1024;
const NOBODY = { proxyCore: 0, loadCore: 0 } as const;
/** What a process does at its start, and after the last handshake, is over by then: proxy/tidy.ts waits some seconds, V8 gives pages back after 8 s. */
const SETTLE_MS = 15_000;
const HELD_WITHIN_MS = 120_000;
const POLL_MS = 50;

/**
 * Growth of the called side's resident memory by that many calling pods: each has an identity of its own, one mesh connection and made one request. One
 * came and went before, so that what serving at all needs is not counted. The callers are one process that speaks the mesh's own protocol, so all come
 * from one address.
 */
export async function measureCallers(world: World, count: number): Promise<Attempt> {
  const authority = await createTestAuthority(TRUST_DOMAIN);
  const inbound = await world.restart('inbound', { callerRoots: authority.rootsPem });
  try {
    await untilListening(inbound);
    const resident = (): number => memoryOf(inbound.pid).resident;
    await whileHeld(world, authority, 1, () => 0);
    const before = resident();
    const growth = (await whileHeld(world, authority, count, resident)) - before;
    return {
      kind: 'ok',
      foreign: NOBODY,
      values: { callersGrowth: growth / MIB, meshConnectionKb: growth / count / 1_000 },
    };
  } finally {
    await untilListening(await world.restart('inbound'));
  }
}

/** What `look` finds while so many callers stand. */
export async function whileHeld(
  world: World,
  authority: Awaited<ReturnType<typeof createTestAuthority>>,
  count: number,
  look: () => number | Promise<number>,
): Promise<number> {
  const callers = await startCallers(world, authority, count);
  try {
    await untilHeld(callers.running, callers.log);
    await sleep(SETTLE_MS);
    world.assertAlive();
    callers.running.assertAlive();
    return await look();
  } finally {
    await callers.running.stop();
  }
}

async function startCallers(
  world: World,
  authority: Awaited<ReturnType<typeof createTestAuthority>>,
  count: number,
): Promise<{ running: Running; log: string }> {
  const names = Array.from({ length: count }, (_, index) => `caller-${index}`);
  const issued = await Promise.all(
    names.map((name) => authority.issue(`spiffe://${TRUST_DOMAIN}/ns/${CALLERS_NAMESPACE}/sa/${name}`)),
  );
  const rootsPem = readFileSync(world.roots, 'utf8');
  const options: CallersOptions = {
    address: ADDRESS.server,
    port: BACKENDS.a,
    host: SERVICES.pair.host,
    destination: `${SERVICES.pair.address}:${SERVICES.pair.port}`,
    expectedIdentity: IDENTITY.server,
    credentials: issued.map((one) => ({ ...one, rootsPem })),
  };
  const file = join(world.folder, 'callers.json');
  const log = join(world.folder, 'callers.log');
  writeFileSync(file, JSON.stringify(options));
  writeFileSync(log, '');
  const running = start({
    name: 'callers',
    namespace: world.network.client,
    command: [process.execPath, script('callers.ts'), file],
    core: CORES.load,
    // Not through the calling side's proxy.
    as: 'proxy',
    log,
  });
  return { running, log };
}

async function untilHeld(running: Running, log: string): Promise<void> {
  const until = Date.now() + HELD_WITHIN_MS;
  while (!readFileSync(log, 'utf8').includes('held\n')) {
    running.assertAlive();
    if (Date.now() > until) throw new Error(`the callers do not stand after ${HELD_WITHIN_MS / 1_000} s`);
    await sleep(POLL_MS);
  }
}
