import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { silentLog } from '../../proxy/base/log.ts';
import { FakeClock } from '../../proxy/base/testing/fake-clock.ts';
import { createSigner, makeSlot } from '../ca/authority.ts';
import { bundleOf } from '../ca/bundle.ts';
import { type AuthorityState, issueServing } from '../ca/ca.ts';
import { MemoryCluster } from '../kube/testing/memory-cluster.ts';
import { get } from './webhook-call.ts';
import { createWebhookReconcile } from './webhook-certificate.ts';
import { mutatingConfiguration, validatingConfiguration, WEBHOOK } from './webhook-configurations.ts';
import { decideServingSecret, type TlsSecret } from './webhook-secret.ts';

const SECRET = 'secrets heddle-system/heddle-webhook-tls';
const MUTATING = 'mutatingwebhookconfigurations heddle';
const VALIDATING = 'validatingwebhookconfigurations heddle';

type Ready = AuthorityState & { kind: 'ready' };
let authority: Ready;
let another: Ready;

async function readyAuthority(): Promise<Ready> {
  const slots = { current: await makeSlot(Date.now()) };
  return { kind: 'ready', slots, signer: await createSigner(slots.current), bundle: bundleOf(slots) };
}

beforeAll(async () => {
  authority = await readyAuthority();
  another = await readyAuthority();
});

function scene() {
  const client = new MemoryCluster();
  client.objects.set('namespaces heddle-system', {
    metadata: { name: 'heddle-system', uid: 'uid-of-namespace', resourceVersion: '1' },
  });
  const clock = new FakeClock(Date.now());
  const state = { authority: authority as AuthorityState, answers: true, leads: true };
  const reconcile = createWebhookReconcile({
    client,
    authority: () => state.authority,
    isLeader: () => state.leads,
    async call() {
      if (!state.answers) throw new Error('not yet');
    },
    clock,
    log: silentLog,
  });
  return { client, clock, state, reconcile };
}

describe('webhook certificate and configurations', () => {
  test('no configuration before the webhook answered', async () => {
    const { client, state, reconcile } = scene();
    state.answers = false;
    expect(await reconcile()).toEqual({ kind: 'requeue', afterMs: 1_000 });
    expect([...client.objects.keys()]).toEqual(['namespaces heddle-system', SECRET]);
    state.answers = true;
    await reconcile();
    expect(client.objects.has(MUTATING) && client.objects.has(VALIDATING)).toBe(true);
    const writes = client.writes.length;
    await reconcile();
    expect(client.writes).toHaveLength(writes);
  });

  test('the certificate is replaced after half of its life, and when the roots change with the caBundle', async () => {
    const { client, clock, state, reconcile } = scene();
    await reconcile();
    const first = client.objects.get(SECRET);
    clock.advance(3 * 86_400_000);
    await reconcile();
    expect(client.objects.get(SECRET)).toBe(first);
    clock.advance(0.6 * 86_400_000);
    await reconcile();
    const second = client.objects.get(SECRET);
    expect(second).not.toBe(first);
    state.authority = another;
    await reconcile();
    expect(client.objects.get(SECRET)).not.toBe(second);
    const ca = Buffer.from(another.bundle).toString('base64');
    expect(JSON.stringify(client.objects.get(MUTATING))).toContain(ca);
    expect(JSON.stringify(client.objects.get(VALIDATING))).toContain(ca);
  });

  test('a standby writes nothing; while heddle-system goes both configurations are taken away', async () => {
    const { client, state, reconcile } = scene();
    state.leads = false;
    await reconcile();
    expect(client.writes).toEqual([]);
    state.leads = true;
    await reconcile();
    expect(client.objects.has(MUTATING)).toBe(true);
    client.objects.set('namespaces heddle-system', {
      metadata: { name: 'heddle-system', uid: 'u', deletionTimestamp: new Date().toISOString() },
    });
    await reconcile();
    expect(client.objects.has(MUTATING) || client.objects.has(VALIDATING)).toBe(false);
  });

  test('both are owned by the Namespace object and tell the API server whom to trust', () => {
    for (const object of [mutatingConfiguration, validatingConfiguration].map((make) =>
      make({ ownerUid: 'u', bundle: 'pem' }),
    )) {
      expect(object.metadata.ownerReferences).toEqual([
        { apiVersion: 'v1', kind: 'Namespace', name: 'heddle-system', uid: 'u' },
      ]);
      for (const webhook of object.webhooks) {
        expect(webhook['clientConfig']).toMatchObject({
          caBundle: Buffer.from('pem').toString('base64'),
          service: WEBHOOK.service,
        });
        expect(webhook['timeoutSeconds']).toBe(5);
      }
    }
  });

  test('every pod meets at most one entry, and the right one', () => {
    const cases: [string, Record<string, string>, Record<string, string>, string[]][] = [
      ['shop', {}, {}, []],
      ['shop', { 'heddle.dev/inject': 'enabled' }, {}, ['/mutate/enabled Ignore']],
      ['shop', { 'heddle.dev/inject': 'enabled' }, { 'heddle.dev/inject': 'enabled' }, ['/mutate/enabled Ignore']],
      ['shop', { 'heddle.dev/inject': 'enabled' }, { 'heddle.dev/inject': 'disabled' }, []],
      ['shop', { 'heddle.dev/inject': 'required' }, {}, ['/mutate/required Fail']],
      ['shop', { 'heddle.dev/inject': 'required' }, { 'heddle.dev/inject': 'disabled' }, ['/mutate/required Fail']],
      ['shop', { 'heddle.dev/inject': 'disabled' }, {}, []],
      ['shop', { 'heddle.dev/inject': 'disabled' }, { 'heddle.dev/inject': 'enabled' }, ['/mutate/pod Fail']],
      ['shop', {}, { 'heddle.dev/inject': 'enabled' }, ['/mutate/pod Fail']],
      ['shop', {}, { 'heddle.dev/inject': 'disabled' }, []],
      ['kube-system', { 'heddle.dev/inject': 'required' }, { 'heddle.dev/inject': 'enabled' }, []],
      ['heddle-system', { 'heddle.dev/inject': 'enabled' }, { 'heddle.dev/inject': 'enabled' }, []],
    ];
    for (const [name, namespaceLabels, podLabels, expected] of cases) {
      expect(matching({ ...namespaceLabels, 'kubernetes.io/metadata.name': name }, podLabels)).toEqual(expected);
    }
  });
});

