import { podKey, serviceKey } from '../../proxy/contract/snapshot.ts';
import type { Ranges } from './address.ts';
import { Effects } from './changes.ts';
import type { Effective, Held } from './policies.ts';
import { namespaceTarget, type PolicyBook, serviceTarget, targetsOf } from './policy-book.ts';
import { type ObjectKey, objectKey, type PodRecord, type ServiceRecord, type SliceRecord } from './records.ts';
import { serviceSelects } from './selectors.ts';
import type { Table } from './table.ts';

/** What of the world decides who is concerned by a change. */
export interface EffectWorld {
  readonly ranges: Ranges;
  /** Services of which a proxy sees what depends on its node. */
  readonly nodeDependent: ReadonlySet<ObjectKey>;
  readonly services: Table<ServiceRecord>;
  readonly slices: Table<SliceRecord>;
  readonly meshPolicies: PolicyBook<'MeshPolicy'>;
  readonly meshAccessPolicies: PolicyBook<'MeshAccessPolicy'>;
  readonly meshConfigs: PolicyBook<'MeshConfig'>;
  readonly meshConfig: Effective<'MeshConfig'> | undefined;
  podsIn(namespace: string): Iterable<PodRecord>;
  servicesIn(namespace: string): Iterable<ServiceRecord>;
  isExternal(address: string): boolean;
  /** `endpoint`: an address, or `namespace/name` of a pod. */
  slicesNaming(endpoint: string): Iterable<SliceRecord>;
}

/** Says what may differ after a change, from the world as it is after it. */
export class EffectFinder {
  readonly #world: EffectWorld;

  constructor(world: EffectWorld) {
    this.#world = world;
  }

  ofPod(old: PodRecord | undefined, next: PodRecord | undefined): Effects {
    const affected = new Effects();
    for (const pod of [old, next]) if (pod !== undefined) this.#pod(pod, affected);
    if (old?.uid !== next?.uid || old?.nodeName !== next?.nodeName) this.#asViewer(affected);
    return affected;
  }

