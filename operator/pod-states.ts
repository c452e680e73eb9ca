import type { PodState } from './distribute/distribute.ts';
import type { Change, PodRecord, World } from './model/model.ts';

/** Uids of pods that went are remembered this far back; older ones count as unknown, and the ledger gives those up by time. */
const REMEMBERED = 20_000;

/** What the world says of a pod, by uid; remembers the ones that went, so that "gone" and "not seen yet" differ. */
export class PodStates {
  readonly #world: World;
  readonly #gone = new Set<string>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Call with each change before the world takes it in. */
  note(change: Change): void {
    if (change.resource !== 'pods') return;
    const before = this.#world.pods.get(change.key);
    if (before === undefined || before.uid === change.object?.uid) return;
    this.#gone.add(before.uid);
    for (const oldest of this.#gone) {
      if (this.#gone.size <= REMEMBERED) break;
      this.#gone.delete(oldest);
    }
  }

  stateOf(uid: string): PodState {
    const pod = this.#world.podByUid(uid);
    if (pod !== undefined) return stateOfPod(pod);
    return this.#gone.has(uid) ? 'gone' : 'unknown';
  }
}

function stateOfPod(pod: PodRecord): PodState {
  if (pod.phase === 'Succeeded' || pod.phase === 'Failed') return 'gone';
  if (pod.terminating) return 'terminating';
  return pod.ready ? 'ready' : 'notReady';
}
