import type { Clock, Random } from '../proxy/base/clock.ts';
import type { Log } from '../proxy/base/log.ts';
import { SYSTEM_NAMESPACE, TRUST_CONFIG_MAP } from '../proxy/contract/bootstrap.ts';
import { type AuthorityState, CA_SECRET, type Keep } from './ca/ca.ts';
import { type BundleConfigMap, createTrustReconcile, type TrustFacts } from './controllers/trust.ts';
import { callWebhook } from './controllers/webhook-call.ts';
import { createWebhookReconcile } from './controllers/webhook-certificate.ts';
import {
  type Controller,
  createController,
  createInformer,
  type Informer,
  type KubeClient,
  type Outcome,
  objectKey,
  RESOURCES,
} from './kube/kube.ts';
import { createLastGoodReconcile } from './last-good.ts';
import { createLastMeshConfigReconcile } from './last-mesh-config.ts';
import { createLeaderEndpointsReconcile, LEADER_SLICE } from './leader-endpoints.ts';
import { type Change, isLive, type World } from './model/model.ts';

export interface OwnControllersOptions {
  readonly client: KubeClient;
  readonly world: World;
  readonly keep: Keep;
  readonly isLeader: () => boolean;
  readonly podName: string;
  readonly podAddress: string | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly onOutcome: (controller: string, outcome: string) => void;
}

/** The controllers that keep what the mesh itself needs: its root, its bundles, its webhooks, its leader's address. */
export interface OwnControllers {
  readonly informers: readonly Informer<unknown>[];
  readonly controllers: Readonly<
    Record<'authority' | 'trust' | 'webhook' | 'leader' | 'lastMeshConfig' | 'lastGood', Controller>
  >;
  /** After the world took the change in. */
  changed(change: Change): void;
  /** Looks at everything again: leadership was won. */
  lookAtAll(): void;
  start(): void;
  stop(): Promise<void>;
}

/** The one key of controllers that have a single duty. */
const ONLY = 'only';

export function createOwnControllers(options: OwnControllersOptions): OwnControllers {
  const { client, world, keep, clock, random, log, isLeader } = options;
  const common = { clock, random, log, onOutcome: options.onOutcome };
  const one = (name: string, reconcile: (key: string) => Promise<Outcome>): Controller =>
    createController({ name, reconcile, ...common });
  const authority = (): AuthorityState => keep.state.value;

  const bundles = createInformer<BundleConfigMap>({
    client,
    resource: RESOURCES.configMaps,
    fieldSelector: `metadata.name=${TRUST_CONFIG_MAP.name}`,
    strip: (raw) => raw,
    onChange: (change) => controllers.trust.enqueue(namespaceOf(change.key)),
    clock,
    random,
    log,
  });
  const secret = createInformer<string>({
    client,
    resource: RESOURCES.secrets,
    namespace: CA_SECRET.namespace,
    fieldSelector: `metadata.name=${CA_SECRET.name}`,
    // Keys stay out of this copy: the authority reads them itself.
    strip: (raw) => raw.metadata.resourceVersion,
    onChange: () => controllers.authority.enqueue(ONLY),
    clock,
    random,
    log,
  });

  const trustFacts = (name: string): TrustFacts => {
    const state = authority();
    const namespace = world.namespaces.get(name);
    return {
      namespace,
      isMember: isMember(world, name),
      live: bundles.get(`${name}/${TRUST_CONFIG_MAP.name}`),
      bundle: state.kind === 'ready' ? state.bundle : undefined,
    };
  };

  const controllers = {
    authority: one('authority', () => keep.reconcile()),
    trust: one('trust', createTrustReconcile({ client, facts: trustFacts, isLeader })),
    webhook: one(
      'webhook',
      createWebhookReconcile({
        client,
        authority,
        isLeader,
        call: (bundle) => callWebhook(client, bundle),
        clock,
        log,
      }),
    ),
    lastMeshConfig: one('last-mesh-config', createLastMeshConfigReconcile({ client, world, isLeader })),
    lastGood: one('last-good', createLastGoodReconcile({ client, world, isLeader, log })),
    leader: one(
      'leader',
      createLeaderEndpointsReconcile({ client, podName: options.podName, podAddress: options.podAddress, isLeader }),
    ),
  };

  const lookAtBundles = (): void => {
    for (const { name } of world.namespaces.values()) controllers.trust.enqueue(name);
  };
  const lookAtAll = (): void => {
    const { trust: _byNamespace, ...single } = controllers;
    for (const controller of Object.values(single)) controller.enqueue(ONLY);
    lookAtBundles();
  };

  return {
    informers: [bundles, secret],
    controllers,
    changed(change) {
      if (change.resource === 'namespaces') {
        controllers.trust.enqueue(change.key);
        // The annotation that gives a root up stands on this object; and when it goes, the webhook configurations must too.
        if (change.key === SYSTEM_NAMESPACE)
          for (const one of [controllers.authority, controllers.webhook]) one.enqueue(ONLY);
      }
      if (change.resource === 'meshConfigs') controllers.lastMeshConfig.enqueue(ONLY);
      if (change.resource === 'meshPolicies' || change.resource === 'meshAccessPolicies')
        controllers.lastGood.enqueue(ONLY);
      // Somebody deleted or changed it, or a leader that was stopped in the middle wrote after the next one.
      if (change.resource === 'endpointSlices' && change.key === objectKey(LEADER_SLICE))
        controllers.leader.enqueue(ONLY);
      if (change.resource === 'pods') controllers.trust.enqueue(namespaceOf(change.key));
    },
    lookAtAll,
    start() {
      keep.state.subscribe(() => {
        lookAtBundles();
        controllers.webhook.enqueue(ONLY);
      });
      for (const controller of Object.values(controllers)) controller.start();
      lookAtAll();
    },
    async stop() {
      await Promise.all(Object.values(controllers).map((controller) => controller.stop()));
    },
  };
}

/** Labelled, or with a live pod that carries our sidecar: members keep their trust when the label goes. */
function isMember(world: World, name: string): boolean {
  const inject = world.namespaces.get(name)?.inject;
  if (inject === 'enabled' || inject === 'required') return true;
  for (const pod of world.podsIn(name)) if (pod.meshed && isLive(pod)) return true;
  return false;
}

function namespaceOf(key: string): string {
  return key.slice(0, key.indexOf('/'));
}