  /** A pod is also one that looks: what it sees of some Services depends on its node. */
  #asViewer(affected: Effects): void {
    for (const key of this.#world.nodeDependent) {
      const [namespace = '', name = ''] = key.split('/');
      affected.key(serviceKey(namespace, name));
    }
  }

  ofService(old: ServiceRecord | undefined, next: ServiceRecord | undefined): Effects {
    const affected = new Effects();
    for (const service of [old, next]) if (service !== undefined) this.#service(service, affected);
    affected.addresses = addressesOf(old) !== addressesOf(next);
    return affected;
  }

  ofSlice(old: SliceRecord | undefined, next: SliceRecord | undefined): Effects {
    const affected = new Effects();
    for (const slice of [old, next]) {
      if (slice !== undefined) this.#slice(slice, affected);
    }
    return affected;
  }

  #slice(slice: SliceRecord, affected: Effects): void {
    affected.key(serviceKey(slice.namespace, slice.service));
    this.#policiesTargeting(serviceTarget(slice.namespace, slice.service), affected);
    // The endpoints of default/kubernetes are the API server, which always passes.
    affected.addresses ||= slice.namespace === 'default' && slice.service === 'kubernetes';
  }

  /**
   * Nodes or the networks of pods and Services changed: the address table, what depends on a caller's zone, and endpoints that name no pod
   * (whether such an address is a node's, or inside the cluster). A new node must not make all configuration anew.
   */
  ofNetwork(): Effects {
    const affected = new Effects();
    affected.addresses = true;
    this.#asViewer(affected);
    for (const slice of this.#world.slices.values()) {
      if (slice.endpoints.some((endpoint) => endpoint.pod === undefined))
        affected.key(serviceKey(slice.namespace, slice.service));
    }
    return affected;
  }

  ofNamespace(namespace: string): Effects {
    const affected = new Effects();
    this.#namespacePolicies(namespace, affected);
    return affected;
  }

  /** Adds to `affected`, and returns it. */
  ofPolicy(before: Held | undefined, after: Held | undefined, affected: Effects): Effects {
    for (const held of [before, after]) {
      const uid = (held?.object ?? held?.effective)?.uid;
      if (uid !== undefined) affected.policies.add(uid);
      if (held?.effective?.kind === 'MeshConfig') {
        affected.everything();
        this.#allPolicies(affected);
      }
      for (const target of targetsOf(held?.effective)) this.#target(target, affected);
    }
    return affected;
  }

  #pod(pod: PodRecord, affected: Effects): void {
    affected.workloads.add(pod.uid);
    // Meshed pods outside of the ranges stand in the address table one by one.
    affected.addresses ||= pod.meshed && pod.addresses.some((address) => !this.#world.ranges.contains(address));
    // Whose address it is, no Service has as an external one.
    affected.addresses ||= pod.addresses.some((address) => this.#world.isExternal(address));
    for (const address of pod.addresses) affected.key(podKey(address));
    for (const name of [objectKey(pod.namespace, pod.name), ...pod.addresses]) {
      for (const slice of this.#world.slicesNaming(name)) {
        this.#slice(slice, affected);
      }
    }
    for (const service of this.#world.servicesIn(pod.namespace)) {
      if (serviceSelects(service, pod))
        this.#policiesTargeting(serviceTarget(service.namespace, service.name), affected);
    }
    this.#namespacePolicies(pod.namespace, affected);
    const config = this.#world.meshConfig;
    if (config !== undefined) affected.policies.add(config.uid);
  }

  /** The Service's own key, and what it says of the pods behind it. */
  #service(service: ServiceRecord, affected: Effects): void {
    affected.key(serviceKey(service.namespace, service.name));
    this.#policiesTargeting(serviceTarget(service.namespace, service.name), affected);
    this.#policiesTargeting(namespaceTarget(service.namespace), affected);
    for (const pod of this.#world.podsIn(service.namespace)) {
      if (serviceSelects(service, pod)) this.#podContents(pod, affected);
    }
  }

  #podContents(pod: PodRecord, affected: Effects): void {
    affected.workloads.add(pod.uid);
    for (const address of pod.addresses) affected.key(podKey(address));
  }

  #target(target: string, affected: Effects): void {
    this.#policiesTargeting(target, affected);
    const [kind, name = ''] = target.split(' ');
    if (kind === 'Service') this.#serviceTarget(name, affected);
    else this.#namespaceTarget(name, affected);
  }

  #namespaceTarget(name: string, affected: Effects): void {
    for (const service of this.#world.servicesIn(name)) affected.key(serviceKey(service.namespace, service.name));
    for (const pod of this.#world.podsIn(name)) this.#podContents(pod, affected);
    this.#namespacePolicies(name, affected);
  }

  #serviceTarget(key: ObjectKey, affected: Effects): void {
    const service = this.#world.services.get(key);
    if (service !== undefined) this.#service(service, affected);
  }

  #policiesTargeting(target: string, affected: Effects): void {
    for (const { uid } of this.#world.meshPolicies.targeting(target)) affected.policies.add(uid);
  }

  #namespacePolicies(namespace: string, affected: Effects): void {
    this.#policiesTargeting(namespaceTarget(namespace), affected);
    for (const held of this.#world.meshPolicies.inNamespace(namespace)) addUid(held, affected);
    for (const held of this.#world.meshAccessPolicies.inNamespace(namespace)) addUid(held, affected);
  }

  #allPolicies(affected: Effects): void {
    for (const book of [this.#world.meshPolicies, this.#world.meshAccessPolicies, this.#world.meshConfigs]) {
      for (const held of book.values()) addUid(held, affected);
    }
  }
}

function addUid(held: Held, affected: Effects): void {
  const uid = (held.object ?? held.effective)?.uid;
  if (uid !== undefined) affected.policies.add(uid);
}

const addressesOf = (service: ServiceRecord | undefined): string =>
  JSON.stringify([
    service?.clusterAddresses ?? [],
    service?.externalAddresses ?? [],
    // Of two Services with the same external address the older has it.
    service?.createdAt,
    service?.namespace === 'default' && service.name === 'kubernetes',
  ]);
