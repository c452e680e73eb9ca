import type { Random } from '../base/clock.ts';
import type { LoadBalancing } from '../contract/snapshot.ts';
import { type EndpointState, WARM_UP_MS } from './endpoints.ts';

export type BalancingPolicy = LoadBalancing['policy'];

/** The ready endpoints of a destination or of one subset; made when a snapshot arrives. */
export interface EndpointGroup {
  /** Name of the subset, '' for all. */
  readonly name: string;
  readonly members: readonly EndpointState[];
  /** Where round robin stands. */
  cursor: number;
}

export interface PickInput {
  readonly policy: BalancingPolicy;
  readonly random: Random;
  /** Monotonic ms. */
  readonly now: number;
}

/**
 * Chooses an endpoint: not `avoid`, none that is leaving and none in quarantine as long as there is another. Undefined only for an empty group.
 * Order of preference: usable; leaving; healthy but avoided; leaving and avoided; quarantined; quarantined and avoided (so the last one is never left out).
 */
export function pick(group: EndpointGroup, input: PickInput, avoid?: EndpointState): EndpointState | undefined {
  const { members } = group;
  if (members.length <= 1) return members[0];
  const chosen = choose(group, input, avoid);
  if (isUsable(chosen, avoid)) return chosen;
  return leastBad(group, input, avoid);
}

function choose(group: EndpointGroup, input: PickInput, avoid: EndpointState | undefined): EndpointState {
  switch (input.policy) {
    case 'LeastRequest':
      return leastOfTwo(group.members, input, avoid);
    case 'RoundRobin':
      group.cursor = (group.cursor + 1) % group.members.length;
      return group.members[group.cursor]!;
    case 'Random':
      return group.members[Math.floor(input.random() * group.members.length)]!;
  }
}

/** Power of two choices (Mitzenmacher, 2001): two different ones at random, the less loaded of them. */
function leastOfTwo(
  members: readonly EndpointState[],
  input: PickInput,
  avoid: EndpointState | undefined,
): EndpointState {
  const first = Math.floor(input.random() * members.length);
  const second = (first + 1 + Math.floor(input.random() * (members.length - 1))) % members.length;
  const left = members[first]!;
  const right = members[second]!;
  if (!isUsable(left, avoid)) return right;
  if (!isUsable(right, avoid)) return left;
  return load(right, input.now) < load(left, input.now) ? right : left;
}

/** Running requests plus this one; a warming endpoint looks up to ten times as loaded. */
function load(state: EndpointState, now: number): number {
  const missing = state.warmAt - now;
  if (missing <= 0) return state.inflight + 1;
  return (state.inflight + 1) / Math.max(0.1, 1 - missing / WARM_UP_MS);
}

function isUsable(state: EndpointState, avoid: EndpointState | undefined): boolean {
  return !state.quarantined && !state.leaving && state !== avoid;
}

/** 0: usable. A leaving peer still serves; one that failed this very request may do so again; one in quarantine most likely does. */
function badness(state: EndpointState, avoid: EndpointState | undefined): number {
  return (state.quarantined ? 4 : 0) + (state === avoid ? 2 : 0) + (state.leaving ? 1 : 0);
}

/** The least bad member, looked for from a random place so that neighbours of a bad one are not preferred. */
function leastBad(group: EndpointGroup, input: PickInput, avoid: EndpointState | undefined): EndpointState {
  const { members } = group;
  const start = Math.floor(input.random() * members.length);
  let best = members[start]!;
  for (let step = 1; step < members.length && badness(best, avoid) > 0; step++) {
    const state = members[(start + step) % members.length]!;
    if (badness(state, avoid) < badness(best, avoid)) best = state;
  }
  return best;
}
