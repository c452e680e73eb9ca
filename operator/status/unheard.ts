import type { PodRef } from '../distribute/distribute.ts';
import { isLive, type PodRecord, type World } from '../model/model.ts';

/**
 * Pods with a proxy that started once and that the ledger does not know: what they hold was sent by an operator before this one.
 * Neither unreadiness (a stopped proxy makes its pod unready) nor termination takes them out, only their end does. A
 * proxy that never started never held anything: it enters by itself.
 */
export function unheardPods(world: World, isHeard: (podUid: string) => boolean): PodRef[] {
  const pods: PodRef[] = [];
  for (const pod of world.pods.values()) if (isExpected(pod) && !isHeard(pod.uid)) pods.push(pod);
  return pods;
}

function isExpected(pod: PodRecord): boolean {
  return pod.meshed && isLive(pod) && (pod.proxyStarted || pod.ready);
}

/** Of those, the ones that should come back by themselves within seconds: worth waiting for. */
export function isComingBack(world: World): (pod: PodRef) => boolean {
  return ({ uid }) => {
    const pod = world.podByUid(uid);
    return pod?.ready === true && !pod.terminating;
  };
}
