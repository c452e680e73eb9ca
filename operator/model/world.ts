import { isDeepStrictEqual } from 'node:util';
import { Ranges } from './address.ts';
import { type Affected, type Change, Effects, NOTHING_AFFECTED, type PolicyChange } from './changes.ts';
import { EffectFinder, type EffectWorld } from './effects.ts';
import type { Effective, Freeze, Held } from './policies.ts';
import { PolicyBook } from './policy-book.ts';
import {
  type NamespaceRecord,
  type NodeRecord,
  type ObjectKey,
  objectKey,
  type PodRecord,
  type ServiceCidrRecord,
  type ServiceRecord,
  type SliceRecord,
} from './records.ts';
import { isLive } from './selectors.ts';
import { type MeshSettings, meshSettings } from './settings.ts';
import { KeyIndex, Table } from './table.ts';

/** Addresses of pods that went, kept so that a proxy that still asks hears `absent` at once. */
const MOST_RELEASED = 10_000;

/**
 * Everything the control plane knows, as plain records with the indexes to ask them. Pure: no I/O, no time. Changes go in
 * through `apply`; the compiler and the status read the rest. What `apply` returns names everything that may differ since.
 */
export class World implements EffectWorld {
  readonly #podsByAddress = new KeyIndex<PodRecord>((pod) => (isLive(pod) && !pod.hostNetwork ? pod.addresses : []));
  readonly #podsByNamespace = new KeyIndex<PodRecord>((pod) => [pod.namespace]);
  readonly #podsByUid = new KeyIndex<PodRecord>((pod) => [pod.uid]);
  readonly #servicesByNamespace = new KeyIndex<ServiceRecord>((service) => [service.namespace]);
  readonly #servicesByExternal = new KeyIndex<ServiceRecord>((service) => service.externalAddresses);
  readonly #slicesByService = new KeyIndex<SliceRecord>((slice) => [objectKey(slice.namespace, slice.service)]);
  readonly #slicesByEndpoint = new KeyIndex<SliceRecord>(endpointKeys);

