import { join } from 'node:path';
import type { MeshPolicy } from '../../crds/gen/types.ts';
import { ADMIN, CONTAINER, PORTS } from '../../proxy/contract/bootstrap.ts';
import type { Progress } from '../cluster/cluster.ts';
import { eventually, getJson, type Kubectl } from '../mesh/kubectl.ts';
import { podMetrics, type Sample, sum } from '../mesh/metrics.ts';
import type { LoadResult, Tester } from '../mesh/tester.ts';

/** What the demo read from the running system; nothing in it is computed from what it hoped for. */
export interface Findings {
  /** Workload to the identity in its certificate. */
  readonly identities: readonly { readonly workload: string; readonly identity: string }[];
  /** HTTP requests by how they arrived at the called side, since its pods started: over mutual TLS, with a caller that it verified, or in plaintext. */
  readonly calls: readonly Call[];
  readonly split: { readonly v1: number; readonly v2: number };
  readonly orders: { readonly placed: number; readonly failed: number };
  readonly payments: { readonly charges: number; readonly repeated: number; readonly refused: number };
  readonly retries: number;
  /** At a calm rate. */
  readonly latency: LoadResult['latencyMs'];
  /** As fast as eight callers could. */
  readonly ordersPerSecond: number;
  readonly policy: MeshPolicy;
  readonly table: string;
}

export interface Call {
  readonly from: string;
  readonly to: string;
  readonly mutual: number;
  readonly plain: number;
  /** Of those in plaintext: answered by the called proxy with `plaintext_refused`. */
  readonly refused: number;
}

const NAMESPACE = 'shop';
const ORDERS = 4000;
/** Share of charges that payment answers with 503 while the retries are shown. */
const FAILURE_PERCENT = 10;
const FLAKY_ORDERS = 600;
/** A machine that does much else needs minutes for the orders; each load ends by itself. */
const LOAD_TIMEOUT_MS = 600_000;
/** Orders a second while latency is measured: far below what two cores can do, so that it is the mesh and not the queue. */
const CALM_RATE = 20;
const CALM_ORDERS = 200;

/** Applies the shop and its policy; returns the pod that makes the calls. */
export async function deployShop(kubectl: Kubectl, manifests: string, progress: Progress): Promise<string> {
  await kubectl(['apply', '-f', join(manifests, 'shop.yaml')]);
  await progress.step('the shop is ready, each pod with its sidecar', () =>
    kubectl(['-n', NAMESPACE, 'wait', '--for=condition=Available', 'deployment', '--all', '--timeout=180s']),
  );
  await kubectl(['apply', '-f', join(manifests, 'policy.yaml')]);
  await progress.step('the policy is in force on every proxy that it selects', () =>
    kubectl([
      '-n',
      NAMESPACE,
      'wait',
      '--for=condition=Ready',
      'meshpolicy/payment',
      'meshaccesspolicy/strict',
      '--timeout=60s',
    ]),
  );
  const [shopper] = await podNames(kubectl, 'app=shopper');
  if (shopper === undefined) throw new Error('no pod of deployment shop/shopper');
  return shopper;
}

/** Places orders, first with a healthy payment, then with one that fails now and then. */
export async function drive(kubectl: Kubectl, tester: Tester, progress: Progress): Promise<Findings> {
  const order = {
    url: 'http://order-service/orders',
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"item":"book","amount":12}',
  };
  const load = (pace: { count: number; concurrency: number; rate?: number }): Promise<LoadResult> =>
    tester.ask('load', { ...order, ...pace }, LOAD_TIMEOUT_MS);
  // A demo that was stopped may have left it failing.
  await setFailures(kubectl, 0);
  const before = await paymentStats(kubectl);
  progress.say(`placing ${ORDERS} orders, eight at a time`);
  const healthy = await progress.step(`${ORDERS} orders placed`, () => load({ count: ORDERS, concurrency: 8 }));
  const between = await paymentStats(kubectl);
  const calm = await progress.step(`${CALM_ORDERS} orders placed at ${CALM_RATE} a second`, () =>
    load({ count: CALM_ORDERS, concurrency: 4, rate: CALM_RATE }),
  );
  const settled = await paymentStats(kubectl);
  const retriesBefore = await retriesToPayment(kubectl);
  await setFailures(kubectl, FAILURE_PERCENT);
  const flaky = await progress
    .step(`${FLAKY_ORDERS} orders placed while payment fails ${FAILURE_PERCENT} % of its charges`, () =>
      // Paced, so that the retry budget (20 % of the requests) is not what is shown.
      load({ count: FLAKY_ORDERS, concurrency: 2, rate: 60 }),
    )
    .finally(() => setFailures(kubectl, 0));
  const after = await paymentStats(kubectl);
  const retries = (await retriesToPayment(kubectl)) - retriesBefore;
  return {
    identities: await identities(kubectl),
    calls: await callsSeen(kubectl),
    split: { v1: between.byVersion.v1 - before.byVersion.v1, v2: between.byVersion.v2 - before.byVersion.v2 },
    orders: { placed: flaky.byStatus['201'] ?? 0, failed: flaky.done - (flaky.byStatus['201'] ?? 0) },
    payments: {
      charges: after.charges - settled.charges,
      repeated: after.repeated - settled.repeated,
      refused: after.refused - settled.refused,
    },
    retries,
    latency: calm.latencyMs,
    ordersPerSecond: Math.round((1000 * healthy.done) / healthy.elapsedMs),
    policy: await eventually('the policy has a status', () =>
      getJson<MeshPolicy>(kubectl, ['-n', NAMESPACE, 'meshpolicy', 'payment']),
    ),
    table: (await kubectl(['-n', NAMESPACE, 'get', 'meshpolicy,meshaccesspolicy'])).stdout,
  };
}

