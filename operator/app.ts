import { LEAF_TTL } from '../crds/defaults.ts';
import type { Clock, Random } from '../proxy/base/clock.ts';
import type { Log } from '../proxy/base/log.ts';
import { OPERATOR_SERVICE_ACCOUNT, SYSTEM_NAMESPACE } from '../proxy/contract/bootstrap.ts';
import { formatSpiffeId } from '../proxy/contract/identity.ts';
import { createAuthenticate, createIssue, createKeep, createServing, LIVES } from './ca/ca.ts';
import { compileAddresses, compileKey, viewClass } from './compile/compile.ts';
import type { OperatorConfig } from './config.ts';
import { createControlServer } from './control-server.ts';
import { podsOutside } from './controllers/outside-ranges-decision.ts';
import { createDistributor } from './distribute/distribute.ts';
import { readiness } from './health.ts';
import {
  type Connection,
  createElection,
  createEventRecorder,
  createKubeClient,
  LEASE_TIMING,
  type Leadership,
} from './kube/kube.ts';
import { restoreLastGood } from './last-good.ts';
import { restoreLastMeshConfig } from './last-mesh-config.ts';
import { controlAddressOf, replicaIdentity } from './leader-endpoints.ts';
import { createMetrics } from './metrics.ts';
import { World } from './model/model.ts';
import { createOwnControllers } from './own-controllers.ts';
import { PodStates } from './pod-states.ts';
import { createStatusClient, createStatusControllers, type StatusControllers } from './status/status.ts';
import { serveText } from './text-server.ts';
import { createWorldFeed } from './world-feed.ts';

