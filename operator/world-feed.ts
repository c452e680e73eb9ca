import type { Clock, Random } from '../proxy/base/clock.ts';
import type { Log } from '../proxy/base/log.ts';
import { type Because, whyDeleted } from './confirm-deletion.ts';
import {
  createInformer,
  type Informer,
  type KubeClient,
  type KubeObject,
  RESOURCES,
  type Resource,
} from './kube/kube.ts';
import {
  type Affected,
  type Change,
  type PolicyChange,
  type PolicyRecord,
  stripEndpointSlice,
  stripMeshAccessPolicy,
  stripMeshConfig,
  stripMeshPolicy,
  stripNamespace,
  stripNode,
  stripPod,
  stripService,
  stripServiceCidr,
  type World,
} from './model/model.ts';

export interface WorldFeedOptions {
  readonly client: KubeClient;
  readonly world: World;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Hears each change right before the world takes it in. */
  readonly before: (change: Change) => void;
  /** Hears each change after the world took it in. */
  readonly onChange: (change: Change, affected: Affected) => void;
}

/** Every informer of the model: what the cluster says, into the world. */
export interface WorldFeed {
  readonly informers: readonly Informer<unknown>[];
  /** Resolves when every kind was listed once (or does not exist). Before that the world is half and nobody may compile from it. */
  readonly synced: Promise<void>;
  start(): void;
  stop(): Promise<void>;
}

const CONFIRM_AGAIN_MS = 1_000;

export function createWorldFeed(options: WorldFeedOptions): WorldFeed {
  const { client, world, clock, log } = options;
  const take = (change: Change): void => {
    options.before(change);
    options.onChange(change, world.apply(change));
  };

  const follow = <Kept>(
    resource: Resource,
    strip: (raw: KubeObject) => Kept | undefined,
    toChange: (key: string, object: Kept | undefined) => void,
  ) =>
    createInformer<Kept>({
      client,
      resource,
      strip,
      onChange: (change) => toChange(change.key, change.object),
      clock,
      random: options.random,
      log,
    });

  /** Objects of ours that went and whose reason is being asked; one that comes back meanwhile is taken off. */
  const going = new Set<string>();

  const policies = (resource: Resource, name: PolicyChange['resource'], strip: (raw: unknown) => PolicyRecord) => {
    const confirm = async (key: string): Promise<void> => {
      const id = `${name} ${key}`;
      if (!going.has(id)) return;
      try {
        const because: Because = await whyDeleted(client, resource, key);
        if (!going.delete(id)) return;
        if (because !== undefined)
          log.info('an object goes with its surroundings; it stays in force', { resource: name, key, because });
        take({ resource: name, key, object: undefined, ...(because === undefined ? {} : { because }) });
      } catch (error) {
        log.warn('it is not known why an object went; it stays in force', { resource: name, key }, error);
        clock.after(CONFIRM_AGAIN_MS, () => void confirm(key));
      }
    };
    return follow(resource, strip, (key, object) => {
      const id = `${name} ${key}`;
      if (object === undefined) {
        going.add(id);
        void confirm(key);
        return;
      }
      going.delete(id);
      take({ resource: name, key, object });
    });
  };

  const informers: readonly Informer<unknown>[] = [
    follow(RESOURCES.namespaces, stripNamespace, (key, object) => take({ resource: 'namespaces', key, object })),
    follow(RESOURCES.nodes, stripNode, (key, object) => take({ resource: 'nodes', key, object })),
    follow(RESOURCES.serviceCidrs, stripServiceCidr, (key, object) => take({ resource: 'serviceCidrs', key, object })),
    follow(RESOURCES.services, stripService, (key, object) => take({ resource: 'services', key, object })),
    follow(RESOURCES.endpointSlices, stripEndpointSlice, (key, object) =>
      take({ resource: 'endpointSlices', key, object }),
    ),
    follow(RESOURCES.pods, stripPod, (key, object) => take({ resource: 'pods', key, object })),
    policies(RESOURCES.meshConfigs, 'meshConfigs', stripMeshConfig),
    policies(RESOURCES.meshPolicies, 'meshPolicies', stripMeshPolicy),
    policies(RESOURCES.meshAccessPolicies, 'meshAccessPolicies', stripMeshAccessPolicy),
  ];

  return {
    informers,
    synced: Promise.all(informers.map((informer) => informer.synced)).then(() => {}),
    start() {
      for (const informer of informers) informer.start();
    },
    async stop() {
      await Promise.all(informers.map((informer) => informer.stop()));
    },
  };
}
