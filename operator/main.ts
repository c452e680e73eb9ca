/** The operator's process: runs until SIGTERM or SIGINT. */
import '../proxy/base/stop-signal.ts';
import { hostname } from 'node:os';
import process from 'node:process';
import { anyHost } from '../proxy/base/any-host.ts';
import { systemClock } from '../proxy/base/clock.ts';
import { createLog } from '../proxy/base/log.ts';
import { onStopSignal } from '../proxy/base/stop-signal.ts';
import { createOperator } from './app.ts';
import { readConfig } from './config.ts';
import { loadConnection } from './kube/kube.ts';

/** The kubelet gives 30 s; a clean end takes well under one. */
const STOP_MS = 10_000;

const given = readConfig(process.env, hostname());
const config = { ...given, host: given.host ?? (await anyHost()) };
const log = createLog({
  level: config.logLevel,
  write: (line) => process.stdout.write(line),
  wall: Date.now,
  fields: { component: 'operator' },
});
const connection = await loadConnection({
  ...(config.kubeconfig === undefined ? {} : { file: config.kubeconfig }),
  env: process.env,
  now: () => performance.now(),
});
const operator = createOperator({ config, connection, clock: systemClock, random: Math.random, log });

onStopSignal((signal) => {
  log.info('stopping', { signal });
  setTimeout(() => process.exit(1), STOP_MS).unref();
  operator.stop().then(
    () => process.exit(0),
    (error) => {
      log.error('the end was not clean', {}, error);
      process.exit(1);
    },
  );
});
// A broken invariant: the kubelet starts a new process, which knows nothing wrong.
process.on('uncaughtException', (error) => {
  log.error('uncaught', {}, error);
  process.exit(1);
});

await operator.start();
