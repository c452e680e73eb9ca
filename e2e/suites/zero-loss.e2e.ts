import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { eventually } from '../../hack/mesh/kubectl.ts';
import { sum } from '../../hack/mesh/metrics.ts';
import type { LoadResult, Tester } from '../../hack/mesh/tester.ts';
import { serviceKey } from '../../proxy/contract/snapshot.ts';
import { heldBy } from '../harness/admin.ts';
import { meshPolicy, testerManifests } from '../harness/manifests.ts';
import { type Mesh, openMesh } from '../harness/mesh.ts';

const NS = 'e2e-zero-loss';
const SYSTEM = 'heddle-system';
let mesh: Mesh;
let client: Tester;

/** Retries off by policy: what is lost is seen. */
const noRetries = (name: string, loadBalancing: string) =>
  meshPolicy(NS, name, {
    targetRefs: [{ kind: 'Service', name }],
    defaults: { retries: { attempts: 0 } },
    loadBalancing: { policy: loadBalancing },
  });

beforeAll(async () => {
  mesh = await openMesh();
  await leafTtl('24h');
  await mesh.namespace(NS);
  await mesh.apply(
    ...testerManifests(NS, 'client', { noService: true }),
    ...testerManifests(NS, 'middle', { replicas: 2 }),
    ...testerManifests(NS, 'web', { replicas: 2 }),
    noRetries('middle', 'LeastRequest'),
    noRetries('web', 'LeastRequest'),
  );
  await mesh.available(NS);
  await mesh.condition(NS, 'meshpolicy/web', 'Ready');
  client = await mesh.tester(NS, 'client');
});

afterAll(async () => {
  await leafTtl('24h');
  await mesh.removeNamespace(NS);
});

async function leafTtl(leafTTL: string): Promise<void> {
  await mesh.apply({
    apiVersion: 'heddle.dev/v1alpha1',
    kind: 'MeshConfig',
    metadata: { name: 'default' },
    spec: { certificates: { leafTTL } },
  });
}

/** POSTs on kept-alive and on fresh connections while `during` happens; every one must be a 200. */
async function losesNothing(url: string, during: () => Promise<void>, from: Tester = client): Promise<void> {
  const order = { url, method: 'POST', body: 'x', concurrency: 4, rate: 60, durationMs: 900_000 };
  const kept = await from.ask<{ id: string }>('load/start', { ...order, keepAlive: true });
  const fresh = await from.ask<{ id: string }>('load/start', { ...order, keepAlive: false });
  let results: LoadResult[] = [];
  try {
    await during();
  } finally {
    results = await Promise.all([kept, fresh].map((load) => from.ask<LoadResult>('load/stop', load)));
  }
  const [one, two] = results as [LoadResult, LoadResult];
  process.stderr.write(
    `figure: ${expect.getState().currentTestName}: ${one.done} kept-alive and ${two.done} fresh calls, p99 ${one.latencyMs.p99} / ${two.latencyMs.p99} ms\n`,
  );
  for (const result of results) {
    expect({ errors: result.errorSamples, reasons: result.reasons, byStatus: result.byStatus }).toEqual({
      errors: [],
      reasons: {},
      byStatus: { '200': result.done },
    });
    expect(result.done).toBeGreaterThan(100);
  }
}

async function roll(deployment: string): Promise<void> {
  await mesh.kubectl(['-n', NS, 'rollout', 'restart', `deployment/${deployment}`]);
  await mesh.kubectl(['-n', NS, 'rollout', 'status', `deployment/${deployment}`, '--timeout=150s']);
}

/** Until the pods that a roll replaced are gone: their last seconds are where requests get lost. */
async function settled(app: string, pods: number): Promise<void> {
  await eventually(
    `only ${pods} pods of ${app} are left`,
    async () => (await mesh.pods(NS, `app=${app}`)).length === pods,
    90_000,
  );
}

test('rolling restart of the callee (its application exits at once on SIGTERM)', async () => {
  await losesNothing('http://web/upload', async () => {
    await roll('web');
    await settled('web', 2);
  });
});

test('rolling restart of the caller', async () => {
  await losesNothing('http://middle/forward?url=http://web/upload', async () => {
    await roll('middle');
    await settled('middle', 2);
  });
});

