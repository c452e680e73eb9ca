import type { Clock, Random } from '../proxy/base/clock.ts';
import type { Log } from '../proxy/base/log.ts';
import {
  createInformer,
  type Informer,
  type Change as InformerChange,
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
import { createPolicyDeletions } from './policy-deletions.ts';

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
  /**
   * Resolves when every kind was listed once. Before that the world is half and nobody may compile from it. Of Kubernetes' kinds one that
   * does not exist counts as empty (ServiceCIDR before 1.33); ours must exist: where their CRD is missing, proxies may hold what it said.
   */
  readonly synced: Promise<void>;
  /** Kinds that `synced` still waits for: `meshconfigs.heddle.dev`. */
  waitingFor(): readonly string[];
  start(): void;
  stop(): Promise<void>;
}

export function createWorldFeed(options: WorldFeedOptions): WorldFeed {
  const { client, world, clock, log } = options;
  const take = (change: Change): void => {
    options.before(change);
    options.onChange(change, world.apply(change));
  };

  const follow = <Kept>(
    resource: Resource,
    strip: (raw: KubeObject) => Kept | undefined,
    onChange: (change: InformerChange<Kept>) => void,
    mustExist = false,
  ) => createInformer<Kept>({ client, resource, strip, onChange, mustExist, clock, random: options.random, log });

  const deletions = createPolicyDeletions({ client, clock, log });
  const policies = (resource: Resource, name: PolicyChange['resource'], strip: (raw: unknown) => PolicyRecord) => {
    const onChange = ({ key, object, previous }: InformerChange<PolicyRecord>): void => {
      if (object !== undefined) {
        deletions.came({ resource, key });
        take({ resource: name, key, object });
        return;
      }
      deletions.went({ resource, key, createdAt: previous?.createdAt ?? '' }, (because) => {
        take({ resource: name, key, object, ...(because === undefined ? {} : { because }) });
        if (because === 'kind') informer.relist();
      });
    };
    const informer: Informer<PolicyRecord> = follow(resource, strip, onChange, true);
    return informer;
  };

  const informers: readonly Informer<unknown>[] = [
    follow(RESOURCES.namespaces, stripNamespace, ({ key, object }) => take({ resource: 'namespaces', key, object })),
    follow(RESOURCES.nodes, stripNode, ({ key, object }) => take({ resource: 'nodes', key, object })),
    follow(RESOURCES.serviceCidrs, stripServiceCidr, ({ key, object }) =>
      take({ resource: 'serviceCidrs', key, object }),
    ),
    follow(RESOURCES.services, stripService, ({ key, object }) => take({ resource: 'services', key, object })),
    follow(RESOURCES.endpointSlices, stripEndpointSlice, ({ key, object }) =>
      take({ resource: 'endpointSlices', key, object }),
    ),
    follow(RESOURCES.pods, stripPod, ({ key, object }) => take({ resource: 'pods', key, object })),
    policies(RESOURCES.meshConfigs, 'meshConfigs', stripMeshConfig),
    policies(RESOURCES.meshPolicies, 'meshPolicies', stripMeshPolicy),
    policies(RESOURCES.meshAccessPolicies, 'meshAccessPolicies', stripMeshAccessPolicy),
  ];

  const waiting = new Set(informers);
  for (const informer of informers) void informer.synced.then(() => waiting.delete(informer));

  return {
    informers,
    synced: Promise.all(informers.map((informer) => informer.synced)).then(() => {}),
    waitingFor: () =>
      [...waiting].map(({ name, state }) =>
        state.value.kind === 'absent' ? `${name} (no such kind: is its CRD installed?)` : name,
      ),
    start() {
      for (const informer of informers) informer.start();
    },
    async stop() {
      await Promise.all(informers.map((informer) => informer.stop()));
    },
  };
}
