/**
 * CPU a request of a mesh client and server, two processes on loopback, closed loop: `node hack/bench/micro/mesh.bench.ts
 * [--requests N] [--concurrency 1,16,64] [--profile]`. The request is a browser's with 10 fields, the answer 200 bytes. Prints
 * CPU-us a request of each side (user and system), their sum, requests a second and bytes allocated a request.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { createServer } from 'node:net';
import { systemClock } from '../../../proxy/base/clock.ts';
import { acceptMesh, connectMesh, type MeshClient } from '../../../proxy/mesh/mesh.ts';
import type { Credentials } from '../../../proxy/tls/tls.ts';
import { ANSWER, BROWSER } from './http-heads.ts';

const CALLER = 'spiffe://cluster.local/ns/bench/sa/caller';
const CALLEE = 'spiffe://cluster.local/ns/bench/sa/callee';
const WARM_UP = 5_000;

const BODY = Buffer.alloc(200, 'x');
interface Usage {
  readonly cpuUs: number;
  readonly userUs: number;
}

function usageSince(start: NodeJS.CpuUsage): Usage {
  const { user, system } = process.cpuUsage(start);
  return { cpuUs: user + system, userUs: user };
}

/** The callee: answers everything; reports its CPU when asked. */
function serve(credentials: Credentials): void {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    acceptMesh({
      socket,
      first: Buffer.alloc(0),
      credentials,
      clock: systemClock,
      handshakeTimeoutMs: 5_000,
      authorizeConnection: () => undefined,
      onRequest(exchange) {
        exchange.receiver = { onBody() {}, onEnd() {}, onDrain() {}, onAbort() {} };
        exchange.respond(ANSWER);
        exchange.write(BODY, 0, BODY.length);
        exchange.end();
      },
    });
  });
  let start = process.cpuUsage();
  process.on('message', (message) => {
    if (message === 'start') start = process.cpuUsage();
    else process.send?.(usageSince(start));
  });
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    process.send?.({ port: typeof address === 'object' ? address?.port : 0 });
  });
}

/** `concurrency` requests are always open until `count` are answered. */
function run(client: MeshClient, count: number, concurrency: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let started = 0;
    let finished = 0;
    const next = (): void => {
      started++;
      client.open(
        BROWSER,
        { destination: '10.96.0.10:80', attempt: 1, deadlineMs: 10_000 },
        {
          onInform() {},
          onResponse() {},
          onBody() {},
          onEnd() {
            if (++finished === count) resolve();
            else if (started < count) next();
          },
          onDrain() {},
          onFailure: (failure) => reject(new Error(failure.detail)),
        },
      );
    };
    for (let index = 0; index < concurrency; index++) next();
  });
}

function answerOf<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve) => child.once('message', (message) => resolve(message as T)));
}

async function main(): Promise<void> {
  const { createTestAuthority } = await import('../../../proxy/tls/testing/authority.ts');
  const authority = await createTestAuthority('cluster.local');
  const credentials = await authority.issue(CALLER);
  const child = fork(import.meta.filename, ['--serve'], { execArgv: process.execArgv });
  child.send(await authority.issue(CALLEE));
  const { port } = await answerOf<{ port: number }>(child);
  const client = await connectMesh({
    address: '127.0.0.1',
    port,
    credentials,
    expectedIdentity: CALLEE,
    self: { workload: 'caller', namespace: 'bench', pod: 'caller-1' },
    connectTimeoutMs: 3_000,
    handshakeTimeoutMs: 5_000,
    clock: systemClock,
    idleCloseMs: 60_000,
  });
  await run(client, WARM_UP, 16);
  for (const concurrency of (option('--concurrency') ?? '1,16,64').split(',').map(Number))
    await measure(client, child, concurrency);
  client.close();
  child.disconnect();
  child.kill();
}

async function measure(client: MeshClient, child: ChildProcess, concurrency: number): Promise<void> {
  const count = Number(option('--requests') ?? 20_000);
  await run(client, 2_000, concurrency);
  child.send('start');
  const start = process.cpuUsage();
  const begin = performance.now();
  await run(client, count, concurrency);
  const seconds = (performance.now() - begin) / 1_000;
  const ours = usageSince(start);
  child.send('report');
  const theirs = await answerOf<Usage>(child);
  const per = (value: number): string => (value / count).toFixed(1).padStart(6);
  process.stdout.write(
    `concurrency ${String(concurrency).padStart(3)}: client ${per(ours.cpuUs)} us (user ${per(ours.userUs)}), server ${per(theirs.cpuUs)} us (user ${per(theirs.userUs)}), pair ${per(ours.cpuUs + theirs.cpuUs)} us, ${Math.round(count / seconds)} rps\n`,
  );
}

function option(name: string): string | undefined {
  const index = process.argv.indexOf(name);
  return index === -1 ? undefined : process.argv[index + 1];
}

if (process.argv.includes('--serve')) process.once('message', (message) => serve(message as Credentials));
else await main();
