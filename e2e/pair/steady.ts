import type { ProxyProcess } from './proxy-process.ts';
import { poll } from './testing.ts';
import type { World } from './world.ts';

/** What one proxy holds at rest. */
type Held = Readonly<Record<string, number>>;

/** Idle connections to the application go after a second; lingering ones after two and a minute of grace is for nobody. */
const AT_REST_MS = 15_000;

/** Runs `scenario`, then waits until both proxies hold no more than before: descriptors, timers, streams, requests, connections. Answers the figures. */
export async function givenBack(world: World, scenario: () => Promise<void>): Promise<string> {
  const proxies = { order: world.order, payment: world.payment };
  await rest(proxies);
  const before = await held(proxies, 'counts');
  await scenario();
  for (const proxy of Object.values(proxies)) {
    if (proxy.exit !== undefined) throw new Error(`a proxy ended: ${proxy.exit}\n${proxy.notes.slice(-5).join('\n')}`);
  }
  let more = '';
  const noMore = async (asked: 'counts' | 'timers'): Promise<boolean> => {
    const now = await held(proxies, asked);
    more = Object.entries(now)
      .filter(([name, count]) => count > (before[name] ?? 0))
      .map(([name, count]) => `${name} ${before[name] ?? 0} -> ${count}`)
      .join(', ');
    return more === '';
  };
  await poll(async () => (await noMore('timers')) && (await noMore('counts')), AT_REST_MS).catch(() => {
    throw new Error(`not given back: ${more}`);
  });
  return `${before['order descriptors']} and ${before['payment descriptors']} descriptors as before`;
}

/** Until connections that only wait for their idle time, a second towards the application, are gone. */
async function rest(proxies: Readonly<Record<string, ProxyProcess>>): Promise<void> {
  let last = '';
  let since = performance.now();
  await poll(async () => {
    const now = JSON.stringify(await held(proxies, 'timers'));
    if (now !== last) since = performance.now();
    last = now;
    return performance.now() - since > 1_100;
  }, AT_REST_MS);
}

async function held(proxies: Readonly<Record<string, ProxyProcess>>, asked: 'counts' | 'timers'): Promise<Held> {
  const all: Record<string, number> = {};
  for (const [side, proxy] of Object.entries(proxies)) {
    all[`${side} open connections`] = await proxy.metric('heddle_open_connections');
    const { objects } = await proxy.counts(asked);
    for (const [name, count] of Object.entries(objects)) all[`${side} ${name}`] = count;
    // The question for metrics is a connection of its own.
    await new Promise((resolve) => setTimeout(resolve, 20));
    all[`${side} descriptors`] = proxy.descriptors();
  }
  return all;
}
