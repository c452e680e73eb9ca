import { LABELS, NAMESPACE_INJECT } from '../../crds/labels.ts';
import type { Clock, Timer } from '../../proxy/base/clock.ts';
import type { EventRecorder } from '../kube/kube.ts';
import { isLive, type NamespaceRecord, type PodRecord, type World } from '../model/model.ts';
import { decideCoverage, type PodCoverage } from './coverage-decision.ts';

/** All pods are looked at, at most this often: 10,000 pods take some 10 ms. */
const LOOK_MS = 2_000;
/** A pod is told about once it stands this long: its annotations and labels have settled, and short-lived ones make no noise. */
const TOLD_PODS = 20_000;
/** Told a look: a label on a namespace of 5,000 pods is no flood of events (the recorder would drop most of them), but some minutes of them. */
const TOLD_AT_ONCE = 20;

export interface CoverageOptions {
  readonly world: World;
  readonly tell: EventRecorder;
  readonly clock: Clock;
}

export interface CoverageController {
  worldChanged(): void;
  start(): void;
  stop(): void;
}

/** Tells, once a pod, why a pod that should have a proxy has none; and of namespaces whose label means nothing. */
export function createCoverage(options: CoverageOptions): CoverageController {
  const { world, tell, clock } = options;
  /** Uid of the pod or namespace to what was told last. */
  const told = new Map<string, string>();
  let timer: Timer | undefined;
  let started = false;
  /** What this look may still tell. */
  let left = 0;

  function look(): void {
    timer = undefined;
    left = TOLD_AT_ONCE;
    const live = new Set<string>();
    for (const pod of world.pods.values()) {
      if (!isLive(pod) || pod.terminating) continue;
      live.add(pod.uid);
      consider(pod, decideCoverage(pod, world.namespaces.get(pod.namespace)));
    }
    for (const namespace of world.namespaces.values()) {
      live.add(namespace.uid);
      considerLabel(namespace);
    }
    for (const uid of told.keys()) if (!live.has(uid)) told.delete(uid);
    if (left === 0) timer = clock.after(LOOK_MS, look);
  }

  /** Whether it is told now; what is not comes with a later look. */
  function takes(uid: string, reason: string): boolean {
    if (told.get(uid) === reason || told.size >= TOLD_PODS || left === 0) return false;
    left--;
    told.set(uid, reason);
    return true;
  }

  function consider(pod: PodRecord, coverage: PodCoverage): void {
    if (coverage.state === 'meshed' || coverage.state === 'outside') return;
    const reason = coverage.state === 'skipped' ? coverage.reason : 'NotMeshed';
    if (!takes(pod.uid, reason)) return;
    const regarding = { apiVersion: 'v1', kind: 'Pod', namespace: pod.namespace, name: pod.name, uid: pod.uid };
    tell({ regarding, type: 'Warning', reason, action: 'Inject', note: coverage.sentence });
  }

  /** `true` or `Enabled` injects nothing, and nobody else would say so. */
  function considerLabel({ name, uid, inject }: NamespaceRecord): void {
    if (inject === undefined || NAMESPACE_INJECT.some((known) => known === inject)) {
      told.delete(uid);
      return;
    }
    const reason = `UnknownLabel ${inject}`;
    if (!takes(uid, reason)) return;
    const regarding = { apiVersion: 'v1', kind: 'Namespace', name, uid };
    const note = `The label ${LABELS.inject}=${inject} means nothing, so no pod is injected; it is one of ${NAMESPACE_INJECT.join(', ')}.`;
    tell({ regarding, type: 'Warning', reason: 'UnknownLabel', action: 'Inject', note });
  }

  return {
    worldChanged() {
      if (started) timer ??= clock.after(LOOK_MS, look);
    },
    start() {
      started = true;
      timer ??= clock.after(LOOK_MS, look);
    },
    stop() {
      started = false;
      timer?.clear();
      timer = undefined;
    },
  };
}
