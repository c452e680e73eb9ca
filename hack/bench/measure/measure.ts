import { runLoad } from '../load/run-load.ts';
import type { Scenario } from '../scenarios.ts';
import type { World } from '../world/world.ts';
import { type Attempt, doubt, type MeasureOptions } from './attempt.ts';
import { measureCallers } from './callers.ts';
import { measureCopies, measureDestinations } from './copies.ts';
import { measureLife } from './life.ts';
import { foreignShare, snapshot } from './machine.ts';

/** Compilers of code that runs first need more time than caches that have cooled. */
const WARM_UP = { first: 4, later: 1 } as const;
const warmed = new WeakMap<World, Set<string>>();

/** One scenario at one contender. Throws when something broke; a measurement that cannot be trusted is rejected with its reason. */
export async function measure(world: World, scenario: Scenario, options: MeasureOptions): Promise<Attempt> {
  const { load } = scenario;
  if (load.kind === 'life') return measureLife(world, scenario, options);
  if (load.kind === 'copies') return measureCopies(world, load.count);
  if (load.kind === 'destinations') return measureDestinations(world, load.count);
  if (load.kind === 'callers') return measureCallers(world, load.count);
  // The open-loop generator warms up by itself.
  if (load.kind !== 'open') await runLoad(world, scenario, warmUpSeconds(world, scenario), options.tools);
  const before = snapshot(world);
  const outcome = await runLoad(world, scenario, options.seconds, options.tools);
  const after = snapshot(world);
  world.assertAlive();
  const foreign = foreignShare(before, after);
  const reason = doubt(outcome, foreign, options.busy);
  if (reason !== undefined) return { kind: 'rejected', reason };
  const { requests } = outcome;
  const values = {
    cpuUs: (after.proxies.cpuUs - before.proxies.cpuUs) / requests,
    switches: (after.proxies.voluntarySwitches - before.proxies.voluntarySwitches) / requests,
    rps: requests / outcome.seconds,
    ...outcome.latencyUs,
  };
  return { kind: 'ok', values, foreign };
}

function warmUpSeconds(world: World, scenario: Scenario): number {
  const done = warmed.get(world) ?? new Set<string>();
  warmed.set(world, done);
  if (done.has(scenario.name)) return WARM_UP.later;
  done.add(scenario.name);
  return WARM_UP.first;
}
