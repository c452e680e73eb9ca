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

/** What the injector leaves in `heddle.dev/not-injected`, said as an event. */
const SENTENCES: Readonly<Record<string, string>> = {
  Disabled: 'The pod asked not to be injected.',
  HostNetwork: 'The pod has no proxy: it uses the network of its node.',
  Windows: 'The pod has no proxy: it is for Windows nodes, where there is none.',
  AlreadyInjected: 'The pod has a container of the name of our proxy that the injector did not add.',
  OtherMesh: 'The pod has no proxy: it holds the proxy of another mesh.',
  PodSecurity: 'The pod has no proxy: its namespace enforces a Pod Security level that forbids the init container.',
  ReservedUser:
    'The pod has no proxy: one of its containers runs as the user of the proxy, and could act as the proxy.',
  SystemNamespace: 'Pods of this namespace are never injected.',
};

/** The annotation can be written by anybody who may write the pod: only known reasons are repeated. */
function readReason(text: string): { readonly reason: string; readonly sentence: string } {
  const sentence = Object.hasOwn(SENTENCES, text) ? SENTENCES[text] : undefined;
  if (sentence !== undefined) return { reason: text, sentence };
  return { reason: 'NotInjected', sentence: 'The pod has no proxy, and its annotation names no reason that is known.' };
}

function restart(pod: PodRecord): string {
  const { kind, name } = pod.workload;
  const short = { Deployment: 'deploy', StatefulSet: 'statefulset', DaemonSet: 'daemonset' }[kind];
  return short === undefined
    ? 'Make it again to mesh it.'
    : `Run: kubectl rollout restart -n ${pod.namespace} ${short}/${name}`;
}
