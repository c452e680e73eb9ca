/**
 * Impostors are refused in both directions, with real certificates of the real authority. Each refusal has its counterpart: the same
 * impostor with the right certificate gets through, so what refuses is the certificate and nothing else.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { eventually } from '../../hack/mesh/kubectl.ts';
import type { Tester } from '../../hack/mesh/tester.ts';
import { formatSpiffeId } from '../../proxy/contract/identity.ts';
import { createTestAuthority } from '../../proxy/tls/testing/authority.ts';
import type { Credentials } from '../../proxy/tls/tls.ts';
import type { CallOutcome } from '../apps/impostor/call.ts';
import type { Heard } from '../apps/impostor/listener.ts';
import { type Impostor, impostorAt, impostorManifests } from '../harness/impostor.ts';
import { accessPolicy, type Manifest, serviceManifest, testerManifests } from '../harness/manifests.ts';
import { addressOf, isReady, type Mesh, openMesh } from '../harness/mesh.ts';

const NS = 'e2e-impostors';
/** Apart, because no policy of this namespace could be in force on a proxy that is none. */
const FALSE = 'e2e-impostors-false';
const TRUST_DOMAIN = 'cluster.local';
const PORT = 8080;
const MARKER = 'the-word-that-only-the-vault-may-hear';

const idOf = (namespace: string, serviceAccount: string): string =>
  formatSpiffeId({ trustDomain: TRUST_DOMAIN, namespace, serviceAccount });
const ORDER = idOf(NS, 'order');
const THIEF = idOf(NS, 'thief');
const WEB = idOf(NS, 'web');
const VAULT = idOf(FALSE, 'vault');

let mesh: Mesh;
/** An honest application with a real sidecar. */
let caller: Tester;
/** Pod of service account vault, with a false sidecar. */
let vault: Impostor;
let vaultAddress: string;
let thief: Impostor;
let order: Impostor;
let webAddress: string;

beforeAll(async () => {
  mesh = await openMesh();
  await Promise.all([mesh.namespace(NS), mesh.namespace(FALSE)]);
  await mesh.apply(
    ...testerManifests(NS, 'order', { noService: true }),
    ...testerManifests(NS, 'web'),
    ...impostorManifests(NS, 'thief', 'thief'),
    ...impostorManifests(NS, 'order-outside', 'order'),
    ...impostorManifests(FALSE, 'vault', 'vault', { asSidecar: true }),
    serviceManifest(FALSE, 'vault'),
    onlyOrder(),
  );
  await mesh.available(NS);
  await mesh.condition(NS, 'meshaccesspolicy/web', 'Ready');
  [thief, order, vault] = await Promise.all([
    podAddress(NS, 'thief').then(impostorAt),
    podAddress(NS, 'order-outside').then(impostorAt),
    podAddress(FALSE, 'vault').then(impostorAt),
  ]);
  vaultAddress = await podAddress(FALSE, 'vault');
  webAddress = await podAddress(NS, 'web');
  caller = await mesh.tester(NS, 'order');
});

afterAll(() => Promise.all([mesh.removeNamespace(NS), mesh.removeNamespace(FALSE)]));

/** Order may do everything, the thief may only look at /healthz: so its connection is let in, and its other requests are judged one by one. */
function onlyOrder(): Manifest {
  const rule = (serviceAccount: string, to: unknown) => ({
    name: serviceAccount,
    action: 'Allow',
    from: [{ namespace: NS, serviceAccount }],
    to: [to],
  });
  return accessPolicy(NS, 'web', {
    mtls: { mode: 'Strict' },
    authorization: {
      defaultAction: 'Deny',
      rules: [rule('order', { ports: [PORT] }), rule('thief', { paths: [{ type: 'Exact', value: '/healthz' }] })],
    },
  });
}

async function podAddress(namespace: string, app: string): Promise<string> {
  const pod = await eventually(`pod app=${app} of ${namespace} is ready`, async () =>
    (await mesh.pods(namespace, `app=${app}`)).find(isReady),
  );
  return addressOf(pod);
}

interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly error?: string;
}
const ask = (url: string): Promise<Answer> =>
  caller.ask('fetch', { url, method: 'POST', headers: { 'x-marker': MARKER }, body: MARKER, timeoutMs: 20_000 });
const learned = ({ status, headers, error }: Answer) => [status ?? error, headers?.['x-heddle-reason']];

/** What caller and impostor say of one call, through the Service and to the pod itself. */
async function callFalseServer(credentials: Credentials | undefined): Promise<{ answers: unknown[]; heard: Heard }> {
  await vault.listen({ port: PORT, ...(credentials === undefined ? {} : { credentials }) });
  const answers = [learned(await ask(`http://vault.${FALSE}/`)), learned(await ask(`http://${vaultAddress}:${PORT}/`))];
  return { answers, heard: await vault.heard() };
}

function expectNothingHeard(heard: Heard): void {
  expect(heard.connections).toBeGreaterThanOrEqual(2);
  expect(heard.requestBytes).toBe(0);
  // Not even who the caller is (IDENTITY).
  const harmless = ['SETTINGS', 'WINDOW_UPDATE', 'GOAWAY'];
  expect(heard.frames.flat().filter((name) => !harmless.includes(name))).toEqual([]);
  expect(heard.text).not.toContain(MARKER);
}

