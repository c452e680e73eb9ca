import { readFileSync } from 'node:fs';
import { CORES } from '../plan.ts';
import type { World } from '../world/world.ts';
import { type CoreTime, coreTime, parseStat, type Usage, usageOf } from './proc.ts';

/** What was used up to an instant, by whom. */
export interface Snapshot {
  readonly proxies: Usage;
  readonly backends: Usage;
  /** Of the bench itself, which runs on the load core, with the generators it has waited for. */
  readonly benchUs: number;
  readonly proxyCore: CoreTime;
  readonly loadCore: CoreTime;
}

/** Share (0..1) of each core's time that went to nobody of the measurement. */
export interface Foreign {
  readonly proxyCore: number;
  readonly loadCore: number;
}

export function snapshot(world: World): Snapshot {
  return {
    proxies: usageOf([...world.proxies.values()].map((running) => running.pid)),
    backends: usageOf(world.backends.map((running) => running.pid)),
    benchUs: parseStat(readFileSync('/proc/self/stat', 'utf8')).cpuUs,
    proxyCore: coreTime(CORES.proxy),
    loadCore: coreTime(CORES.load),
  };
}

/** Never negative: the kernel counts cores by ticks and processes by the clock. */
export function foreignShare(before: Snapshot, after: Snapshot): Foreign {
  const loadUs = after.backends.cpuUs - before.backends.cpuUs + after.benchUs - before.benchUs;
  return {
    proxyCore: share(before.proxyCore, after.proxyCore, after.proxies.cpuUs - before.proxies.cpuUs),
    loadCore: share(before.loadCore, after.loadCore, loadUs),
  };
}

function share(before: CoreTime, after: CoreTime, ownUs: number): number {
  const busy = after.busyUs - before.busyUs;
  const whole = busy + after.idleUs - before.idleUs;
  return whole <= 0 ? 0 : Math.max(0, (busy - ownUs) / whole);
}
