/**
 * One real proxy as a process of its own, on loopback: `createApp` as `proxy/main.ts` assembles it, but with free ports and with the original
 * destination told by the address that was dialled (`addresses.ts`) instead of by redirect rules. Speaks with its parent over IPC: see `Told` and `Asked`.
 */
import process from 'node:process';
import { queryObjects } from 'node:v8';
import { createApp } from '../../proxy/app.ts';
import { type Clock, systemClock } from '../../proxy/base/clock.ts';
import { createLog } from '../../proxy/base/log.ts';
import { readEnvironment } from '../../proxy/environment.ts';
import { Session } from '../../proxy/http/h2/session.ts';
import { Stream } from '../../proxy/http/h2/stream.ts';
import { InboundRequest } from '../../proxy/inbound/dispatch.ts';
import { createLogOutput } from '../../proxy/log-output.ts';
import { OutboundRequest } from '../../proxy/outbound/dispatch.ts';
import { originalOf } from './addresses.ts';

/** What the process holds, bytes. `objects`: pending timers and, for `counts`, after garbage collection, live objects of the classes that stand for work in progress. */
export interface Counts {
  readonly resident: number;
  readonly heap: number;
  readonly outside: number;
  readonly objects: Readonly<Record<string, number>>;
}
export type Asked = 'counts' | 'timers' | 'drain' | 'reload';
export type Told =
  | { readonly kind: 'listening'; readonly ports: Readonly<Record<string, number>> }
  | { readonly kind: 'counts'; readonly counts: Counts };

const CLASSES = { Session, Stream, OutboundRequest, InboundRequest };
const FREE = { outbound: 0, inbound: 0, admin: 0, health: 0, metrics: 0 };
const output = createLogOutput(1);
const log = createLog({ level: 'info', write: output.write, wall: () => systemClock.wall() });
let timers = 0;
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
  clock: countingClock(),
  random: Math.random,
  log,
  ports: FREE,
  originalDestination: originalOf,
});
process.on('message', (asked: Asked) => {
  if (asked === 'counts' || asked === 'timers') tell({ kind: 'counts', counts: counts(asked === 'counts') });
  else if (asked === 'drain') app.drain();
  else app.reload();
});
process.on('disconnect', () => exit(0));
process.on('SIGTERM', () => void app.stop().then(() => exit(0)));
await app.start();
tell({ kind: 'listening', ports: { ...app.listening } });

function counts(all: boolean): Counts {
  const objects: Record<string, number> = { timers };
  if (all) {
    globalThis.gc?.();
    for (const [name, one] of Object.entries(CLASSES)) objects[name] = Number(queryObjects(one, { format: 'count' }));
  }
  const memory = process.memoryUsage();
  return { resident: memory.rss, heap: memory.heapUsed, outside: memory.external, objects };
}

/** The system's clock, with its pending timers counted. */
function countingClock(): Clock {
  return {
    ...systemClock,
    after(ms, run) {
      let pending = true;
      const over = (): void => {
        if (pending) timers--;
        pending = false;
      };
      timers++;
      const timer = systemClock.after(ms, () => {
        over();
        run();
      });
      return {
        clear() {
          over();
          timer.clear();
        },
      };
    },
  };
}