async function podNames(kubectl: Kubectl, selector: string): Promise<string[]> {
  const ran = await kubectl([
    '-n',
    NAMESPACE,
    'get',
    'pods',
    '-l',
    selector,
    '--field-selector=status.phase=Running',
    '-o',
    'jsonpath={.items[*].metadata.name}',
  ]);
  return ran.stdout.split(' ').filter((name) => name !== '');
}

/** Runs a line of JavaScript in the pod's sidecar, which has Node and sees the application on the pod's own address. */
async function inPod(kubectl: Kubectl, pod: string, script: string): Promise<string> {
  const ran = await kubectl(['-n', NAMESPACE, 'exec', pod, '-c', CONTAINER.proxy, '--', 'node', '-e', script]);
  return ran.stdout.trim();
}

const APP = "'http://'+process.env.HEDDLE_POD_IPS.split(',')[0]+':3000";
const print = (url: string, method = 'GET'): string =>
  `fetch(${url},{method:'${method}'}).then(r=>r.text()).then(t=>process.stdout.write(t))`;

interface PaymentStats {
  readonly charges: number;
  readonly repeated: number;
  readonly refused: number;
  readonly byVersion: { v1: number; v2: number };
}

async function paymentStats(kubectl: Kubectl): Promise<PaymentStats> {
  const total = { charges: 0, repeated: 0, refused: 0, byVersion: { v1: 0, v2: 0 } };
  for (const pod of await podNames(kubectl, 'app=payment')) {
    const one = JSON.parse(await inPod(kubectl, pod, print(`${APP}/stats'`))) as {
      version: 'v1' | 'v2';
      charges: number;
      repeated: number;
      refused: number;
    };
    total.charges += one.charges;
    total.repeated += one.repeated;
    total.refused += one.refused;
    total.byVersion[one.version] += one.charges;
  }
  return total;
}

async function setFailures(kubectl: Kubectl, percent: number): Promise<void> {
  for (const pod of await podNames(kubectl, 'app=payment'))
    await inPod(kubectl, pod, print(`${APP}/failures?percent=${percent}'`, 'POST'));
}

async function retriesToPayment(kubectl: Kubectl): Promise<number> {
  let total = 0;
  for (const pod of await podNames(kubectl, 'app=order')) {
    total += sum(await podMetrics(kubectl, NAMESPACE, pod), 'heddle_retries_total', {
      destination_workload: /^payment/,
    });
  }
  return total;
}

/** The own certificate of one pod of each workload, as its proxy holds it. */
async function identities(kubectl: Kubectl): Promise<Findings['identities']> {
  const found: { workload: string; identity: string }[] = [];
  for (const workload of ['shopper', 'order', 'payment', 'fraud', 'inventory']) {
    const [pod] = await podNames(kubectl, `app=${workload}`);
    if (pod === undefined) continue;
    const text = await inPod(kubectl, pod, print(`'http://127.0.0.1:${PORTS.admin}${ADMIN.certificates}'`));
    found.push({ workload, identity: /spiffe:\/\/[^"\s]+/.exec(text)?.[0] ?? 'none' });
  }
  return found;
}

/** Requests by source and destination, counted by the called side, which verified the caller's certificate. */
async function callsSeen(kubectl: Kubectl): Promise<readonly Call[]> {
  const calls = new Map<string, Call>();
  for (const pod of await podNames(kubectl, 'app in (order,payment,fraud,inventory)')) {
    for (const sample of await podMetrics(kubectl, NAMESPACE, pod)) {
      const { source_workload: from = '', destination_workload: to = '' } = sample.labels;
      const call = calls.get(`${from} ${to}`) ?? { from, to, mutual: 0, plain: 0, refused: 0 };
      const counted = countArrival(call, sample);
      if (counted !== undefined) calls.set(`${from} ${to}`, counted);
    }
  }
  return [...calls.values()].sort((left, right) => compare(`${left.from} ${left.to}`, `${right.from} ${right.to}`));
}

/** The call with one sample added; undefined where the sample is about something else. */
function countArrival(call: Call, { name, labels, value }: Sample): Call | undefined {
  if (labels['direction'] !== 'inbound') return undefined;
  if (name === 'heddle_requests_total' && labels['reason'] === 'plaintext_refused') {
    return { ...call, refused: call.refused + value };
  }
  if (name !== 'heddle_tls_state_total' || labels['kind'] !== 'http') return undefined;
  return labels['tls'] === 'mutual' ? { ...call, mutual: call.mutual + value } : { ...call, plain: call.plain + value };
}

const compare = (left: string, right: string): number => (left < right ? -1 : 1);
