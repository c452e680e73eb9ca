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

/** The first of them pay for what serving many costs once: hot code, a young generation that grew. */
const FIRST = 100;

interface Batch {
  readonly from: number;
  readonly count: number;
}

/**
 * Growth of the called side's resident memory by that many calling pods: each has an identity of its own, one mesh connection and made one request. One
 * came and went before, so that what serving at all needs is not counted. The callers speak the mesh's own protocol from two processes, so all come from
 * one address. What one connection costs is the slope from the first hundred to all.
 */
export async function measureCallers(world: World, count: number): Promise<Attempt> {
  const authority = await createTestAuthority(TRUST_DOMAIN);
  const inbound = await world.restart('inbound', { callerRoots: authority.rootsPem });
  try {
    await untilListening(inbound);
    const resident = (): number => memoryOf(inbound.pid).resident;
    const held = <T>(batch: Batch, look: () => T | Promise<T>): Promise<T> => whileHeld(world, authority, batch, look);
    await held({ from: 0, count: 1 }, () => 0);
    const before = resident();
    const [first, all] = await held({ from: 0, count: FIRST }, async () => [
      resident(),
      await held({ from: FIRST, count: count - FIRST }, resident),
    ]);
    return {
      kind: 'ok',
      foreign: NOBODY,
      values: { callersGrowth: (all! - before) / MIB, meshConnectionKb: (all! - first!) / (count - FIRST) / 1_000 },
    };
  } finally {
    await untilListening(await world.restart('inbound'));
  }
}

/** What `look` finds while these callers stand. */
async function whileHeld<T>(
  world: World,
  authority: Awaited<ReturnType<typeof createTestAuthority>>,
  batch: Batch,
  look: () => T | Promise<T>,
): Promise<T> {
  const callers = await startCallers(world, authority, batch);
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
  { from, count }: Batch,
): Promise<{ running: Running; log: string }> {
  const names = Array.from({ length: count }, (_, index) => `caller-${from + index}`);
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
    first: from,
    credentials: issued.map((one) => ({ ...one, rootsPem })),
  };
  const file = join(world.folder, `callers-${from}.json`);
  const log = join(world.folder, `callers-${from}.log`);
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
