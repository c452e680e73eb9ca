import process from 'node:process';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { V1Pod, V1Service } from '@kubernetes/client-node';
import type { MeshPolicy } from '../../crds/gen/types.ts';
import { eventually, getJson } from '../../hack/mesh/kubectl.ts';
import type { Tester } from '../../hack/mesh/tester.ts';
import { CONTAINER, PORTS } from '../../proxy/contract/bootstrap.ts';
import { meshPolicy, serviceManifest, strict, TESTER_IMAGE, testerManifests } from '../harness/manifests.ts';
import { addressOf, isReady, type Mesh, openMesh } from '../harness/mesh.ts';

const NS = 'e2e-control';
const REQUIRED = 'e2e-control-required';
const OUTSIDE = 'e2e-control-outside';
const SYSTEM = 'heddle-system';
const OPERATOR = 'app.kubernetes.io/name=heddle-operator';
const CRD = 'meshaccesspolicies.heddle.dev';
let mesh: Mesh;

beforeAll(async () => {
  mesh = await openMesh();
  await mesh.namespace(NS);
  await mesh.namespace(REQUIRED, { 'heddle.dev/inject': 'required' });
  await mesh.namespace(OUTSIDE, {});
  await mesh.apply(
    ...testerManifests(NS, 'web'),
    ...testerManifests(NS, 'client', { noService: true }),
    ...testerManifests(OUTSIDE, 'outsider', { noService: true }),
    strict(NS),
  );
  await Promise.all([mesh.available(NS), mesh.available(OUTSIDE)]);
  await mesh.condition(NS, 'meshaccesspolicy/strict', 'Ready');
});

afterAll(() => Promise.all([NS, REQUIRED, OUTSIDE].map((name) => mesh.removeNamespace(name))));

const fetchFrom = async (tester: Tester, url: string): Promise<number | string> => {
  const answer = await tester.ask<{ status: number } | { error: string }>('fetch', { url, timeoutMs: 5_000 });
  return 'status' in answer ? answer.status : answer.error;
};

/** A pod without a proxy: `false` once a Strict service refuses it. */
const isServedInPlain = async (): Promise<boolean> => {
  const outsider = await mesh.tester(OUTSIDE, 'outsider');
  return (await fetchFrom(outsider, `http://web.${NS}/whoami`)) === 200;
};

const readyz = async (pod: V1Pod): Promise<string> => {
  const answer = await fetch(`http://${addressOf(pod)}:${PORTS.health}/readyz`, { signal: AbortSignal.timeout(3_000) });
  return answer.text();
};

test('a Service made this moment is reachable at its first dial', async () => {
  const client = await mesh.tester(NS, 'client');
  const seen: (number | string)[] = [];
  for (let index = 0; index < 10; index++) {
    const name = `new-${index}`;
    await mesh.apply(serviceManifest(NS, name, { selector: { app: 'web' } }));
    const service = await getJson<V1Service>(mesh.kubectl, ['-n', NS, 'service', name]);
    seen.push(await fetchFrom(client, `http://${service?.spec?.clusterIP}/whoami`));
  }
  expect(seen).toEqual(Array.from({ length: 10 }, () => 200));
});

test('a new replica holds what the others use before it dials', async () => {
  const key = `service/${NS}/web`;
  expect(await fetchFrom(await mesh.tester(NS, 'client'), 'http://web/whoami')).toBe(200);
  await mesh.kubectl(['-n', NS, 'scale', 'deployment', 'client', '--replicas=2']);
  await mesh.available(NS);
  const pods = await eventually('two clients are ready', async () => {
    const ready = (await mesh.pods(NS, 'app=client')).filter(isReady);
    return ready.length === 2 && ready;
  });
  const young = pods.sort((left, right) => startOf(right) - startOf(left))[0];
  const script = `fetch('http://127.0.0.1:${PORTS.admin}/configuration').then(r=>r.text()).then(console.log)`;
  const exec = ['-n', NS, 'exec', young?.metadata?.name ?? '', '-c', CONTAINER.proxy, '--', 'node', '-e', script];
  await eventually('the young one holds the key', async () => {
    const { keys } = JSON.parse((await mesh.kubectl(exec)).stdout) as { keys: Record<string, unknown> };
    return key in keys;
  });
});

