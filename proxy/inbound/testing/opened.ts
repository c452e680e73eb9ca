import { Agent } from 'node:http';
import { afterEach } from '@jest/globals';
import { type App, httpApp, tcpApp } from './apps.ts';
import { createPair, type Pair, type PairOptions } from './pair.ts';

/** What a test opened: closed after it, newest first. */
export const closing: { close(): void }[] = [];
afterEach(() => {
  for (const open of closing.splice(0).reverse()) open.close();
});

export async function pair(options: PairOptions = {}): Promise<Pair> {
  const made = await createPair(options);
  closing.push(made);
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
export function keepAlive(): Agent {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  closing.push({ close: () => agent.destroy() });
  return agent;
}
/** Sum of the series whose lines hold all parts. */
export const metric = (text: string, ...parts: string[]): number =>
  text
    .split('\n')
    .filter((line) => !line.startsWith('#') && parts.every((part) => line.includes(part)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
