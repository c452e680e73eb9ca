import type { EndpointRegistry, EndpointState } from '../balance/endpoints.ts';
import type { EndpointGroup } from '../balance/pick.ts';
import type { Random } from '../base/clock.ts';
import type { Endpoint } from '../contract/snapshot.ts';

/** What building may use: it takes references in `registry` and reads nothing else. One for all destinations. */
export interface BuildTools {
  readonly registry: EndpointRegistry;
  readonly random: Random;
  /** Monotonic ms. */
  readonly now: () => number;
}

/** Takes one reference an endpoint into `held` and sorts them by subset; '' is all. `warm`: nobody needs warming up. */
export function groupEndpoints(
  endpoints: readonly Endpoint[],
  subsets: readonly string[],
  held: Set<EndpointState>,
  tools: BuildTools,
  warm: boolean,
): ReadonlyMap<string, EndpointGroup> {
  const now = tools.now();
  const states = endpoints.map((endpoint) => hold(endpoint, held, tools.registry, now, warm));
  const groups = new Map<string, EndpointGroup>([['', newGroup('', states, tools.random)]]);
  for (const name of subsets) {
    const members = states.filter((_, index) => endpoints[index]!.subsets.includes(name));
    groups.set(name, newGroup(name, members, tools.random));
  }
  return groups;
}

function newGroup(name: string, members: readonly EndpointState[], random: Random): EndpointGroup {
  return { name, members, cursor: Math.floor(random() * members.length) };
}

/** One reference a snapshot and endpoint. */
function hold(
  endpoint: Endpoint,
  held: Set<EndpointState>,
  registry: EndpointRegistry,
  now: number,
  warm: boolean,
): EndpointState {
  const state = registry.acquire(endpoint, now, warm);
  if (held.has(state)) registry.release(state);
  else held.add(state);
  return state;
}
