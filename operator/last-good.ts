import { LAST_GOOD } from '../crds/labels.ts';
import type { Log } from '../proxy/base/log.ts';
import { SYSTEM_NAMESPACE } from '../proxy/contract/bootstrap.ts';
import {
  apiVersionOf,
  applyObject,
  DONE,
  type KubeClient,
  type KubeObject,
  type Outcome,
  RESOURCES,
} from './kube/kube.ts';
import { type Held, type PolicyChange, type PolicyRecord, policyName, type World } from './model/model.ts';

/** The ConfigMap with the generations that stand in for ones that break a rule, for the time after a restart. */
const REF = { namespace: SYSTEM_NAMESPACE, name: LAST_GOOD.name } as const;
const MANAGER = 'heddle-last-good';
/** A ConfigMap holds 1 MiB. What does not fit is lost with a restart: access policies then close. */
const MAX_BYTES = 768 * 1024;
const LOOK_AGAIN_MS = 60_000;

interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

/** One policy's. Its name in the ConfigMap is the uid: another object of the same name gets nothing of it. */
interface Kept {
  /** The generation in force, and its spec. */
  readonly generation: number;
  readonly spec: unknown;
  /** The newest generation that breaks a rule: for a later one nobody knows whether there was a good one in between. */
  readonly through: number;
}

type Kind = Extract<PolicyChange['resource'], 'meshPolicies' | 'meshAccessPolicies'>;
/** Access policies first: they are the ones that close. */
const KINDS: readonly Kind[] = ['meshAccessPolicies', 'meshPolicies'];

export interface LastGoodOptions {
  readonly client: KubeClient;
  readonly world: World;
  readonly isLeader: () => boolean;
  readonly log: Log;
}

/** Writes what is in force of policies whose newest generation breaks a rule; nothing else, so it is empty nearly always. */
export function createLastGoodReconcile(options: LastGoodOptions): () => Promise<Outcome> {
  const { client, world, isLeader, log } = options;
  /** Nothing stands there. Every status that is written is an event of its policy: not a call each. What another leader may have left meanwhile counts for its generation only. */
  let isEmpty = false;
  return async () => {
    if (!isLeader()) {
      isEmpty = false;
      return DONE;
    }
    const { data, left } = collect(world);
    const nothing = Object.keys(data).length === 0;
    if (nothing && isEmpty) return DONE;
    if (left > 0) log.warn('generations in force do not fit into a ConfigMap; a restart forgets them', { left });
    const live = await client.find<ConfigMap>(RESOURCES.configMaps, REF);
    if (!isLeader()) return DONE;
    if (!sameData(live?.data ?? {}, data))
      await applyObject({ client, resource: RESOURCES.configMaps, manager: MANAGER }, configMapOf(data), undefined);
    isEmpty = nothing;
    return nothing ? DONE : { kind: 'requeue', afterMs: LOOK_AGAIN_MS };
  };
}

/** Before anything is compiled: policies that break a rule get the generation back that was in force. Rejects when it cannot be asked. */
export async function restoreLastGood(options: {
  readonly client: KubeClient;
  readonly world: World;
  readonly log: Log;
}): Promise<void> {
  const { client, world, log } = options;
  const lost = KINDS.flatMap((resource) =>
    [...(world[resource].values() as Iterable<Held>)].flatMap((held) =>
      lostObject(held).map((object) => ({ resource, object })),
    ),
  );
  if (lost.length === 0) return;
  const live = await client.find<ConfigMap>(RESOURCES.configMaps, REF);
  for (const { resource, object } of lost) {
    const key = policyName(object);
    const kept = read(live?.data?.[object.uid]);
    // It may have changed while the answer was on its way.
    if (kept?.through !== object.generation || world[resource].get(key)?.object !== object) continue;
    world.apply({ resource, key, object: { ...object, generation: kept.generation, spec: kept.spec } });
    world.apply({ resource, key, object });
    log.info('a policy breaks a rule; the generation in force before stays', {
      policy: key,
      generation: kept.generation,
    });
  }
}

/** The object, where it breaks a rule and no generation of it is known that broke none. */
function lostObject({ object, violations, effective }: Held): PolicyRecord[] {
  return object !== undefined && violations.length > 0 && (effective?.closed ?? true) ? [object] : [];
}

function collect(world: World): { data: Record<string, string>; left: number } {
  const data: Record<string, string> = {};
  let bytes = 0;
  let left = 0;
  for (const resource of KINDS) {
    for (const { object, effective } of world[resource].values() as Iterable<Held>) {
      if (object === undefined || effective === undefined || effective.closed) continue;
      if (effective.uid !== object.uid || effective.generation === object.generation) continue;
      const kept: Kept = { generation: effective.generation, spec: effective.spec, through: object.generation };
      const text = JSON.stringify(kept);
      const size = Buffer.byteLength(text) + object.uid.length;
      if (bytes + size > MAX_BYTES) {
        left++;
        continue;
      }
      bytes += size;
      data[object.uid] = text;
    }
  }
  return { data, left };
}

function configMapOf(data: Readonly<Record<string, string>>): ConfigMap {
  return {
    apiVersion: apiVersionOf(RESOURCES.configMaps),
    kind: RESOURCES.configMaps.kind,
    metadata: { ...REF, labels: { 'app.kubernetes.io/part-of': 'heddle' } },
    data,
  };
}

function sameData(left: Readonly<Record<string, string>>, right: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(left);
  return names.length === Object.keys(right).length && names.every((name) => left[name] === right[name]);
}

/** Undefined where it cannot be read; the spec itself is checked when the model takes it in. */
function read(text: string | undefined): Kept | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return undefined;
    const { generation, spec, through } = value as Readonly<Record<string, unknown>>;
    return typeof generation === 'number' && typeof through === 'number' ? { generation, spec, through } : undefined;
  } catch {
    return undefined;
  }
}
