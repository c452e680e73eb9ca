import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Tester } from '../../hack/mesh/tester.ts';
import { captureDuring } from '../harness/capture.ts';
import { strict, testerManifests } from '../harness/manifests.ts';
import { type Mesh, openMesh } from '../harness/mesh.ts';

const NS = 'e2e-wire';
const OFF = 'e2e-wire-off';
const MARKER = 'the-secret-thread-of-the-loom';
let mesh: Mesh;

beforeAll(async () => {
  mesh = await openMesh();
  await mesh.namespace(NS);
  await mesh.namespace(OFF, {});
  for (const namespace of [NS, OFF]) {
    await mesh.apply(
      ...testerManifests(namespace, 'client', { noService: true }),
      ...testerManifests(namespace, 'web'),
    );
  }
  await mesh.apply(strict(NS));
  await mesh.available(NS);
  await mesh.available(OFF);
  await mesh.condition(NS, 'meshaccesspolicy/strict', 'Ready');
});

afterAll(async () => {
  await mesh.removeNamespace(NS);
  await mesh.removeNamespace(OFF);
});

/** What is seen at the called pod while the client posts the marker twenty times. */
async function seenAt(namespace: string): Promise<string> {
  const [web] = await mesh.pods(namespace, 'app=web');
  const pid = await mesh.pid(namespace, web!.metadata!.name!, 'app');
  const client: Tester = await mesh.tester(namespace, 'client');
  return captureDuring(pid, async () => {
    for (let call = 0; call < 20; call++) {
      const answer = await client.ask<{ status: number; body: string }>('fetch', {
        url: 'http://web/echo',
        method: 'POST',
        body: MARKER,
      });
      expect([answer.status, answer.body]).toEqual([200, MARKER]);
    }
  });
}

test('with the mesh, the body of a call is never on the wire', async () => {
  const seen = await seenAt(NS);
  expect(seen.length).toBeGreaterThan(5_000);
  expect(seen).not.toContain(MARKER);
});

test('without the mesh it is: the capture would have seen it', async () => {
  expect(await seenAt(OFF)).toContain(MARKER);
});

test('a pod without a sidecar is refused by a Strict service and served by a Permissive one', async () => {
  const outside = await mesh.tester(OFF, 'client');
  const refused = await outside.ask<{ status?: number; error?: string }>('fetch', { url: `http://web.${NS}/whoami` });
  expect(refused.status === 403 || refused.error !== undefined).toBe(true);
  await mesh.kubectl([
    '-n',
    NS,
    'patch',
    'meshaccesspolicy',
    'strict',
    '--type=merge',
    '-p',
    '{"spec":{"mtls":{"mode":"Permissive"}}}',
  ]);
  await mesh.condition(NS, 'meshaccesspolicy/strict', 'Ready');
  const served = await outside.ask<{ status: number }>('fetch', { url: `http://web.${NS}/whoami` });
  expect(served.status).toBe(200);
});
