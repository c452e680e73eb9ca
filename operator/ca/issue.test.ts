import { X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Clock } from '../../proxy/base/clock.ts';
import { silentLog } from '../../proxy/base/log.ts';
import { FakeClock, settle } from '../../proxy/base/testing/fake-clock.ts';
import { type Authenticated, readReview } from './authenticate.ts';
import { createSigner, LIVES, makeSlot } from './authority.ts';
import { bundleOf } from './bundle.ts';
import { createIssue, type IssueOptions, leafLife } from './issue.ts';
import type { AuthorityState } from './keep.ts';
import { makeCsr } from './testing/request.ts';

const clock = new FakeClock();
let ready: AuthorityState;
let csr: string;
const order: Authenticated = {
  ok: true,
  pod: { namespace: 'shop', serviceAccount: 'order', podName: 'order-1', podUid: 'u1' },
};

beforeAll(async () => {
  const slots = { current: await makeSlot(clock.wall()) };
  ready = { kind: 'ready', slots, signer: await createSigner(slots.current), bundle: bundleOf(slots) };
  csr = await makeCsr();
});

const later = (ms: number): Clock => ({
  now: () => clock.now(),
  wall: () => clock.wall() + ms,
  after: (delay, run) => clock.after(delay, run),
});

function issueOf(more: Partial<IssueOptions> = {}) {
  return createIssue({
    authenticate: async () => order,
    authority: () => ready,
    isLeader: () => true,
    trustDomain: () => 'cluster.local',
    leafMs: () => LIVES.leaf,
    clock,
    log: silentLog,
    ...more,
  });
}

