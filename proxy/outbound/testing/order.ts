import { afterEach } from '@jest/globals';
import { type ServicePort, serviceKey } from '../../contract/snapshot.ts';
import { type App, httpApp, tcpApp } from '../../inbound/testing/apps.ts';
import { NO_RETRIES, NO_TIMEOUTS, service, servicePort, traffic } from '../../inbound/testing/configuration.ts';
import { createSide, type Side, type SideOptions } from '../../inbound/testing/side.ts';

export const KEY = serviceKey('shop', 'payment');
/** What a test opened: closed after it, newest first. */
export const closing: { close(): void }[] = [];
afterEach(() => {
  for (const open of closing.splice(0).reverse()) open.close();
});

/** The proxy of `order`, which reaches the Service `payment` at 10.96.0.1. */
export function side(options: Partial<SideOptions> = {}): Side {
  const made = createSide({ name: 'order', ...options });
  closing.push(made);
  made.store.setAddresses({ ranges: ['10.0.0.0/8'], entries: { '10.96.0.1': KEY } });
  return made;
}
export async function app(handle: Parameters<typeof httpApp>[0]): Promise<App> {
  const made = await httpApp(handle);
  closing.push(made);
  return made;
}
export async function server(handle: Parameters<typeof tcpApp>[0]): Promise<App> {
  const made = await tcpApp(handle);
  closing.push(made);
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
/** Sum of the series whose lines hold all parts. */
export const metric = (side: Side, ...parts: string[]): number =>
  side.metrics
    .text()
    .split('\n')
    .filter((line) => !line.startsWith('#') && parts.every((part) => line.includes(part)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