interface Webhook {
  readonly failurePolicy: string;
  readonly clientConfig: { readonly service: { readonly path: string } };
  readonly namespaceSelector: Selector;
  readonly objectSelector: Selector;
}
interface Selector {
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values: readonly string[];
  }[];
}

/** The API server's rule: In needs the label, NotIn is true without it. */
function matching(namespace: Record<string, string>, pod: Record<string, string>): string[] {
  const meets = (selector: Selector, labels: Record<string, string>): boolean =>
    (selector.matchExpressions ?? []).every(({ key, operator, values }) => {
      const within = labels[key] !== undefined && values.includes(labels[key]);
      return operator === 'In' ? within : !within;
    });
  const webhooks = mutatingConfiguration({ ownerUid: 'u', bundle: '' }).webhooks as unknown as readonly Webhook[];
  return webhooks
    .filter((webhook) => meets(webhook.namespaceSelector, namespace) && meets(webhook.objectSelector, pod))
    .map((webhook) => `${webhook.clientConfig.service.path} ${webhook.failurePolicy}`);
}

describe('serving secret', () => {
  test('what cannot be used is issued again', async () => {
    const { client, clock, reconcile } = scene();
    await reconcile();
    const good = client.objects.get(SECRET) as TlsSecret;
    const now = clock.wall();
    expect(decideServingSecret(good, authority.bundle, now).kind).toBe('keep');
    const other = await issueServing(authority, { dnsNames: ['other'], usages: 'server' }, now, 86_400_000);
    const encode = (text: string): string => Buffer.from(text).toString('base64');
    const broken: Record<string, string>[] = [
      { 'tls.crt': '' },
      { 'tls.crt': encode('garbage') },
      { 'tls.key': encode(other.keyPem) },
      { 'tls.crt': encode(other.chainPem), 'tls.key': encode(other.keyPem) },
      { 'ca.crt': encode(another.bundle) },
    ];
    for (const data of broken) {
      expect(decideServingSecret({ ...good, data: { ...good.data, ...data } }, authority.bundle, now).kind).toBe(
        'issue',
      );
    }
  });
});

describe('own call', () => {
  test('verifies name and root on a real TLS server', async () => {
    const serve = async (names: string[], by: Ready) => {
      const held = await issueServing(by, { dnsNames: names, usages: 'server' }, Date.now(), 60_000);
      const server = https.createServer({ key: held.keyPem, cert: held.chainPem }, (_, response) => response.end('{}'));
      server.listen(0, '127.0.0.1');
      await new Promise((resolve) => server.once('listening', resolve));
      return { server, port: (server.address() as AddressInfo).port };
    };
    const good = await serve([WEBHOOK.host], authority);
    const misnamed = await serve(['else.svc'], authority);
    const foreign = await serve([WEBHOOK.host], another);
    expect(await get('127.0.0.1', good.port, authority.bundle)).toBe(200);
    await expect(get('127.0.0.1', misnamed.port, authority.bundle)).rejects.toThrow('does not answer yet');
    await expect(get('127.0.0.1', foreign.port, authority.bundle)).rejects.toThrow('does not answer yet');
    for (const { server } of [good, misnamed, foreign]) server.close();
  });
});
