import { type Clock, systemClock } from '../../base/clock.ts';
import { type Endpoint, type ServicePort, serviceKey, type WorkloadConfiguration } from '../../contract/snapshot.ts';
import { createTestAuthority, type TestAuthority } from '../../tls/testing/authority.ts';
import { service, servicePort } from './configuration.ts';
import { createSide, type Side } from './side.ts';

/** `order` calls the Service `payment` (10.96.0.1:80), which has meshed endpoints on this machine. */
export interface Pair {
  readonly authority: TestAuthority;
  readonly order: Side;
  readonly payment: Side;
  /** The application of `order` dials this port to reach the Service. */
  readonly port: number;
  /** As an endpoint of `payment` behind its proxy. */
  endpoint(applicationPort: number, changes?: Partial<Endpoint>): Promise<Endpoint>;
  /** Commits the Service at `order`. */
  configure(endpoints: readonly Endpoint[], changes?: Partial<ServicePort>): void;
  close(): void;
}

export const ORDER_ID = 'spiffe://test.local/ns/shop/sa/order';
export const PAYMENT_ID = 'spiffe://test.local/ns/shop/sa/payment';
export const SERVICE_ADDRESS = '10.96.0.1';
const KEY = serviceKey('shop', 'payment');

export interface PairOptions {
  readonly clock?: Clock;
  readonly workload?: Partial<WorkloadConfiguration>;
}

export async function createPair(options: PairOptions = {}): Promise<Pair> {
  const clock = options.clock ?? systemClock;
  const authority = await createTestAuthority('test.local');
  const order = createSide({ name: 'order', clock, credentials: await authority.issue(ORDER_ID) });
  const payment = createSide({
    name: 'payment-v1',
    clock,
    credentials: await authority.issue(PAYMENT_ID),
    workload: options.workload ?? { mtls: { mode: 'Strict', ports: [] } },
  });
  order.store.setAddresses({ ranges: ['10.0.0.0/8'], entries: { [SERVICE_ADDRESS]: KEY } });
  const port = await order.redirect(SERVICE_ADDRESS, 80);
  return {
    authority,
    order,
    payment,
    port,
    async endpoint(applicationPort, changes = {}) {
      const meshPort = await payment.arrive(applicationPort);
      return {
        address: '127.0.0.1',
        port: meshPort,
        pod: `payment-${meshPort}`,
        workload: 'payment-v1',
        namespace: 'shop',
        identity: PAYMENT_ID,
        subsets: [],
        ...changes,
      };
    },
    configure: (endpoints, changes = {}) =>
      order.store.commit(order.store.prepare(KEY, service([servicePort(endpoints, changes)]))),
    close() {
      order.close();
      payment.close();
    },
  };
}