function callWeb(impostor: Impostor, credentials: Credentials, path = '/whoami'): Promise<CallOutcome> {
  return impostor.call({ address: webAddress, port: PORT, credentials, expectedIdentity: WEB, path });
}

/** Refused by the other side's word, not by anything the client could know itself. */
function expectRefused(outcome: CallOutcome, reason: string): void {
  expect(outcome).toEqual({
    kind: 'refused',
    reason,
    message: expect.stringContaining(`the peer refused this proxy with ${reason}`),
  });
}

describe('a false server', () => {
  test('with the right certificate it hears the request: the net has no hole that hides one', async () => {
    const { heard } = await callFalseServer(await vault.certificate(VAULT));
    expect(heard.frames.flat()).toContain('HEADERS');
    expect(heard.requestBytes).toBeGreaterThan(0);
    expect(heard.text).toContain(MARKER);
  });

  // 502 and 503 as the table in proxy/outbound/rescue.ts has them: the endpoint is there and proved to be wrong, or it could not be asked.

  test('with a certificate of the same root but another service account: identity_mismatch, and it hears nothing', async () => {
    const { answers, heard } = await callFalseServer(await thief.certificate(THIEF));
    expect(answers).toEqual([
      [502, 'identity_mismatch'],
      [502, 'identity_mismatch'],
    ]);
    expectNothingHeard(heard);
    expect(heard.goaways).toContain('identity_mismatch');
  });

  test('with the right name under another root: untrusted_peer, and it hears nothing', async () => {
    const { answers, heard } = await callFalseServer(await forged(VAULT));
    expect(answers).toEqual([
      [502, 'untrusted_peer'],
      [502, 'untrusted_peer'],
    ]);
    expectNothingHeard(heard);
    expect(heard.goaways).toContain('untrusted_peer');
  });

  test('without TLS, answering 200 to anything: no plaintext to a pod that must prove itself', async () => {
    const { answers, heard } = await callFalseServer(undefined);
    expect(answers).toEqual([
      [503, 'handshake_failed'],
      [503, 'handshake_failed'],
    ]);
    expect(heard.plainBytes).toBeGreaterThan(0);
    expect(heard.text).not.toContain(MARKER);
  });

  test('raw bytes do not reach it either: the connection ends', async () => {
    for (const credentials of [await thief.certificate(THIEF), undefined]) {
      await vault.listen({ port: 9000, ...(credentials === undefined ? {} : { credentials }) });
      const ended = await caller.ask<{ received: string; ended: boolean }>('tcp', {
        host: `vault.${FALSE}`,
        port: 9000,
        send: MARKER,
        waitMs: 10_000,
      });
      expect(ended).toMatchObject({ received: '', ended: true });
      const heard = await vault.heard();
      expect(heard.connections).toBeGreaterThan(0);
      expect(heard.text).not.toContain(MARKER);
    }
  });
});

describe('a false client', () => {
  test('the authority gives no pod another name than its own', async () => {
    await expect(thief.certificate(ORDER)).rejects.toThrow(/IdentityMismatch/);
  });

  test('with the certificate of order it is served: the certificate is what counts', async () => {
    expect(await callWeb(order, await order.certificate(ORDER))).toEqual({ kind: 'answered', status: 200 });
  });

  test('of the same root but another service account: 403 unauthorized, and only what its rule allows is served', async () => {
    const credentials = await thief.certificate(THIEF);
    expect(await callWeb(thief, credentials)).toEqual({ kind: 'answered', status: 403, reason: 'unauthorized' });
    expect(await callWeb(thief, credentials, '/healthz')).toEqual({ kind: 'answered', status: 200 });
  });

  test('of the same root, from a service account that no rule names: the connection is refused with unauthorized', async () => {
    expectRefused(await callWeb(vault, await vault.certificate(VAULT)), 'unauthorized');
  });

  test('the name of order under another root: untrusted_peer', async () => {
    expectRefused(await callWeb(thief, await forged(ORDER)), 'untrusted_peer');
  });

  test('no certificate at all: no_peer_certificate', async () => {
    const mine = await thief.certificate(THIEF);
    expectRefused(await callWeb(thief, { ...mine, keyPem: '', chainPem: '' }), 'no_peer_certificate');
  });
});

test('certificates that were right are refused in both directions once they expired: untrusted_peer', async () => {
  const [ofOrder, ofVault] = await Promise.all([order.certificate(ORDER, 10), vault.certificate(VAULT, 10)]);
  expect(await callWeb(order, ofOrder)).toEqual({ kind: 'answered', status: 200 });
  const end = Math.max(ofOrder.notAfter, ofVault.notAfter);
  await eventually('both certificates expired', async () => Date.now() > end + 1_000, 30_000);
  expectRefused(await callWeb(order, ofOrder), 'untrusted_peer');
  const { answers, heard } = await callFalseServer(ofVault);
  expect(answers).toEqual([
    [502, 'untrusted_peer'],
    [502, 'untrusted_peer'],
  ]);
  expectNothingHeard(heard);
});

/** The right name and the real roots to trust, but signed by an authority of our own. */
async function forged(identity: string): Promise<Credentials> {
  const authority = await createTestAuthority(TRUST_DOMAIN);
  const { rootsPem } = await thief.certificate(THIEF);
  return { ...(await authority.issue(identity)), rootsPem };
}
