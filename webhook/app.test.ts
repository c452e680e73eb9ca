import { expect, test } from '@jest/globals';
import { silentLog } from '../proxy/base/log.ts';
import { createApp } from './app.ts';
import type { ClusterView } from './cluster-view.ts';
import { testDefaults } from './inject/testing.ts';
import { createTestCertificate } from './testing.ts';

const cluster: ClusterView = {
  apiServer: '10.96.0.1:443',
  namespace: async (name) => ({ metadata: { name, labels: { 'heddle.dev/inject': 'enabled' } } }),
  injection: async () => ({ memoryLimit: '384Mi' }),
};

const certificate = createTestCertificate();

function app() {
  return createApp({ certificate, cluster, defaults: testDefaults, log: silentLog, newSecret: () => 'a'.repeat(32) });
}

function review(object: unknown, kind = { group: '', version: 'v1', kind: 'Pod' }, operation = 'CREATE') {
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: { uid: 'u-1', kind, namespace: 'shop', operation, object },
  };
}

const policyKind = { group: 'heddle.dev', version: 'v1alpha1', kind: 'MeshPolicy' };
const policy = (spec: unknown) => ({
  apiVersion: 'heddle.dev/v1alpha1',
  kind: 'MeshPolicy',
  metadata: { name: 'payment', namespace: 'shop' },
  spec,
});

async function post(path: string, payload: object) {
  const response = await app().inject({ method: 'POST', url: path, payload });
  return { status: response.statusCode, body: response.json() };
}

test('a pod is answered with a JSON patch that holds MeshConfig values', async () => {
  const { status, body } = await post(
    '/mutate/enabled',
    review({
      metadata: { name: 'a' },
      spec: { containers: [{ name: 'app', resources: { requests: { cpu: '1m' } } }] },
    }),
  );
  expect(status).toBe(200);
  expect(body.response).toMatchObject({ uid: 'u-1', allowed: true, patchType: 'JSONPatch' });
  expect(Buffer.from(body.response.patch, 'base64').toString()).toContain('384Mi');
});

test('a skipped pod is told why, in a warning and in its annotation', async () => {
  const { body } = await post(
    '/mutate/enabled',
    review({ metadata: { name: 'a' }, spec: { hostNetwork: true, containers: [] } }),
  );
  expect(body.response.warnings[0]).toMatch(/not injected.*hostNetwork/);
  expect(Buffer.from(body.response.patch, 'base64').toString()).toContain('"heddle.dev/not-injected":"HostNetwork"');
});

test('a required pod that cannot be injected is refused in one sentence', async () => {
  const { body } = await post(
    '/mutate/required',
    review({ metadata: { name: 'a' }, spec: { hostNetwork: true, containers: [] } }),
  );
  expect(body.response).toMatchObject({ allowed: false, status: { code: 403 } });
});

test('an annotation that cannot be used refuses the pod and names the annotation', async () => {
  const pod = {
    metadata: { name: 'a', annotations: { 'heddle.dev/exclude-inbound-ports': 'x' } },
    spec: { containers: [] },
  };
  const { body } = await post('/mutate/enabled', review(pod));
  expect(body.response).toMatchObject({ allowed: false, status: { code: 422 } });
  expect(body.response.status.message).toContain('metadata.annotations[heddle.dev/exclude-inbound-ports]');
});

test('a policy is refused with the field path', async () => {
  const spec = {
    targetRefs: [{ kind: 'Service', name: 'payment' }],
    routes: [{ name: 'a', backends: [{ subset: 'v9', weight: 1 }] }],
  };
  const { body } = await post('/validate', review(policy(spec), policyKind));
  expect(body.response.allowed).toBe(false);
  expect(body.response.status.message).toContain('spec.routes[0].backends[0].subset');
});

test('a policy that is valid but odd is admitted with a warning', async () => {
  const spec = { targetRefs: [{ kind: 'Service', name: 'payment' }], defaults: { retries: { attempts: 3 } } };
  const { body } = await post('/validate', review(policy(spec), policyKind));
  expect(body.response.allowed).toBe(true);
  expect(body.response.warnings.join()).toContain('request timeout');
});

test.each([
  ['no review', { a: 1 }],
  ['another version', { ...review({}), apiVersion: 'admission.k8s.io/v1beta1' }],
  ['no object', review(undefined)],
])('%s is a 400', async (_, payload) => {
  expect((await post('/mutate/enabled', payload)).status).toBe(400);
});

const INVALID = { targetRefs: [{ kind: 'Service', name: 'payment' }] };

test('an invalid spec that stands already keeps no label from changing, but cannot be changed into another invalid one', async () => {
  const update = (object: unknown) => {
    const request = review(object, policyKind, 'UPDATE');
    return { ...request, request: { ...request.request, oldObject: policy(INVALID) } };
  };
  const labelled = { ...policy(INVALID), metadata: { name: 'payment', namespace: 'shop', labels: { a: 'b' } } };
  const kept = await post('/validate', update(labelled));
  expect(kept.body.response).toMatchObject({ allowed: true, warnings: [expect.stringContaining('not in force')] });
  const changed = policy({ targetRefs: [{ kind: 'Service', name: 'other' }] });
  expect((await post('/validate', update(changed))).body.response).toMatchObject({ allowed: false });
});

test('a replica that leaves answers on, and sends the API server away', async () => {
  let leaving = false;
  const server = createApp({
    certificate,
    cluster,
    defaults: testDefaults,
    log: silentLog,
    newSecret: () => 'a'.repeat(32),
    leaving: () => leaving,
  });
  const ask = () =>
    server.inject({ method: 'POST', url: '/mutate/enabled', payload: review({ spec: { containers: [] } }) });
  expect((await ask()).headers.connection).not.toBe('close');
  leaving = true;
  const answer = await ask();
  expect(answer.headers.connection).toBe('close');
  expect(answer.json().response).toMatchObject({ allowed: true });
  await server.close();
});

test('a deletion is never held up', async () => {
  const { body } = await post('/validate', review(undefined, policyKind, 'DELETE'));
  expect(body.response).toMatchObject({ allowed: true });
});
