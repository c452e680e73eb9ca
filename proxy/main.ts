import './base/stop-signal.ts';
import { requestDrain } from './admin/drain-command.ts';
import { createApp } from './app.ts';
import { systemClock } from './base/clock.ts';
import { describeError } from './base/errors.ts';
import { createLog, type Log } from './base/log.ts';
import { onStopSignal } from './base/stop-signal.ts';
import { collectGarbage } from './collect.ts';
import { readEnvironment } from './environment.ts';
import { createLogOutput } from './log-output.ts';

/** `node main.mjs` runs the proxy; `node main.mjs drain` is the sidecar's preStop hook. */
if (process.argv[2] === 'drain') await drain();
else await run();

async function drain(): Promise<void> {
  try {
    await requestDrain();
  } catch (error) {
    process.stderr.write(`drain: ${describeError(error)}\n`);
    process.exitCode = 1;
  }
}

async function run(): Promise<void> {
  const output = createLogOutput(1);
  const makeLog = (level: Parameters<typeof createLog>[0]['level']): Log =>
    createLog({ level, write: output.write, wall: () => systemClock.wall() });
  let log = makeLog('info');
  const exit = (code: number): never => {
    output.flush();
    process.exit(code);
  };
  // A broken invariant: the kubelet restarts the container, the kept copies take it up again.
  process.on('uncaughtException', (error) => {
    log.error('the proxy stops: a bug', { stack: error instanceof Error ? error.stack : undefined }, error);
    exit(1);
  });
  try {
    const environment = readEnvironment(process.env);
    log = makeLog(environment.logLevel);
    const app = createApp({ environment, clock: systemClock, random: Math.random, log, collect: collectGarbage });
    let stopping = false;
    const stop = (): void => {
      if (stopping) return;
      stopping = true;
      log.info('stopping');
      void app.stop().then(() => exit(0));
    };
    onStopSignal(stop);
    process.on('SIGHUP', () => app.reload());
    await app.start();
  } catch (error) {
    log.error('the proxy cannot start', {}, error);
    exit(1);
  }
}
