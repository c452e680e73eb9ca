import { type Key, WORKLOAD_KEY, type WorkloadConfiguration } from '../../proxy/contract/snapshot.ts';
import { canonicalJson, contentVersion } from '../../proxy/contract/version.ts';
import type { Compiled } from './compiled.ts';

/** Keys that a new replica is told to subscribe at once. */
const MAX_PRELOAD = 1_000;

/**
 * What replicas of a workload use, told to a new one. Chosen once in a pod's life: a list that followed every subscription
 * would push a new workload configuration to all replicas each time one of them dials somebody new.
 */
export class Preloads {
  readonly #chosen = new Map<string, readonly Key[]>();
  /** Workload name to the pods that were told their configuration. */
  readonly #replicas = new Map<string, Set<string>>();
  readonly #workloadOf = new Map<string, string>();
  readonly #keysOf: (podUid: string) => Iterable<Key>;

  constructor(keysOf: (podUid: string) => Iterable<Key>) {
    this.#keysOf = keysOf;
  }

  /** The pod's workload configuration with its preload. */
  apply(compiled: Compiled, podUid: string): Compiled {
    const { content } = compiled;
    if (content.kind !== 'workload') return compiled;
    const preload = this.#preloadOf(content, podUid);
    if (preload.length === 0) return compiled;
    const merged = { ...content, preload };
    return { ...compiled, content: merged, version: contentVersion(canonicalJson(merged)) };
  }

  forget(podUid: string): void {
    this.#chosen.delete(podUid);
    const workload = this.#workloadOf.get(podUid);
    this.#workloadOf.delete(podUid);
    if (workload === undefined) return;
    const replicas = this.#replicas.get(workload);
    if (replicas?.delete(podUid) === true && replicas.size === 0) this.#replicas.delete(workload);
  }

  clear(): void {
    this.#chosen.clear();
    this.#replicas.clear();
    this.#workloadOf.clear();
  }

  #preloadOf(content: WorkloadConfiguration, podUid: string): readonly Key[] {
    const existing = this.#chosen.get(podUid);
    if (existing !== undefined) return existing;
    const workload = `${content.namespace}/${content.workload}`;
    const replicas = this.#replicas.get(workload) ?? new Set<string>();
    const keys = new Set<Key>(content.preload);
    for (const replica of replicas) for (const key of this.#keysOf(replica)) if (isWorthPreloading(key)) keys.add(key);
    const chosen = [...keys].sort().slice(0, MAX_PRELOAD);
    replicas.add(podUid);
    this.#replicas.set(workload, replicas);
    this.#workloadOf.set(podUid, workload);
    this.#chosen.set(podUid, chosen);
    return chosen;
  }
}

/** Direct pod addresses come and go: only Services are worth it. */
function isWorthPreloading(key: Key): boolean {
  return key !== WORKLOAD_KEY && key.startsWith('service/');
}
