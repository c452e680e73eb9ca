import { NEVER_INJECTED } from '../../crds/labels.ts';
import type { NamespaceRecord, PodRecord } from '../model/model.ts';

/** Whether a pod has a proxy, and if not, why. */
export type PodCoverage =
  | { readonly state: 'meshed' }
  /** Nobody asked for a proxy here. */
  | { readonly state: 'outside' }
  /** The injector left it out and said why (its annotation). */
  | { readonly state: 'skipped'; readonly reason: string; readonly sentence: string }
  /** A proxy was asked for, and the pod has none: it is older than the label, or came while no webhook answered. */
  | { readonly state: 'missed'; readonly sentence: string };

/** Pure. `namespace` undefined: not known yet. */
export function decideCoverage(pod: PodRecord, namespace: NamespaceRecord | undefined): PodCoverage {
  if (pod.meshed) return { state: 'meshed' };
  if (!isAsked(pod, namespace)) return { state: 'outside' };
  if (pod.notInjected !== undefined) {
    const { reason, sentence } = readReason(pod.notInjected);
    return { state: 'skipped', reason, sentence };
  }
  return {
    state: 'missed',
    sentence: `The pod has no proxy although one is asked for: it is older than the label, or was made while the injector did not answer. ${restart(pod)}`,
  };
}

function isAsked(pod: PodRecord, namespace: NamespaceRecord | undefined): boolean {
  if (NEVER_INJECTED.some((name) => name === pod.namespace)) return false;
  const own = pod.labels['heddle.dev/inject'];
  if (namespace?.inject === 'required') return true;
  return namespace?.inject === 'enabled' ? own !== 'disabled' : own === 'enabled';
}

/** `<Reason>: sentence`, as the webhook writes it; pods can write it too, so its form is not trusted. */
function readReason(text: string): { readonly reason: string; readonly sentence: string } {
  const match = /^([A-Z][A-Za-z0-9]{0,62}): ([^\n]{1,512})/.exec(text);
  return { reason: match?.[1] ?? 'NotInjected', sentence: match?.[2] ?? text.slice(0, 256) };
}

function restart(pod: PodRecord): string {
  const { kind, name } = pod.workload;
  const short = { Deployment: 'deploy', StatefulSet: 'statefulset', DaemonSet: 'daemonset' }[kind];
  return short === undefined
    ? 'Make it again to mesh it.'
    : `Run: kubectl rollout restart -n ${pod.namespace} ${short}/${name}`;
}
