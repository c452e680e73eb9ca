import { API_VERSION } from '../../crds/labels.ts';
import type { Clock, Timer } from '../../proxy/base/clock.ts';
import { SYSTEM_NAMESPACE } from '../../proxy/contract/bootstrap.ts';
import type { EventRecorder, Regarding } from '../kube/kube.ts';
import type { World } from '../model/model.ts';
import { outsideSentence, podsOutside } from './outside-ranges-decision.ts';

/** All pods are looked at, at most this often: 10,000 pods take some 10 ms. */
const LOOK_MS = 2_000;
/** Where a pod gets its address before its node names its network, the two arrive within seconds: what lasts this long is no arrival. */
const LASTING_MS = 10_000;
/** The API server keeps events for an hour: as long as it lasts, there is one to be read. */
const AGAIN_MS = 55 * 60_000;

export interface OutsideRangesOptions {
  readonly world: World;
  readonly tell: EventRecorder;
  readonly clock: Clock;
}

export interface OutsideRangesController {
  worldChanged(): void;
  start(): void;
  stop(): void;
}

/**
 * Warns, by an event on the MeshConfig, of meshed pods whose addresses are in none of the known networks. `fine`; `noticed`: since then, not
 * told yet; `told`: at that moment.
 */
type State =
  | { readonly kind: 'fine' }
  | { readonly kind: 'noticed'; readonly at: number }
  | { readonly kind: 'told'; readonly at: number };

export function createOutsideRanges(options: OutsideRangesOptions): OutsideRangesController {
  const { world, tell, clock } = options;
  let state: State = { kind: 'fine' };
  let soon: Timer | undefined;
  /** While it lasts: time alone makes it worth telling. */
  let due: Timer | undefined;
  let started = false;

  function look(): void {
    clear();
    const outside = podsOutside(world);
    if (outside.count === 0) {
      state = { kind: 'fine' };
      return;
    }
    const now = clock.now();
    if (state.kind === 'fine') state = { kind: 'noticed', at: now };
    if (now >= dueAt(state)) {
      state = { kind: 'told', at: now };
      const note = outsideSentence(outside);
      tell({ regarding: subject(world), type: 'Warning', reason: 'AddressOutsideRanges', action: 'Observe', note });
    }
    due = clock.after(dueAt(state) - now, look);
  }

  function clear(): void {
    soon?.clear();
    due?.clear();
    soon = undefined;
    due = undefined;
  }

  return {
    worldChanged() {
      if (started) soon ??= clock.after(LOOK_MS, look);
    },
    start() {
      started = true;
      soon ??= clock.after(LOOK_MS, look);
    },
    stop() {
      started = false;
      clear();
    },
  };
}

const dueAt = (state: Exclude<State, { kind: 'fine' }>): number =>
  state.at + (state.kind === 'told' ? AGAIN_MS : LASTING_MS);

/** The MeshConfig, where there is one; else the Namespace of the mesh, which always is. */
function subject(world: World): Regarding {
  const config = world.meshConfigs.get('default')?.object;
  if (config !== undefined) return { apiVersion: API_VERSION, kind: 'MeshConfig', name: config.name, uid: config.uid };
  const uid = world.namespaces.get(SYSTEM_NAMESPACE)?.uid;
  return { apiVersion: 'v1', kind: 'Namespace', name: SYSTEM_NAMESPACE, ...(uid === undefined ? {} : { uid }) };
}