const startOf = (pod: V1Pod): number => new Date(pod.status?.startTime ?? 0).getTime();

test('its CRD deleted, a Strict policy stays in force; a replica that starts meanwhile names it and decides nothing', async () => {
  expect(await isServedInPlain()).toBe(false);
  const manifest = (await mesh.kubectl(['get', 'crd', CRD, '-o', 'json'])).stdout;
  await mesh.kubectl(['delete', 'crd', CRD, '--timeout=60s']);
  try {
    const standby = await eventually('the standby', async () => {
      const lease = await getJson<{ spec: { holderIdentity: string } }>(mesh.kubectl, [
        '-n',
        SYSTEM,
        'lease',
        'heddle-operator',
      ]);
      const leader = lease?.spec.holderIdentity.split('/')[0];
      return (await mesh.pods(SYSTEM, OPERATOR)).find((pod) => isReady(pod) && pod.metadata?.name !== leader);
    });
    await mesh.kubectl(['-n', SYSTEM, 'delete', 'pod', standby.metadata?.name ?? '']);
    const fresh = await eventually('a replica that waits for the CRD', async () => {
      for (const pod of await mesh.pods(SYSTEM, OPERATOR)) {
        if (pod.status?.podIP === undefined || pod.metadata?.deletionTimestamp !== undefined) continue;
        const text = await readyz(pod).catch(() => '');
        if (text.includes('meshaccesspolicies')) return pod;
      }
      return undefined;
    });
    expect(isReady(fresh)).toBe(false);
    // The one that remembers still serves: new endpoints arrive, and nothing opens.
    await mesh.kubectl(['-n', NS, 'rollout', 'restart', 'deployment/web']);
    await mesh.kubectl(['-n', NS, 'rollout', 'status', 'deployment/web', '--timeout=90s']);
    expect(await fetchFrom(await mesh.tester(NS, 'client'), 'http://web/whoami')).toBe(200);
    expect(await isServedInPlain()).toBe(false);
  } finally {
    const { apiVersion, kind, metadata, spec } = JSON.parse(manifest);
    const { name, labels, annotations } = metadata;
    await mesh.apply({ apiVersion, kind, metadata: { name, labels, annotations }, spec });
    await mesh.kubectl(['wait', '--for=condition=Established', `crd/${CRD}`, '--timeout=30s']);
  }
  await mesh.kubectl(['-n', SYSTEM, 'rollout', 'status', 'deployment/heddle-operator', '--timeout=60s']);
  expect(await isServedInPlain()).toBe(false);
  await mesh.apply(strict(NS));
  await mesh.condition(NS, 'meshaccesspolicy/strict', 'Ready');
});

test('a new leader does not call a policy in force while a stopped proxy has not been heard', async () => {
  const policy = (timeout: string) =>
    meshPolicy(NS, 'web', {
      targetRefs: [{ kind: 'Service', name: 'web' }],
      defaults: { timeouts: { request: timeout } },
    });
  await mesh.apply(policy('10s'));
  await mesh.condition(NS, 'meshpolicy/web', 'Ready');
  const name = (await mesh.pods(NS, 'app=web')).find(isReady)?.metadata?.name ?? '';
  const stopped = await mesh.pid(NS, name, CONTAINER.proxy);
  process.kill(stopped, 'SIGSTOP');
  try {
    await eventually('its pod is NotReady', async () =>
      (await mesh.pods(NS, 'app=web')).some((pod) => pod.metadata?.name === name && !isReady(pod)),
    );
    await mesh.kubectl(['-n', SYSTEM, 'delete', 'pod', '-l', OPERATOR, '--wait=true']);
    await mesh.kubectl(['-n', SYSTEM, 'rollout', 'status', 'deployment/heddle-operator', '--timeout=90s']);
    await mesh.apply(policy('11s'));
    const status = await eventually('the new leader says something of the edit', async () => {
      const object = await getJson<MeshPolicy>(mesh.kubectl, ['-n', NS, 'meshpolicy', 'web']);
      return object?.status?.observedGeneration === 2 && object.status;
    });
    expect(status.conditions?.find(({ type }) => type === 'InForce')?.status).toBe('False');
    expect(status.laggards).toContainEqual({ pod: `${NS}/${name}`, reason: expect.stringContaining('not heard of') });
  } finally {
    process.kill(stopped, 'SIGCONT');
  }
  await mesh.condition(NS, 'meshpolicy/web', 'InForce', 60);
});

