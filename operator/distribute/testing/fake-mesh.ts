import type { Configuration, Key, Provenance } from '../../../proxy/contract/snapshot.ts';
import { WORKLOAD_KEY } from '../../../proxy/contract/snapshot.ts';
import { canonicalJson, contentVersion } from '../../../proxy/contract/version.ts';
import type { Affected, Compiled, CompiledAddresses, Compiler, Viewer } from '../compiled.ts';
import type { PodState } from '../proxy-record.ts';

export interface FakePolicy {
  readonly uid: string;
  generation: number;
  /** Keys that it shapes. */
  keys: Set<Key>;
  /** Changes the content of its keys; a new generation with the same text is a provenance-only update. */
  text: string;
}

/** A world of a few lines: policies that shape keys, endpoints that change, pods with a state. */
export class FakeMesh {
  readonly policies = new Map<string, FakePolicy>();
  readonly endpoints = new Map<Key, number>();
  readonly unknownKeys = new Set<Key>();
  readonly failing = new Set<Key>();
  readonly pods = new Map<string, PodState>();
  addresses: Record<string, Key> = {};
  compiles = 0;

  stateOf = (uid: string): PodState => this.pods.get(uid) ?? 'unknown';

  policy(uid: string, keys: readonly Key[], text = 'a'): FakePolicy {
    const policy = { uid, generation: 1, keys: new Set(keys), text };
    this.policies.set(uid, policy);
    return policy;
  }

  provenance(key: Key): Provenance[] {
    return [...this.policies.values()]
      .filter((policy) => policy.keys.has(key))
      .map(({ uid, generation }) => ({ kind: 'MeshPolicy', uid, generation, name: `shop/${uid}` }));
  }

  compiler: Compiler<FakeMesh> = {
    compileKey: (_world: FakeMesh, key: Key, viewer: Viewer): Compiled | undefined => {
      this.compiles++;
      if (this.failing.has(key)) throw new Error(`cannot compile ${key}`);
      if (this.unknownKeys.has(key)) return undefined;
      const content = this.#content(key, viewer);
      return {
        key,
        content,
        version: contentVersion(canonicalJson(content)),
        provenance: this.provenance(key),
        mustUnderstand: key === WORKLOAD_KEY ? ['mtls'] : [],
      };
    },
    compileAddresses: (): CompiledAddresses => {
      const table = { ranges: ['10.0.0.0/8'], entries: { ...this.addresses } };
      return { version: contentVersion(canonicalJson(table)), table };
    },
    viewClass: (_world: FakeMesh, _key: Key, viewer: Viewer): string => viewer.namespace,
  };

  #content(key: Key, viewer: Viewer): Configuration {
    const text = [...this.policies.values()].filter((one) => one.keys.has(key)).map((one) => `${one.uid}=${one.text}`);
    if (key === WORKLOAD_KEY) {
      return {
        kind: 'workload',
        namespace: viewer.namespace,
        serviceAccount: 'order',
        workload: text.join() || 'order',
        trustDomain: 'cluster.local',
        mtls: { mode: 'Strict', ports: [] },
        ports: [],
        preload: [],
        accessLog: 'Errors',
        tracingSamplingPercent: 0,
      };
    }
    const name = `${key} ${text.join()} ${this.endpoints.get(key) ?? 0}`;
    return { kind: 'service', namespace: viewer.namespace, name, ports: [], accessLog: 'Errors' };
  }
}

export function affected(part: Partial<Affected>): Affected {
  return { keys: new Set(), workloads: new Set(), addresses: false, policies: new Set(), ...part };
}
