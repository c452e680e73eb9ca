/**
 * One real proxy as a process of its own, on loopback: `createApp` as `proxy/main.ts` assembles it, but with free ports and with the original
 * destination told by the address that was dialled (`addresses.ts`) instead of by redirect rules. Speaks with its parent over IPC: see `Told` and `Asked`.
 */
import process from 'node:process';
import { createApp } from '../../proxy/app.ts';
import { systemClock } from '../../proxy/base/clock.ts';
import { createLog } from '../../proxy/base/log.ts';
import { readEnvironment } from '../../proxy/environment.ts';
import { createLogOutput } from '../../proxy/log-output.ts';
import { originalOf } from './addresses.ts';

/** What the process holds, after garbage collection. Bytes; `resources`: what keeps the event loop busy, by kind. */
export interface Counts {
  readonly resident: number;
  readonly heap: number;
  readonly outside: number;
  readonly resources: Readonly<Record<string, number>>;
}
export type Asked = 'counts' | 'drain' | 'reload';
export type Told =
  | { readonly kind: 'listening'; readonly ports: Readonly<Record<string, number>> }
  | { readonly kind: 'counts'; readonly counts: Counts };

const FREE = { outbound: 0, inbound: 0, admin: 0, health: 0, metrics: 0 };
const output = createLogOutput(1);
const log = createLog({ level: 'info', write: output.write, wall: () => systemClock.wall() });
const tell = (told: Told): void => void process.send?.(told);
const exit = (code: number): never => {
  output.flush();
  process.exit(code);
};

// As in main.ts: a broken invariant ends the process, and the suite sees it.
process.on('uncaughtException', (error) => {
  log.error('the proxy stops: a bug', { stack: error.stack }, error);
  exit(1);
});

const app = createApp({
  environment: readEnvironment(process.env),
  clock: systemClock,
  random: Math.random,
  log,
  ports: FREE,
  originalDestination: originalOf,
});
process.on('message', (asked: Asked) => {
  if (asked === 'counts') tell({ kind: 'counts', counts: counts() });
  else if (asked === 'drain') app.drain();
  else app.reload();
});
process.on('disconnect', () => exit(0));
process.on('SIGTERM', () => void app.stop().then(() => exit(0)));
await app.start();
tell({ kind: 'listening', ports: { ...app.listening } });

function counts(): Counts {
  globalThis.gc?.();
  const memory = process.memoryUsage();
  const resources: Record<string, number> = {};
  for (const name of process.getActiveResourcesInfo()) resources[name] = (resources[name] ?? 0) + 1;
  return { resident: memory.rss, heap: memory.heapUsed, outside: memory.external + memory.arrayBuffers, resources };
}
