import { setTimeout as sleep } from 'node:timers/promises';
import { PROXY_UID } from '../../proxy/contract/bootstrap.ts';
import { run } from '../cluster/run.ts';
import type { Answer, Target, UnaryAnswer } from './load/ask.ts';
import { inClient, pairTarget } from './load/run-load.ts';
import type { CertificateFiles, Leaf } from './peers/files.ts';
import {
  ADDRESS,
  BACKENDS,
  BODY_BYTES,
  CHECK_PATH,
  CORES,
  IDENTITY,
  OTHER_PATH,
  SERVER_NAME,
  SERVICES,
} from './plan.ts';
import { GRPC_MESSAGE, GRPC_PATH, script } from './world/backends.ts';
import { inside } from './world/network.ts';
import type { World } from './world/world.ts';

/** One thing that must be right before speed counts. */
export interface Check {
  readonly name: string;
  /** Undefined: it holds. */
  readonly fault: string | undefined;
}

const TRACEPARENT = /^traceparent=00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/m;
const FORGED = 'spiffe://bench.local/ns/bench/sa/forged';

/** Status, body, routes by host and path, trace header, identity header, and who is not let in: all that the contender claims to do. */
export async function checkWorld(
  world: World,
  certificates: CertificateFiles,
  /** Whether there is a gRPC application. */
  grpc: boolean,
): Promise<readonly Check[]> {
  const { does, redirection } = world.contender;
  const checks: Check[] = [];
  if (redirection === 'none') checks.push(await body(world, 'direct', { ...pairTarget(world), path: '/' }, 'a'));
  if (does.includes('hop')) checks.push(...(await routes(world, 'hop')), await header(world, 'hop', ''));
  if (does.includes('pair')) {
    checks.push(...(await routes(world, 'pair')), await header(world, 'pair', IDENTITY.client));
    checks.push(...(await strangers(world, certificates)));
  }
  if (does.includes('tcp')) checks.push(await echo(world));
  if (does.includes('grpc') && grpc) checks.push(await unary(world));
  return checks;
}

async function echo(world: World): Promise<Check> {
  const command = [process.execPath, script('ask.ts'), 'echo', JSON.stringify({ ...SERVICES.tcp, path: '' })];
  const whole = (await run(...inClient(world, command))).trim() === 'true';
  return { name: 'tcp: bytes and end come back', fault: whole ? undefined : 'something else came back' };
}

/** Message and trailers, not only a status. */
async function unary(world: World): Promise<Check> {
  const message = GRPC_MESSAGE.toString('hex');
  const target = { ...SERVICES.grpc, path: GRPC_PATH, message };
  const command = [process.execPath, script('ask.ts'), 'unary', JSON.stringify(target)];
  const answer = JSON.parse(await run(...inClient(world, command))) as UnaryAnswer;
  const right = answer.status === 200 && answer.body === message && answer.grpcStatus === 0;
  return { name: 'grpc: message and trailers', fault: right ? undefined : JSON.stringify(answer) };
}

async function routes(world: World, work: 'hop' | 'pair'): Promise<Check[]> {
  const main = SERVICES[work];
  const other = work === 'hop' ? SERVICES.hopOther : SERVICES.pairOther;
  return [
    await body(world, `${work}: first host`, { ...main, path: '/' }, 'a'),
    await body(world, `${work}: first host, other path`, { ...main, path: `${OTHER_PATH}/x` }, 'b'),
    await body(world, `${work}: first host, path that only begins alike`, { ...main, path: `${OTHER_PATH}wise` }, 'a'),
    await body(world, `${work}: other host`, { ...other, path: '/' }, 'b'),
  ];
}

async function body(world: World, name: string, target: Target, backend: string): Promise<Check> {
  const answer = await askIn(world, target);
  const right = answer.status === 200 && answer.body === backend.repeat(BODY_BYTES);
  return {
    name,
    fault: right ? undefined : `status ${answer.status}, body ${JSON.stringify(answer.body.slice(0, 80))}`,
  };
}

/** A forged identity must not arrive; the real one must. A trace must have been begun. */
async function header(world: World, work: 'hop' | 'pair', identity: string): Promise<Check> {
  const name = `${work}: identity and trace headers`;
  const answer = await askIn(world, { ...SERVICES[work], path: CHECK_PATH, headers: { 'x-heddle-peer': FORGED } });
  const faults = [
    answer.status === 200 ? '' : `status ${answer.status}`,
    answer.body.includes(`peer=${identity}\n`) ? '' : `the application was not told "${identity}" as the caller`,
    TRACEPARENT.test(answer.body) ? '' : 'the application got no valid traceparent',
  ].filter((fault) => fault !== '');
  return {
    name,
    fault: faults.length === 0 ? undefined : `${faults.join(', ')}; it saw: ${JSON.stringify(answer.body)}`,
  };
}