test('20 policy edits', async () => {
  await losesNothing('http://web/upload', async () => {
    for (let edit = 0; edit < 20; edit++) {
      await mesh.apply(noRetries('web', edit % 2 === 0 ? 'RoundRobin' : 'LeastRequest'));
      await mesh.condition(NS, 'meshpolicy/web', 'Ready');
    }
  });
});

test('certificate renewal: leaves of 20 s, renewed several times', async () => {
  await leafTtl('20s');
  await roll('web');
  await roll('client');
  await settled('client', 1);
  const short = await mesh.tester(NS, 'client');
  const [pod] = await mesh.pods(NS, 'app=web');
  const expiry = async (): Promise<number> => sum(await mesh.metrics(pod!), 'heddle_certificate_expiry_seconds');
  const first = await expiry();
  expect(first * 1000 - Date.now()).toBeLessThan(21_000);
  await losesNothing(
    'http://web/upload',
    async () => {
      await eventually('three renewals', async () => (await expiry()) > first + 24, 120_000, 1000);
    },
    short,
  );
  await leafTtl('24h');
  await roll('web');
  await roll('client');
  await settled('client', 1);
  client = await mesh.tester(NS, 'client');
});

/** Of `config/overlays/e2e`: as written there, this suite means nothing with another. */
const UNUSED_KEY_SECONDS = 20;

/** What the client's proxy holds for `idle`; undefined: nothing. */
async function idleKey(): Promise<unknown> {
  const [pod] = await mesh.pods(NS, 'app=client');
  const { keys } = await heldBy(mesh, pod!);
  return keys[serviceKey(NS, 'idle')];
}

test('operator scaled to zero for three minutes', async () => {
  await mesh.apply(...testerManifests(NS, 'idle'), ...testerManifests(NS, 'never'));
  await mesh.available(NS);
  const status = async (url: string): Promise<[number, string | undefined]> => {
    const answer = await client.ask<{ status: number; headers: Record<string, string> }>('fetch', { url });
    return [answer.status, answer.headers['x-heddle-reason']];
  };
  const used = performance.now();
  expect(await status('http://idle/whoami')).toEqual([200, undefined]);
  expect(await idleKey()).toBeDefined();
  await eventually('the key of idle was given up', async () => (await idleKey()) === undefined, 40_000, 500);
  const unusedFor = (performance.now() - used) / 1_000;
  process.stderr.write(`figure: a key that nothing used was given up after ${unusedFor.toFixed(1)} s\n`);
  expect(unusedFor).toBeGreaterThanOrEqual(UNUSED_KEY_SECONDS);
  await losesNothing('http://web/upload', async () => {
    const gone = performance.now();
    await mesh.kubectl(['-n', SYSTEM, 'scale', 'deployment/heddle-operator', '--replicas=0']);
    await eventually(
      'no operator runs',
      async () => (await mesh.pods(SYSTEM, 'app.kubernetes.io/name=heddle-operator')).length === 0,
      60_000,
    );
    try {
      // Not held when it is asked for, and nobody there to give it: what the proxy kept answers.
      expect(await idleKey()).toBeUndefined();
      expect(await status('http://idle/whoami')).toEqual([200, undefined]);
      expect(await idleKey()).toMatchObject({ source: 'last-good' });
      expect(await status('http://never/whoami')).toEqual([503, 'control_plane_unreachable']);
      await mesh.kubectl(['-n', NS, 'rollout', 'restart', 'deployment/web']);
      const left = 180_000 - (performance.now() - gone);
      await new Promise((resolve) => setTimeout(resolve, left));
      expect(await status('http://idle/whoami')).toEqual([200, undefined]);
    } finally {
      await mesh.kubectl(['-n', SYSTEM, 'scale', 'deployment/heddle-operator', '--replicas=2']);
    }
    await mesh.kubectl(['-n', NS, 'rollout', 'status', 'deployment/web', '--timeout=120s']);
    await settled('web', 2);
  });
  await eventually(
    'the destination that was never used works again',
    async () => (await status('http://never/whoami'))[0] === 200,
    30_000,
  );
}, 420_000);
