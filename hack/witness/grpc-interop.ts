/**
 * gRPC's own interop client and server (grpc-go) with a proxy pair between them.
 * `node hack/witness/grpc-interop.ts [case]…`; ends with a line `N passed, N failed`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { connect, createServer } from 'node:net';
import process from 'node:process';
import { setTimeout as wait } from 'node:timers/promises';
import { createProgress } from '../cluster/progress.ts';
import { attempt, lastLines } from '../cluster/run.ts';
import { ensureWitness } from './build.ts';
import { meshPair, requestsSeen } from './world.ts';

const SOAK = ['--soak_iterations=100', '--soak_overall_timeout_seconds=60', '--soak_num_threads=4'];

/** The 14 cases without credentials, both of ORCA and both soaks, with their extra arguments. */
const CASES: Readonly<Record<string, readonly string[]>> = {
  empty_unary: [],
  large_unary: [],
  client_streaming: [],
  server_streaming: [],
  ping_pong: [],
  empty_stream: [],
  timeout_on_sleeping_server: [],
  cancel_after_begin: [],
  cancel_after_first_response: [],
  status_code_and_message: [],
  special_status_message: [],
  custom_metadata: [],
  unimplemented_method: [],
  unimplemented_service: [],
  orca_per_rpc: ['--service_config_json={"loadBalancingConfig":[{"test_backend_metrics_load_balancer":{}}]}'],
  orca_oob: ['--service_config_json={"loadBalancingConfig":[{"test_backend_metrics_load_balancer":{}}]}'],
  rpc_soak: SOAK,
  channel_soak: SOAK,
};

/** What is not run, and why. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  compute_engine_creds: 'needs credentials of a cloud',
  service_account_creds: 'needs credentials of a cloud',
  jwt_token_creds: 'needs credentials of a cloud',
  per_rpc_creds: 'needs credentials of a cloud',
  oauth2_auth_token: 'needs credentials of a cloud',
  google_default_credentials: 'needs credentials of a cloud',
  compute_engine_channel_credentials: 'needs credentials of a cloud',
  pick_first_unary:
    'demands that all calls reach one server; the mesh spreads the calls of a connection over the endpoints',
};

const CASE_MS = 90_000;

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function startServer(program: string): Promise<{ readonly port: number; readonly child: ChildProcess }> {
  const port = await freePort();
  const child = spawn(program, [`--port=${port}`], { stdio: 'ignore' });
  for (let tries = 0; !(await accepts(port)); tries++) {
    if (tries > 200 || child.exitCode !== null) throw new Error(`the interop server did not open port ${port}`);
    await wait(25);
  }
  return { port, child };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

async function runCase(program: string, port: number, name: string): Promise<boolean> {
  const from = performance.now();
  const args = ['--server_host=127.0.0.1', `--server_port=${port}`, `--test_case=${name}`, ...(CASES[name] ?? [])];
  const late = AbortSignal.timeout(CASE_MS);
  const done = await Promise.race([
    attempt(program, args),
    new Promise<undefined>((resolve) => late.addEventListener('abort', () => resolve(undefined))),
  ]);
  const ok = done?.code === 0;
  const seconds = ((performance.now() - from) / 1_000).toFixed(1);
  process.stdout.write(`${ok ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)\n`);
  if (!ok) process.stdout.write(`${done === undefined ? `no end within ${CASE_MS} ms` : lastLines(done.stderr, 8)}\n`);
  return ok;
}

const named = process.argv.slice(2);
const unknown = named.filter((name) => !(name in CASES));
if (unknown.length > 0) throw new Error(`no case ${unknown.join(', ')}; there are ${Object.keys(CASES).join(', ')}`);
const progress = createProgress();
const client = await ensureWitness('client', progress);
const { port, child } = await startServer(await ensureWitness('server', progress));
const pair = await meshPair(port);
let passed = 0;
let failed = 0;
try {
  for (const name of named.length === 0 ? Object.keys(CASES) : named) {
    if (await runCase(client, pair.port, name)) passed++;
    else failed++;
  }
} finally {
  const seen = requestsSeen(pair);
  process.stdout.write(`${seen} requests were parsed by both proxies\n`);
  if (seen < passed) failed++;
  pair.close();
  child.kill();
}
if (named.length === 0)
  for (const [name, why] of Object.entries(LEFT_OUT)) process.stdout.write(`left out ${name}: ${why}\n`);
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
