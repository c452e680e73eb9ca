import { lookup } from 'node:dns/promises';
import { systemClock } from '../base/clock.ts';
import { createLog } from '../base/log.ts';
import { createSee } from './arrival.ts';
import { init } from './init.ts';
import { run } from './run.ts';

/** Entry of the container `heddle-init`: `main.ts '<InitOptions as JSON>'`. Exit code 0: rules in force and seen to work. */
const log = createLog({
  level: 'info',
  write: (line) => void process.stderr.write(line),
  wall: () => Date.now(),
  fields: { component: 'init' },
});

try {
  const report = await init(process.argv[2], {
    run,
    log,
    see: createSee(systemClock),
    env: process.env,
    resolve: async (host) => (await lookup(host, { all: true })).map((one) => one.address),
  });
  log.info('this pod is redirected', { ipv6: report.ipv6, serviceAddressSurvives: report.serviceAddressSurvives });
} catch (error) {
  log.error('this pod cannot be part of the mesh', {}, error);
  process.exitCode = 1;
}
