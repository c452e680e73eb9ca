import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { accessPolicy, testerManifests } from '../harness/manifests.ts';
import { type Mesh, openMesh } from '../harness/mesh.ts';

const NS = 'e2e-access';
let mesh: Mesh;

beforeAll(async () => {
  mesh = await openMesh();
  await mesh.namespace(NS);
  await mesh.apply(
    ...testerManifests(NS, 'order', { noService: true }),
    ...testerManifests(NS, 'thief', { noService: true }),
    ...testerManifests(NS, 'web'),
  );
  await mesh.available(NS);
});

afterAll(() => mesh.removeNamespace(NS));

async function statusFrom(app: string, url: string, method = 'GET'): Promise<[number, string | undefined]> {
  const tester = await mesh.tester(NS, app);
  const answer = await tester.ask<{ status: number; headers: Record<string, string> }>('fetch', { url, method });
  return [answer.status, answer.headers['x-heddle-reason']];
}

test('a rule lets one service account in, and another of the same root is refused with the reason', async () => {
  await mesh.apply(
    accessPolicy(NS, 'web', {
      mtls: { mode: 'Strict' },
      authorization: {
        defaultAction: 'Deny',
        rules: [
          {
            name: 'order',
            action: 'Allow',
            from: [{ namespace: NS, serviceAccount: 'order' }],
            to: [{ ports: [8080], methods: ['GET'] }],
          },
          {
            name: 'no-status',
            action: 'Deny',
            from: [{ anyone: true }],
            to: [{ paths: [{ type: 'PathPrefix', value: '/status' }] }],
          },
        ],
      },
    }),
  );
  await mesh.condition(NS, 'meshaccesspolicy/web', 'Ready');
  expect(await statusFrom('order', 'http://web/whoami')).toEqual([200, undefined]);
  expect(await statusFrom('order', 'http://web/whoami', 'POST')).toEqual([403, 'unauthorized']);
  expect(await statusFrom('order', 'http://web/status/200')).toEqual([403, 'unauthorized']);
  expect(await statusFrom('order', 'http://web//status/200')).toEqual([403, 'unauthorized']);
  expect(await statusFrom('thief', 'http://web/whoami')).toEqual([403, 'unauthorized']);
});

test('what a caller says of itself in headers never reaches the application', async () => {
  const tester = await mesh.tester(NS, 'order');
  const answer = await tester.ask<{ body: string }>('fetch', {
    url: 'http://web/headers',
    headers: { 'x-heddle-peer': 'spiffe://cluster.local/ns/x/sa/admin', 'x-heddle-attempt': '9' },
  });
  const { headers } = JSON.parse(answer.body) as { headers: string[] };
  expect(headers.join(' ')).not.toContain('sa/admin');
  expect(headers.join(' ')).not.toContain(' 9 ');
});

test('the mesh opens again when the policy goes', async () => {
  await mesh.kubectl(['-n', NS, 'delete', 'meshaccesspolicy', 'web']);
  const tester = await mesh.tester(NS, 'thief');
  let status = 0;
  for (let attempt = 0; attempt < 50 && status !== 200; attempt++) {
    status = (await tester.ask<{ status: number }>('fetch', { url: 'http://web/whoami' })).status;
    if (status !== 200) await new Promise((resolve) => setTimeout(resolve, 100));
  }
  expect(status).toBe(200);
});
