import { afterEach, describe, expect, test } from '@jest/globals';
import { createKubeClient, type KubeClient } from './client.ts';
import { type Connection, plainConnection } from './connection.ts';
import { KubeError } from './kube-error.ts';
import { RESOURCES, refOfKey, resourcePath } from './resource.ts';
import { failure, type ScriptedApiServer, type Step, startScriptedApiServer } from './testing/scripted-api-server.ts';

const open: { server: ScriptedApiServer; client: KubeClient }[] = [];

afterEach(async () => {
  for (const { server, client } of open.splice(0)) {
    client.close();
    await server.close();
  }
});

async function clientOf(steps: readonly Step[], more: { timeoutMs?: number; connection?: Partial<Connection> } = {}) {
  const server = await startScriptedApiServer(steps);
  const connection = { ...plainConnection(server.url), ...more.connection };
  const client = createKubeClient(connection, more.timeoutMs === undefined ? {} : { timeoutMs: more.timeoutMs });
  open.push({ server, client });
  return { server, client };
}

const ok: Step = (response) => response.end('{"metadata":{"name":"a"}}');
const cut: Step = (response) => response.destroy();
const ref = { namespace: 'shop', name: 'a' };

async function errorOf(call: Promise<unknown>): Promise<KubeError> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof KubeError) return error;
  throw new Error('expected a KubeError', { cause: error });
}

describe('client', () => {
  test('a refusal tells status, reason, path and when to come again', async () => {
    const { client } = await clientOf([
      (response) => {
        response.writeHead(429, { 'retry-after': '7' });
        response.end(JSON.stringify({ kind: 'Status', reason: 'TooManyRequests', message: 'slow down' }));
      },
    ]);
    const error = await errorOf(client.get(RESOURCES.pods, ref));
    expect(error).toMatchObject({ status: 429, reason: 'TooManyRequests', message: 'slow down', retryAfterSeconds: 7 });
    expect(error.where).toMatchObject({ path: '/api/v1/namespaces/shop/pods/a' });
  });

  test('what is not there is undefined to find and an error to get', async () => {
    const { client } = await clientOf([failure(404, 'NotFound')]);
    expect(await client.find(RESOURCES.pods, ref)).toBeUndefined();
    expect((await errorOf(client.get(RESOURCES.pods, ref))).status).toBe(404);
    expect(await client.remove(RESOURCES.pods, ref)).toBe(false);
  });

  test('a server that does not answer, or stops within its answer, is given up in time', async () => {
    const { client } = await clientOf([() => {}, (response) => response.write('{"metadata":')], { timeoutMs: 60 });
    expect((await errorOf(client.get(RESOURCES.pods, ref))).message).toContain('did not answer within 60 ms');
    expect((await errorOf(client.get(RESOURCES.pods, ref))).status).toBe(0);
  });

  test('a kept connection that the server closed is not the caller’s trouble, but a creation is never repeated', async () => {
    const { client, server } = await clientOf([ok, cut, ok, cut, ok]);
    await client.get(RESOURCES.pods, ref);
    await client.get(RESOURCES.pods, ref);
    expect(server.calls).toHaveLength(3);
    expect((await errorOf(client.create(RESOURCES.pods, { metadata: ref }))).status).toBe(0);
    expect(server.calls).toHaveLength(4);
  });

  test('a fresh connection that breaks is not tried again here', async () => {
    const { client, server } = await clientOf([cut]);
    expect((await errorOf(client.get(RESOURCES.pods, ref))).message).toContain('cannot be reached');
    expect(server.calls).toHaveLength(1);
  });

  test('after a 401 the credentials are read again', async () => {
    let refreshed = 0;
    const { client } = await clientOf([failure(401, 'Unauthorized')], {
      connection: { refresh: () => void refreshed++ },
    });
    await errorOf(client.get(RESOURCES.pods, ref));
    expect(refreshed).toBe(1);
  });

  test('verbs, paths, queries and bodies as the API wants them', async () => {
    const { client, server } = await clientOf([ok]);
    await client.apply(RESOURCES.meshPolicies, { metadata: ref }, 'heddle status', { subresource: 'status' });
    await client.remove(RESOURCES.nodes, { name: 'n1' }, '17');
    await client.createSub(RESOURCES.pods, ref, 'eviction', {});
    const [apply, remove, evict] = server.calls;
    expect(`${apply?.method} ${apply?.path}`).toBe(
      'PATCH /apis/heddle.dev/v1alpha1/namespaces/shop/meshpolicies/a/status',
    );
    expect(apply?.query.get('fieldManager')).toBe('heddle status');
    expect(apply?.query.get('force')).toBe('true');
    expect(`${remove?.method} ${remove?.path} ${remove?.body}`).toBe(
      'DELETE /api/v1/nodes/n1 {"preconditions":{"resourceVersion":"17"}}',
    );
    expect(evict?.path).toBe('/api/v1/namespaces/shop/pods/a/eviction');
  });

  test('names are escaped in paths, and keys lead back to names', () => {
    expect(resourcePath(RESOURCES.pods, 'a/b', '../c')).toBe('/api/v1/namespaces/a%2Fb/pods/..%2Fc');
    expect(refOfKey('shop/a')).toEqual(ref);
    expect(refOfKey('n1')).toEqual({ name: 'n1' });
  });
});
