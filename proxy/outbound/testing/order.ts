import { type ServicePort, serviceKey } from '../../contract/snapshot.ts';
import type { App } from '../../inbound/testing/apps.ts';
import { NO_RETRIES, NO_TIMEOUTS, service, servicePort, traffic } from '../../inbound/testing/configuration.ts';
import { closing, metric as sumOfLines } from '../../inbound/testing/opened.ts';
import { createSide, type Side, type SideOptions } from '../../inbound/testing/side.ts';

export { app, closing, server } from '../../inbound/testing/opened.ts';

export const KEY = serviceKey('shop', 'payment');
/** The proxy of `order`, which reaches the Service `payment` at 10.96.0.1. */
export function side(options: Partial<SideOptions> = {}): Side {
  const made = createSide({ name: 'order', ...options });
  closing.push(made);
  made.store.setAddresses({ ranges: ['10.0.0.0/8'], entries: { '10.96.0.1': KEY } });
  return made;
}
export function configure(proxy: Side, backend: App, changes: Partial<ServicePort> = {}): void {
  const endpoint = { address: '127.0.0.1', port: backend.port, subsets: [] };
  proxy.store.commit(proxy.store.prepare(KEY, service([servicePort([endpoint], changes)])));
}
export const timeouts = (changes: Partial<typeof NO_TIMEOUTS>, retries = NO_RETRIES) => ({
  traffic: traffic({
    unmatched: { action: 'Forward' as const, timeouts: { ...NO_TIMEOUTS, ...changes }, retries },
  }),
});
/** Sum of a side's series whose lines hold all parts. */
export const metric = (side: Side, ...parts: string[]): number => sumOfLines(side.metrics.text(), ...parts);
