/** gRPC between injected pods, through both proxies, under Strict: what the caller's gRPC library sees. The whole of gRPC is judged by `hack/witness`. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { sum } from '../../hack/mesh/metrics.ts';
import type { Tester } from '../../hack/mesh/tester.ts';
import type { GrpcAnswer, GrpcOrder } from '../apps/tester/grpc.ts';
import { captureDuring } from '../harness/capture.ts';
import { meshPolicy, serviceManifest, strict, testerManifests } from '../harness/manifests.ts';
import { type Mesh, openMesh } from '../harness/mesh.ts';

const NS = 'e2e-grpc';
const OK = 0;
const RESOURCE_EXHAUSTED = 8;
const UNAVAILABLE = 14;
const MARKER = 'the-weft-under-the-warp';
let mesh: Mesh;
let client: Tester;

/** Port 9090 of the Service, 8081 of the tester. */
const grpcService = (name: string, app: string) =>
  serviceManifest(NS, name, { selector: { app }, ports: [{ name: 'grpc', port: 9090, targetPort: 8081 }] });

beforeAll(async () => {
  mesh = await openMesh();
  await mesh.namespace(NS);
  await mesh.apply(
    ...testerManifests(NS, 'client', { noService: true }),
    ...testerManifests(NS, 'server', { noService: true }),
    grpcService('echo', 'server'),
    grpcService('nobody', 'nobody'),
    strict(NS),
    meshPolicy(NS, 'echo', {
      targetRefs: [{ kind: 'Service', name: 'echo' }],
      // gRPC is POST: whoever wants calls repeated says so.
      defaults: {
        timeouts: { request: '10s' },
        retries: { attempts: 2, retryOn: ['gateway-error'], methods: ['POST'] },
      },
    }),
  );
  await mesh.available(NS);
  await mesh.condition(NS, 'meshaccesspolicy/strict', 'Ready');
  await mesh.condition(NS, 'meshpolicy/echo', 'Ready');
  client = await mesh.tester(NS, 'client');
});

afterAll(() => mesh.removeNamespace(NS));

const call = (messages: readonly string[], headers: GrpcOrder['headers'] = {}, service = 'echo'): Promise<GrpcAnswer> =>
  client.ask<GrpcAnswer>('grpc', { url: `http://${service}:9090`, messages, headers });

/** A sum of the metrics of the proxy of `app`. */
async function counted(app: string, name: string, labels: Readonly<Record<string, string>>): Promise<number> {
  const [pod] = await mesh.pods(NS, `app=${app}`);
  return sum(await mesh.metrics(pod!), name, labels);
}

const failing = (key: string, times: number, status: number): GrpcOrder['headers'] => ({
  'x-fail-key': key,
  'x-fail-times': String(times),
  'x-fail-status': String(status),
});

test('a unary call and a stream go under mutual TLS, and no message is on the wire', async () => {
  const [pod] = await mesh.pods(NS, 'app=server');
  const pid = await mesh.pid(NS, pod!.metadata!.name!, 'app');
  const unary: GrpcAnswer[] = [];
  const seen = await captureDuring(pid, async () => {
    unary.push(await call([MARKER]));
    const stream = await call(['one', MARKER, 'three']);
    expect(stream).toMatchObject({
      httpStatus: 200,
      status: OK,
      echoed: ['one', MARKER, 'three'],
      trailersOnly: false,
    });
  });
  expect(unary[0]).toMatchObject({ httpStatus: 200, status: OK, echoed: [MARKER], trailersOnly: false });
  // Bytes of both calls were there, and none of them readable.
  expect(seen.length).toBeGreaterThan(1_000);
  expect(seen).not.toContain(MARKER);
  const mutual = { kind: 'http', tls: 'mutual' };
  expect(
    await counted('server', 'heddle_tls_state_total', { ...mutual, direction: 'inbound', source_workload: 'client' }),
  ).toBe(2);
  expect(
    await counted('client', 'heddle_tls_state_total', {
      ...mutual,
      direction: 'outbound',
      destination_workload: 'server',
    }),
  ).toBe(2);
});

test('UNAVAILABLE in a trailers-only answer is retried by its gRPC status, and the caller sees OK', async () => {
  const retries = () => counted('client', 'heddle_retries_total', { destination_workload: 'server', result: 'made' });
  const before = await retries();
  const answer = await call(['again'], failing('retried', 2, UNAVAILABLE));
  expect(answer).toMatchObject({ httpStatus: 200, status: OK, echoed: ['again'], trailersOnly: false });
  expect((await retries()) - before).toBe(2);
});

test('a status that is not to be retried reaches the caller as it was said: in the head alone', async () => {
  const answer = await call(['once'], failing('not-retried', 1, RESOURCE_EXHAUSTED));
  expect(answer).toMatchObject({ httpStatus: 200, status: RESOURCE_EXHAUSTED, echoed: [], trailersOnly: true });
  // The application's second answer to the key is OK: it was asked once before.
  expect(await call(['twice'], failing('not-retried', 1, RESOURCE_EXHAUSTED))).toMatchObject({ status: OK });
});

test('a Service without endpoints: UNAVAILABLE from the proxy, trailers-only, with the reason in words', async () => {
  const answer = await call(['anybody?'], {}, 'nobody');
  expect(answer).toMatchObject({
    httpStatus: 200,
    contentType: 'application/grpc',
    status: UNAVAILABLE,
    echoed: [],
    trailersOnly: true,
  });
  expect(answer.message).toMatch(/no_endpoints/);
  process.stderr.write(
    `figure: gRPC of a Service without endpoints: status ${answer.status} in ${answer.ms} ms, "${answer.message}"\n`,
  );
});
