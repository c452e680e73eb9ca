import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { LoadResult } from '../../hack/mesh/tester.ts';
import { meshPolicy, testerManifests } from '../harness/manifests.ts';
import { type Mesh, openMesh } from '../harness/mesh.ts';

const NS = 'e2e-canary';
let mesh: Mesh;

beforeAll(async () => {
  mesh = await openMesh();
  await mesh.namespace(NS);
  await mesh.apply(
    ...testerManifests(NS, 'client', { noService: true }),
    ...testerManifests(NS, 'web-v1', { app: 'web', serviceAccount: 'web', version: 'v1', replicas: 2 }),
    ...testerManifests(NS, 'web-v2', { app: 'web', serviceAccount: 'web', version: 'v2', noService: true }),
    meshPolicy(NS, 'canary', {
      targetRefs: [{ kind: 'Service', name: 'web' }],
      subsets: [
        { name: 'v1', labels: { version: 'v1' } },
        { name: 'v2', labels: { version: 'v2' } },
      ],
      routes: [
        {
          name: 'all',
          backends: [
            { subset: 'v1', weight: 95 },
            { subset: 'v2', weight: 5 },
          ],
        },
      ],
      loadBalancing: { policy: 'RoundRobin' },
    }),
  );
  await mesh.available(NS);
  await mesh.condition(NS, 'meshpolicy/canary', 'Ready');
});

afterAll(() => mesh.removeNamespace(NS));

test('4,000 requests split 95/5 within 1.2 points', async () => {
  const client = await mesh.tester(NS, 'client');
  const result = await client.ask<LoadResult>('load', { url: 'http://web/whoami', count: 4000, concurrency: 8 });
  expect(result.byStatus).toEqual({ '200': 4000 });
  const share = (100 * (result.byVersion['v2'] ?? 0)) / 4000;
  process.stderr.write(`figure: canary share of v2 ${share.toFixed(2)} % of 4,000\n`);
  expect(Math.abs(share - 5)).toBeLessThanOrEqual(1.2);
});

test('RoundRobin spreads the calls of a subset evenly over its pods', async () => {
  const client = await mesh.tester(NS, 'client');
  const result = await client.ask<LoadResult>('load', { url: 'http://web/whoami', count: 1000, concurrency: 1 });
  const ofV1 = Object.entries(result.byPod).filter(([pod]) => pod.startsWith('web-v1'));
  expect(ofV1).toHaveLength(2);
  const [first = 0, second = 0] = ofV1.map(([, count]) => count);
  expect(Math.abs(first - second)).toBeLessThanOrEqual(2);
});