describe('issue', () => {
  test('the certificate of the token’s identity, with issuer and bundle', async () => {
    const answer = await issueOf()({ csr, token: 't', ttlSeconds: 60 });
    if (answer.status !== 200) throw new Error(answer.body.message);
    const leaf = new X509Certificate(answer.body.chain);
    expect(leaf.subjectAltName).toBe('URI:spiffe://cluster.local/ns/shop/sa/order');
    expect(answer.body.notAfter).toBe(new Date(clock.wall() + 60_000).toISOString());
    expect(leaf.validToDate.toISOString()).toBe(answer.body.notAfter);
    const [, issuer = ''] = answer.body.chain.split(/(?<=-----END CERTIFICATE-----\n)/);
    expect(leaf.verify(new X509Certificate(issuer).publicKey)).toBe(true);
    expect(new X509Certificate(issuer).verify(new X509Certificate(answer.body.bundle).publicKey)).toBe(true);
  });

  test.each<[string, () => Partial<IssueOptions>, () => unknown, number, string]>([
    ['a standby', () => ({ isLeader: () => false }), () => ({ csr, token: 't' }), 503, 'NotLeader'],
    [
      'before the start',
      () => ({ authority: () => ({ kind: 'starting' }) }),
      () => ({ csr, token: 't' }),
      503,
      'Starting',
    ],
    [
      'without a root',
      () => ({ authority: () => ({ kind: 'stopped', reason: 'RootMissing', message: 'm' }) }),
      () => ({ csr, token: 't' }),
      503,
      'RootMissing',
    ],
    [
      'an issuer that has ended',
      () => ({ clock: later(LIVES.issuer) }),
      () => ({ csr, token: 't' }),
      503,
      'IssuerExpired',
    ],
    ['no object', () => ({}), () => 'text', 400, 'MalformedRequest'],
    ['no csr', () => ({}), () => ({ token: 't' }), 400, 'MalformedRequest'],
    ['no token', () => ({}), () => ({ csr }), 400, 'MalformedRequest'],
    ['a ttl that is no number', () => ({}), () => ({ csr, token: 't', ttlSeconds: '9' }), 400, 'MalformedRequest'],
    ['a ttl of nothing', () => ({}), () => ({ csr, token: 't', ttlSeconds: 0 }), 400, 'MalformedRequest'],
    [
      'a bad token',
      () => ({ authenticate: async () => ({ ok: false, reason: 'TokenInvalid', message: 'no' }) }),
      () => ({ csr, token: 't' }),
      401,
      'TokenInvalid',
    ],
    [
      'another trust domain',
      () => ({ trustDomain: () => 'example.org' }),
      () => ({ csr, token: 't' }),
      403,
      'IdentityMismatch',
    ],
    ['garbage', () => ({}), () => ({ csr: 'garbage', token: 't' }), 400, 'CsrInvalid'],
    [
      'an API server that is down',
      () => ({
        authenticate: async () => {
          throw new Error('down');
        },
      }),
      () => ({ csr, token: 't' }),
      503,
      'TokenReviewFailed',
    ],
  ])('%s is refused', async (_, options, body, status, reason) => {
    expect(await issueOf(options())(body())).toMatchObject({ status, body: { reason } });
  });

  test('leadership lost while the token was reviewed: nothing is signed', async () => {
    let leads = true;
    const issue = issueOf({
      isLeader: () => leads,
      async authenticate() {
        leads = false;
        return order;
      },
    });
    expect(await issue({ csr, token: 't' })).toMatchObject({ status: 503, body: { reason: 'NotLeader' } });
  });

  test('more than 64 at once are told to come again', async () => {
    const gate = Promise.withResolvers<void>();
    const issue = issueOf({ authenticate: () => gate.promise.then(() => order) });
    const answers = Array.from({ length: 70 }, () => issue({ csr, token: 't' }));
    await settle();
    gate.resolve();
    const statuses = (await Promise.all(answers)).map((answer) => answer.status);
    expect(statuses.filter((status) => status === 429)).toHaveLength(6);
    expect(statuses.filter((status) => status === 200)).toHaveLength(64);
    expect(await issue({ csr, token: 't' })).toMatchObject({ status: 200 });
  });

  test.each([
    [undefined, 86_400_000, 86_400_000],
    [3_600, 86_400_000, 3_600_000],
    [100_000, 86_400_000, 86_400_000],
    [1, 86_400_000, 10_000],
  ])('a wish of %s s under %s ms lives %s ms', (wished, configured, life) => {
    expect(leafLife(wished, configured)).toBe(life);
  });
});

const user = (username: string, extra: Record<string, string[]> = bound): object => ({
  status: { authenticated: true, audiences: ['heddle'], user: { username, extra } },
});
const bound = { 'authentication.kubernetes.io/pod-name': ['order-1'], 'authentication.kubernetes.io/pod-uid': ['u1'] };
const account = 'system:serviceaccount:shop:order';

describe('token review', () => {
  test('a pod-bound token of our audience', () => {
    expect(readReview(user(account))).toEqual(order);
  });

  test.each<[string, object, string]>([
    ['not authenticated', { status: { authenticated: false, error: 'expired' } }, 'TokenInvalid'],
    ['no status', {}, 'TokenInvalid'],
    ['no audience', { status: { authenticated: true, user: { username: account, extra: bound } } }, 'TokenInvalid'],
    ['a person', user('jane'), 'TokenInvalid'],
    ['a node', user('system:node:n1'), 'TokenInvalid'],
    ['a name that does not end there', user('system:serviceaccount:shop:order:x'), 'TokenInvalid'],
    ['not bound', user(account, {}), 'TokenNotPodBound'],
    [
      'bound to a Secret or node only',
      user(account, { 'authentication.kubernetes.io/node-name': ['n'] }),
      'TokenNotPodBound',
    ],
    ['two pods', user(account, { ...bound, 'authentication.kubernetes.io/pod-uid': ['u1', 'u2'] }), 'TokenNotPodBound'],
  ])('%s is refused', (_, review, reason) => {
    expect(readReview(review)).toMatchObject({ ok: false, reason });
  });
});