/** Dials the called pod as the proxies' user does, past the calling side: plaintext, no certificate, another root's, another workload's. */
async function strangers(world: World, certificates: CertificateFiles): Promise<Check[]> {
  const plain = await askAs(world, { address: ADDRESS.server, port: BACKENDS.a, host: SERVICES.pair.host, path: '/' });
  const refused = (name: string, got: string): Check => ({
    name: `called side refuses ${name}`,
    fault: got === '' ? undefined : `it answered ${JSON.stringify(got)}`,
  });
  return [
    refused('plaintext', plain.status === 200 ? plain.body.slice(0, 80) : ''),
    refused('TLS without a certificate', await overTls(world, undefined)),
    refused('a certificate of another root', await overTls(world, certificates.foreign)),
    refused('the certificate of another workload', await overTls(world, certificates.impostor)),
    ...(world.contender.redirection === 'peer' ? [await letIn(world, certificates.client)] : []),
  ];
}

/** That the checks above can fail: the right certificate gets through the same way (our wire is not HTTP/1.1 inside of TLS, so only at peers). */
async function letIn(world: World, leaf: Leaf): Promise<Check> {
  const got = await overTls(world, leaf);
  return { name: 'called side admits the client', fault: got === '' ? 'it was refused as well' : undefined };
}

/** First line of a 200 answer to a request inside of TLS; empty when there was none. */
async function overTls(world: World, leaf: Leaf | undefined): Promise<string> {
  const own = leaf === undefined ? [] : ['-cert', leaf.certificate, '-key', leaf.key];
  const client = [
    'openssl',
    's_client',
    '-quiet',
    '-connect',
    `${ADDRESS.server}:${BACKENDS.a}`,
    '-servername',
    SERVER_NAME,
  ];
  const [program = '', ...args] = asProxy(world, ['timeout', '3', ...client, ...own]);
  const request = `GET / HTTP/1.1\r\nHost: ${SERVICES.pair.host}\r\nConnection: close\r\n\r\n`;
  const script = `(printf '${request.replaceAll('\r\n', '\\r\\n')}'; sleep 1) | "$@" 2>/dev/null || true`;
  const output = await run('sh', ['-c', script, 'sh', program, ...args]);
  return /^HTTP\/1\.1 200[^\r\n]*/.exec(output)?.[0] ?? '';
}

async function askIn(world: World, target: Target): Promise<Answer> {
  const command = [process.execPath, script('ask.ts'), 'call', JSON.stringify(target)];
  return JSON.parse(await run(...inClient(world, command))) as Answer;
}

async function askAs(world: World, target: Target): Promise<Answer> {
  const [program = '', ...args] = asProxy(world, [process.execPath, script('ask.ts'), 'call', JSON.stringify(target)]);
  return JSON.parse(await run(program, args)) as Answer;
}

function asProxy(world: World, command: readonly string[]): readonly string[] {
  const user = [`--reuid=${PROXY_UID}`, `--regid=${PROXY_UID}`, '--clear-groups'];
  return inside(world.network.client, ['taskset', '-c', String(CORES.load), 'setpriv', ...user, ...command]);
}

const SERVING_POLL_MS = 50;
const SERVING_WITHIN_MS = 15_000;

/** Resolves when the contender answers at everything it does; throws when a process ends or nothing comes within 15 s. */
export async function untilServing(world: World): Promise<void> {
  const { does, redirection } = world.contender;
  const targets: Target[] = [
    ...(redirection === 'none' ? [{ ...pairTarget(world), path: '/' }] : []),
    ...(does.includes('hop') ? [{ ...SERVICES.hop, path: '/' }] : []),
    ...(does.includes('pair') ? [{ ...SERVICES.pair, path: '/' }] : []),
  ];
  const until = Date.now() + SERVING_WITHIN_MS;
  for (const target of targets) {
    for (;;) {
      world.assertAlive();
      const answer = await askIn(world, target);
      if (answer.status === 200) break;
      if (Date.now() > until) throw new Error(`${target.host} answers ${answer.status}: ${answer.body.slice(0, 200)}`);
      await sleep(SERVING_POLL_MS);
    }
  }
}