test('the webhook rolls and no pod of a required namespace is refused', async () => {
  const refused: string[] = [];
  let tried = 0;
  let isRolling = true;
  const rolling = (async () => {
    await mesh.kubectl(['-n', SYSTEM, 'rollout', 'restart', 'deployment/heddle-webhook']);
    await mesh.kubectl(['-n', SYSTEM, 'rollout', 'status', 'deployment/heddle-webhook', '--timeout=120s']);
    // Until the old ones have gone, too.
    await eventually('the old replicas have gone', async () => {
      return (await mesh.pods(SYSTEM, 'app.kubernetes.io/name=heddle-webhook')).length === 2;
    });
    isRolling = false;
  })();
  const containers = [{ name: 'app', image: TESTER_IMAGE, resources: { requests: { cpu: '10m' } } }];
  while (isRolling) {
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: `p-${tried++}`, namespace: REQUIRED },
      spec: { containers },
    };
    const options = { input: JSON.stringify(pod), allowFailure: true };
    const made = await mesh.kubectl(['create', '--dry-run=server', '-o', 'json', '-f', '-'], options);
    if (made.code !== 0) refused.push(made.stderr.trim());
    else if (!made.stdout.includes(CONTAINER.proxy)) refused.push('admitted without a proxy');
  }
  await rolling;
  expect({ refused, enough: tried > 5 }).toEqual({ refused: [], enough: true });
});

test('without a webhook a required namespace takes no pod, an enabled one does', async () => {
  await mesh.kubectl(['-n', SYSTEM, 'scale', 'deployment/heddle-webhook', '--replicas=0']);
  try {
    await eventually('no webhook answers', async () => {
      return (await mesh.pods(SYSTEM, 'app.kubernetes.io/name=heddle-webhook')).length === 0;
    });
    const run = (namespace: string) =>
      mesh.kubectl(['-n', namespace, 'run', 'p', `--image=${TESTER_IMAGE}`, '--dry-run=server'], {
        allowFailure: true,
      });
    expect((await run(REQUIRED)).stderr).toContain('required.inject.heddle.dev');
    expect(await run(NS)).toMatchObject({ code: 0 });
  } finally {
    await mesh.kubectl(['-n', SYSTEM, 'scale', 'deployment/heddle-webhook', '--replicas=2']);
    await mesh.kubectl(['-n', SYSTEM, 'rollout', 'status', 'deployment/heddle-webhook', '--timeout=60s']);
  }
});

test('a drain of the node may take one replica of each, not both', async () => {
  for (const part of ['operator', 'webhook']) {
    const pods = (await mesh.pods(SYSTEM, `app.kubernetes.io/name=heddle-${part}`)).filter(isReady);
    expect(pods).toHaveLength(2);
    const evict = (pod: V1Pod) => {
      const name = pod.metadata?.name ?? '';
      const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace: SYSTEM } };
      const path = `/api/v1/namespaces/${SYSTEM}/pods/${name}/eviction`;
      return mesh.kubectl(['create', '--raw', path, '-f', '-'], { input: JSON.stringify(body), allowFailure: true });
    };
    const [first, second] = [await evict(pods[0]!), await evict(pods[1]!)];
    expect([first.code, second.stderr]).toEqual([0, expect.stringContaining('disruption budget')]);
    await mesh.kubectl(['-n', SYSTEM, 'rollout', 'status', `deployment/heddle-${part}`, '--timeout=90s']);
  }
  expect(await fetchFrom(await mesh.tester(NS, 'client'), 'http://web/whoami')).toBe(200);
});
