import type { PodRef } from '../distribute/distribute.ts';
import { isLive, type PodRecord, type World } from '../model/model.ts';

/**
 * Pods with a proxy that was ready once and that the ledger does not know: what they hold was sent by an operator before this
 * one. A pod that is not ready may never have held anything: it enters by itself.
 */
export function unheardPods(world: World, isHeard: (podUid: string) => boolean): PodRef[] {
  const pods: PodRef[] = [];
  for (const pod of world.pods.values()) if (isExpected(pod) && !isHeard(pod.uid)) pods.push(pod);
  return pods;
}

function isExpected(pod: PodRecord): boolean {
  return pod.meshed && isLive(pod) && pod.ready && !pod.terminating;
}