  readonly pods = new Table<PodRecord>(this.#podsByAddress, this.#podsByNamespace, this.#podsByUid);
  readonly services = new Table<ServiceRecord>(this.#servicesByNamespace, this.#servicesByExternal);
  readonly slices = new Table<SliceRecord>(this.#slicesByService, this.#slicesByEndpoint);
  readonly namespaces = new Table<NamespaceRecord>();
  readonly nodes = new Table<NodeRecord>();
  readonly serviceCidrs = new Table<ServiceCidrRecord>();
  readonly meshPolicies = new PolicyBook('MeshPolicy');
  readonly meshAccessPolicies = new PolicyBook('MeshAccessPolicy');
  readonly meshConfigs = new PolicyBook('MeshConfig');

  readonly #released = new Set<string>();
  readonly #nodeDependent = new Set<ObjectKey>();
  /** Namespaces that were terminating when they were first seen. */
  readonly #seenDying = new Set<string>();
  readonly #effects = new EffectFinder(this);
  #settings: MeshSettings | undefined;
  #foundRanges: Ranges | undefined;
  #ranges: Ranges | undefined;
  #nodeAddresses: ReadonlySet<string> | undefined;

  apply(change: Change): Affected {
    switch (change.resource) {
      case 'pods':
        return this.#applyPod(change.key, change.object);
      case 'services':
        return this.#put(this.services, change.key, change.object, (old, next) => {
          this.#noteNodeDependence(change.key);
          return this.#effects.ofService(old, next);
        });
      case 'endpointSlices':
        return this.#put(this.slices, change.key, change.object, (old, next) => {
          for (const slice of [old, next])
            if (slice) this.#noteNodeDependence(objectKey(slice.namespace, slice.service));
          return this.#effects.ofSlice(old, next);
        });
      case 'namespaces':
        return this.#applyNamespace(change.key, change.object);
      case 'nodes':
        return this.#put(this.nodes, change.key, change.object, () => this.#rangesChanged());
      case 'serviceCidrs':
        return this.#put(this.serviceCidrs, change.key, change.object, () => this.#rangesChanged());
      default:
        return this.#applyPolicy(change);
    }
  }

  podByUid(uid: string): PodRecord | undefined {
    return [...this.#podsByUid.get(uid)][0];
  }

  /**
   * The pod at an address. Where an address moves, two pods may claim it for a moment: one that is not terminating wins;
   * with still two the answer is `ambiguous`, and the address is treated as unknown. hostNetwork pods have no address of their own.
   */
  podAt(address: string): PodRecord | 'ambiguous' | undefined {
    const claims = [...this.#podsByAddress.get(address)];
    if (claims.length <= 1) return claims[0];
    const staying = claims.filter((pod) => !pod.terminating);
    return staying.length === 1 ? staying[0] : 'ambiguous';
  }

  /** A pod had this address and is gone. */
  wasPod(address: string): boolean {
    return this.#released.has(address);
  }

  podsIn(namespace: string): ReadonlySet<PodRecord> {
    return this.#podsByNamespace.get(namespace);
  }

  /**
   * The namespace was being deleted already when this operator first saw it: policies may have gone before, so nobody knows who may
   * talk to its pods. What their proxies hold stays.
   */
  isBlind(namespace: string): boolean {
    return this.#seenDying.has(namespace);
  }

  servicesIn(namespace: string): ReadonlySet<ServiceRecord> {
    return this.#servicesByNamespace.get(namespace);
  }

  /** Some Service names the address as an external one of its own. */
  isExternal(address: string): boolean {
    return this.#servicesByExternal.get(address).size > 0;
  }

  slicesOf(service: { readonly namespace: string; readonly name: string }): ReadonlySet<SliceRecord> {
    return this.#slicesByService.get(objectKey(service.namespace, service.name));
  }

  /** Services of which callers on different nodes see different endpoints: internalTrafficPolicy Local, or hints. */
  get nodeDependent(): ReadonlySet<ObjectKey> {
    return this.#nodeDependent;
  }

  /** Slices that name the pod or one of the addresses. */
  slicesNaming(endpoint: string): ReadonlySet<SliceRecord> {
    return this.#slicesByEndpoint.get(endpoint);
  }

  get meshConfig(): Effective<'MeshConfig'> | undefined {
    return this.meshConfigs.get('default')?.effective;
  }

  get settings(): MeshSettings {
    this.#settings ??= meshSettings(this.meshConfig);
    return this.#settings;
  }

  /** Networks of pods and Services that the cluster itself names (without MeshConfig's). */
  get foundRanges(): Ranges {
    this.#foundRanges ??= new Ranges(this.#found());
    return this.#foundRanges;
  }

  /** Those and MeshConfig's, sorted. */
  get rangeList(): readonly string[] {
    return [...new Set([...this.#found(), ...this.settings.clusterRanges])].sort();
  }

  get ranges(): Ranges {
    this.#ranges ??= new Ranges(this.rangeList);
    return this.#ranges;
  }

  #found(): string[] {
    const pods = [...this.nodes.values()].flatMap((node) => node.podRanges);
    return [...pods, ...[...this.serviceCidrs.values()].flatMap((one) => one.ranges)];
  }

  get nodeAddresses(): ReadonlySet<string> {
    this.#nodeAddresses ??= new Set([...this.nodes.values()].flatMap((node) => node.addresses));
    return this.#nodeAddresses;
  }

  #noteNodeDependence(key: ObjectKey): void {
    const service = this.services.get(key);
    const hinted = (slice: SliceRecord): boolean =>
      slice.endpoints.some(({ nodeHints, zoneHints }) => nodeHints.length > 0 || zoneHints.length > 0);
    const depends = service?.local === true || (service !== undefined && [...this.slicesOf(service)].some(hinted));
    if (depends) this.#nodeDependent.add(key);
    else this.#nodeDependent.delete(key);
  }

  #put<Kept>(
    table: { get(key: ObjectKey): Kept | undefined; put(key: ObjectKey, record: Kept | undefined): Kept | undefined },
    key: ObjectKey,
    next: Kept | undefined,
    effects: (old: Kept | undefined, next: Kept | undefined) => Affected,
  ): Affected {
    if (isDeepStrictEqual(table.get(key), next)) return NOTHING_AFFECTED;
    const old = table.put(key, next);
    return effects(old, next);
  }

  #applyPod(key: ObjectKey, next: PodRecord | undefined): Affected {
    return this.#put(this.pods, key, next, (old) => {
      this.#noteReleased(old, next);
      const affected = this.#effects.ofPod(old, next);
      if (next === undefined && old !== undefined) this.#thaw(old.namespace, affected);
      return affected;
    });
  }

  #noteReleased(old: PodRecord | undefined, next: PodRecord | undefined): void {
    for (const address of next?.addresses ?? []) this.#released.delete(address);
    for (const address of old?.addresses ?? []) {
      if (!next?.addresses.includes(address) || !isLive(next)) this.#released.add(address);
    }
    for (const oldest of this.#released) {
      if (this.#released.size <= MOST_RELEASED) break;
      this.#released.delete(oldest);
    }
  }

  #applyNamespace(key: ObjectKey, next: NamespaceRecord | undefined): Affected {
    return this.#put(this.namespaces, key, next, (old) => {
      const affected = this.#effects.ofNamespace(key);
      const wasBlind = this.isBlind(key);
      this.#noteDying(key, old, next);
      if (wasBlind !== this.isBlind(key)) for (const pod of this.podsIn(key)) affected.workloads.add(pod.uid);
      // A new object of the same name is another namespace: what the old one left frozen ends here.
      if (next !== undefined && old?.uid !== next.uid) this.#forget(key, affected);
      this.#thaw(key, affected);
      return affected;
    });
  }

  #noteDying(name: string, old: NamespaceRecord | undefined, next: NamespaceRecord | undefined): void {
    if (old?.uid === next?.uid) return;
    if (next?.terminating === true) this.#seenDying.add(name);
    else this.#seenDying.delete(name);
  }

  /** A namespace's frozen policies end with the namespace, but not before its last pod. */
  #thaw(namespace: string, affected: Effects): void {
    if (namespace === '' || this.namespaces.get(namespace) !== undefined || this.podsIn(namespace).size > 0) return;
    this.#forget(namespace, affected);
  }

  #forget(namespace: string, affected: Effects): void {
    for (const held of this.meshPolicies.thaw(namespace)) this.#effects.ofPolicy(held, undefined, affected);
    for (const held of this.meshAccessPolicies.thaw(namespace)) this.#effects.ofPolicy(held, undefined, affected);
  }

  #applyPolicy(change: PolicyChange): Affected {
    const book = this.#bookOf(change);
    if (isDeepStrictEqual(book.get(change.key)?.object, change.object)) return NOTHING_AFFECTED;
    const { before, after }: { before: Held | undefined; after: Held | undefined } = book.apply(
      change,
      this.#freezeOf(change),
    );
    if (change.resource === 'meshConfigs') {
      this.#settings = undefined;
      this.#ranges = undefined;
    }
    const affected = this.#effects.ofPolicy(before, after, new Effects());
    // The namespace may have gone before its contents are heard to go.
    if (after?.object === undefined) this.#thaw(namespaceOfKey(change.key), affected);
    return affected;
  }

  #bookOf(change: PolicyChange): PolicyBook<'MeshPolicy'> | PolicyBook<'MeshAccessPolicy'> | PolicyBook<'MeshConfig'> {
    if (change.resource === 'meshPolicies') return this.meshPolicies;
    return change.resource === 'meshAccessPolicies' ? this.meshAccessPolicies : this.meshConfigs;
  }

  #freezeOf(change: PolicyChange): Freeze | undefined {
    if (change.resource === 'meshConfigs') return change.object === undefined ? 'deleted' : undefined;
    if (change.object === undefined && change.because !== undefined) return change.because;
    return this.namespaces.get(namespaceOfKey(change.key))?.terminating === true ? 'namespace' : undefined;
  }

  #rangesChanged(): Affected {
    this.#foundRanges = undefined;
    this.#ranges = undefined;
    this.#nodeAddresses = undefined;
    return this.#effects.ofNetwork();
  }
}

/** Empty for cluster-scoped kinds. */
const namespaceOfKey = (key: ObjectKey): string => key.slice(0, Math.max(0, key.indexOf('/')));

/** A slice is found by the addresses it lists and by the pods it claims. */
function* endpointKeys(slice: SliceRecord): Generator<string> {
  for (const endpoint of slice.endpoints) {
    yield endpoint.address;
    if (endpoint.pod !== undefined) yield endpoint.pod.key;
  }
}