export interface OperatorOptions {
  /** With the address to listen on. */
  readonly config: OperatorConfig & { readonly host: string };
  readonly connection: Connection;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface Operator {
  /** Resolves when the world is known and this replica stands for election. */
  start(): Promise<void>;
  /** Gives the lease back, tells proxies to go elsewhere, ends. */
  stop(): Promise<void>;
}

/** A new root is trusted this long before it signs (7 d, the longest leaf): every proxy has renewed, and so read the bundle, by then. */
const PROPAGATION_MS = LEAF_TTL.maxMs;
const HOST = `${OPERATOR_SERVICE_ACCOUNT}.${SYSTEM_NAMESPACE}.svc`;

/** The operator, assembled: read it from top to bottom. Quiet until `start`. */
export function createOperator(options: OperatorOptions): Operator {
  const { config, connection, clock, random, log } = options;
  const common = { clock, random, log };
  const client = createKubeClient(connection);
  // Renewing the lease must not queue behind other calls, nor wait longer than the fence.
  const leaseClient = createKubeClient(connection, { timeoutMs: LEASE_TIMING.fence / 2 });
  let synced = false;
  let stopping = false;

  const world = new World();
  const pods = new PodStates(world);
  const election = createElection({
    ...common,
    client: leaseClient,
    lease: { namespace: config.namespace, name: OPERATOR_SERVICE_ACCOUNT },
    identity: replicaIdentity(config.podName, config.podAddress),
  });
  const { isLeader } = election;

  const metrics = createMetrics({
    isLeader,
    issuerNotAfter: () => ready()?.slots.current.issuer.notAfter,
    rootNotAfter: () => ready()?.slots.current.root.notAfter,
    streams: () => distributor.streams,
    podsOutsideRanges: () => podsOutside(world).count,
    pushed: () => pushedNumbers(distributor.stats),
    held: () =>
      [...feed.informers, ...own.informers].map(({ name, size, alive }) => ({ resource: name, size, alive: alive() })),
    depths: () => Object.fromEntries(Object.entries(own.controllers).map(([name, one]) => [name, one.depth])),
  });

  const keep = createKeep({
    client,
    clock,
    log,
    isLeader,
    lives: { leaf: LEAF_TTL.maxMs, propagation: PROPAGATION_MS },
  });
  const ready = () => (keep.state.value.kind === 'ready' ? keep.state.value : undefined);
  const trustDomain = (): string => world.settings.trustDomain;
  const authenticate = createAuthenticate(client);
  const issue = createIssue({
    authenticate,
    authority: () => keep.state.value,
    isLeader,
    trustDomain,
    leafMs: () => world.settings.leafMs,
    clock,
    log,
    onAnswer: metrics.certificateAnswered,
  });
  const serving = createServing({
    authority: keep.state,
    names: () => (synced ? ownNames(trustDomain()) : undefined),
    lifeMs: LIVES.leaf,
    clock,
    log,
  });

  const distributor = createDistributor({
    ...common,
    world,
    compile: { compileKey, compileAddresses, viewClass },
    authenticate,
    stateOf: (uid) => pods.stateOf(uid),
    operator: config.podName,
    onLedgerChange: () => status?.ledgerChanged(),
  });
  const control = createControlServer({
    host: config.host,
    port: config.controlPort,
    certificate: serving.certificate,
    trustDomain,
    issue,
    acceptStream: distributor.acceptStream,
    clock,
    log,
  });
  const own = createOwnControllers({
    ...common,
    client,
    world,
    keep,
    isLeader,
    podName: config.podName,
    podAddress: config.podAddress,
    onOutcome: metrics.reconciled,
  });
  const feed = createWorldFeed({
    ...common,
    client,
    world,
    before: (change) => pods.note(change),
    onChange(change, affected) {
      distributor.worldChanged(affected);
      status?.worldChanged(affected);
      own.changed(change);
      if (change.resource === 'meshConfigs') serving.refresh();
    },
  });

  const tell = createEventRecorder({ client, controller: 'heddle.dev/operator', instance: config.podName, clock, log });
  const newStatus = (): StatusControllers =>
    createStatusControllers({
      ...common,
      world,
      distributor,
      client: createStatusClient(client),
      tell,
      isLeader,
      onOutcome: metrics.reconciled,
    });
  /** Lives as long as one leadership: what it remembers of written statuses is worth nothing after another leader wrote. */
  let status: StatusControllers | undefined;

  const onLeadership = (leadership: Leadership): void => {
    void status?.stop();
    status = undefined;
    if (leadership.kind === 'follower') {
      distributor.goaway(controlAddressOf(leadership.holder));
      return;
    }
    distributor.lead();
    status = newStatus();
    status.start();
    own.lookAtAll();
  };

  const servers = [
    () =>
      serveText(
        { host: config.host, port: config.healthPort, log },
        {
          '/livez': () => ({ status: 200, text: 'alive\n' }),
          '/readyz': () =>
            readiness({
              unsynced: feed.waitingFor(),
              authority: keep.state.value,
              serving: serving.certificate.value,
              stopping,
            }),
        },
      ),
    () =>
      serveText(
        { host: config.host, port: config.metricsPort, log },
        {
          '/metrics': async () => ({ status: 200, text: await metrics.text() }),
        },
      ),
  ];
  const running: { stop(): Promise<void> }[] = [];

  return {
    async start() {
      for (const serve of servers) {
        const server = serve();
        running.push(server);
        await server.port;
      }
      distributor.goaway();
      feed.start();
      for (const informer of own.informers) informer.start();
      await Promise.all([feed.synced, ...own.informers.map((informer) => informer.synced)]);
      await untilDone({ clock, log }, () => restoreLastMeshConfig({ client, world, log }));
      await untilDone({ clock, log }, () => restoreLastGood({ client, world, log }));
      synced = true;
      log.info('the cluster is known', { pods: world.pods.size, services: world.services.size });
      election.leadership.subscribe(onLeadership);
      election.start();
      own.start();
      serving.start();
      control.start();
      log.info('listening', { control: await control.listening });
    },
    async stop() {
      stopping = true;
      await own.stop();
      await status?.stop();
      await election.stop();
      distributor.stop();
      serving.stop();
      await control.stop();
      await Promise.all([
        feed.stop(),
        ...own.informers.map((informer) => informer.stop()),
        ...running.map((one) => one.stop()),
      ]);
      leaseClient.close();
      client.close();
    },
  };
}

/** Tries again every second until it does not fail. */
async function untilDone(
  common: { readonly clock: Clock; readonly log: Log },
  work: () => Promise<void>,
): Promise<void> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      common.log.warn('not ready to begin, trying again', {}, error);
      await new Promise<void>((resolve) => void common.clock.after(1_000, resolve));
    }
  }
}

function ownNames(trustDomain: string): { spiffeId: string; dnsNames: string[] } {
  const spiffeId = formatSpiffeId({
    trustDomain,
    namespace: SYSTEM_NAMESPACE,
    serviceAccount: OPERATOR_SERVICE_ACCOUNT,
  });
  return { spiffeId, dnsNames: [HOST, `${HOST}.cluster.local`] };
}

function pushedNumbers(stats: object): Record<string, number> {
  return Object.fromEntries(
    Object.entries(stats).filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
  );
}
