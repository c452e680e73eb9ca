import type { Key } from '../../proxy/contract/snapshot.ts';
import type {
  NamespaceRecord,
  NodeRecord,
  ObjectKey,
  PodRecord,
  PolicyRecord,
  ServiceCidrRecord,
  ServiceRecord,
  SliceRecord,
} from './records.ts';

/** One object appeared, changed, or went (`object` undefined). `key` is `namespace/name`, or `name` for cluster-scoped kinds. */
export type Change =
  | ChangeOf<'services', ServiceRecord>
  | ChangeOf<'endpointSlices', SliceRecord>
  | ChangeOf<'pods', PodRecord>
  | ChangeOf<'namespaces', NamespaceRecord>
  | ChangeOf<'nodes', NodeRecord>
  | ChangeOf<'serviceCidrs', ServiceCidrRecord>
  | PolicyChange;

export interface ChangeOf<Resource extends string, Kept> {
  readonly resource: Resource;
  readonly key: ObjectKey;
  readonly object: Kept | undefined;
}

export interface PolicyChange extends ChangeOf<'meshPolicies' | 'meshAccessPolicies' | 'meshConfigs', PolicyRecord> {
  /**
   * With `object` undefined: the caller looked (a live GET) and saw the namespace, or the CRD, being deleted. Their contents are
   * deleted first and the order between watches is not defined, so only looking tells a user's deletion from theirs.
   */
  readonly because?: 'namespace' | 'kind';
}

/** What a change may have changed. Too much is slow, too little is wrong. */
export interface Affected {
  /** Keys other than `workload` whose content or provenance may differ; `all`: every key, `workload` too. */
  readonly keys: ReadonlySet<Key> | 'all';
  /** Pod uids whose `workload` key may differ. */
  readonly workloads: ReadonlySet<string>;
  readonly addresses: boolean;
  /** Uids of policies (and MeshConfigs) whose status may differ. */
  readonly policies: ReadonlySet<string>;
}

/** Collects what is affected. */
export class Effects implements Affected {
  keys: Set<Key> | 'all' = new Set();
  readonly workloads = new Set<string>();
  addresses = false;
  readonly policies = new Set<string>();

  key(key: Key): void {
    if (this.keys !== 'all') this.keys.add(key);
  }

  everything(): void {
    this.keys = 'all';
    this.addresses = true;
  }
}

export const NOTHING_AFFECTED: Affected = {
  keys: new Set(),
  workloads: new Set(),
  addresses: false,
  policies: new Set(),
};

/** Both. */
export function mergeAffected(left: Affected, right: Affected): Affected {
  return {
    keys: left.keys === 'all' || right.keys === 'all' ? 'all' : new Set([...left.keys, ...right.keys]),
    workloads: new Set([...left.workloads, ...right.workloads]),
    addresses: left.addresses || right.addresses,
    policies: new Set([...left.policies, ...right.policies]),
  };
}
