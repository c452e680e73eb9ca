import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { until } from '../base/testing/wait.ts';
import type { Credentials } from '../tls/credentials.ts';
import { createTestAuthority, type TestAuthority } from '../tls/testing/authority.ts';
import { connectMesh } from './mesh.ts';
import { Collector, clientOptions, META, request, startTestServer } from './testing/pair.ts';

const ORDER = 'spiffe://cluster.local/ns/shop/sa/order';
const PAYMENT = 'spiffe://cluster.local/ns/shop/sa/payment';

let authority: TestAuthority;
let order: Credentials;
let payment: Credentials;

beforeAll(async () => {
  authority = await createTestAuthority('cluster.local');
  order = await authority.issue(ORDER);
  payment = await authority.issue(PAYMENT);
});

describe('a request over the mesh', () => {
  test('arrives and is answered', async () => {
    const server = await startTestServer({ credentials: payment });
    const client = await connectMesh(clientOptions(server.port, order, PAYMENT));
    const collector = new Collector();
    client.open(request(), META, collector);
    await until('answered', () => collector.settled);
    expect(collector.failure).toBeUndefined();
    expect(collector.head?.status).toBe(200);
    client.close();
    await server.close();
  });
});
