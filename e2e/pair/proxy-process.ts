import { type ChildProcess, fork } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import type { Probe } from '../../proxy/contract/bootstrap.ts';
import type { StaticConfiguration } from '../../proxy/contract/snapshot.ts';
import type { Credentials } from '../../proxy/tls/credentials.ts';
import { type Side, TRUST_DOMAIN } from './configuration.ts';
import type { Asked, Counts, Told } from './proxy.ts';

/** An access line as far as suites read it. */
export interface AccessLine {
  readonly message: string;
  readonly direction: 'inbound' | 'outbound';
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  readonly status: number;
  readonly reason?: string;
  readonly detail?: string;
  readonly requestBytes: number;
  readonly responseBytes: number;
}

/** Milliseconds. */
export interface Scheduled {
  readonly ranMs: number;
  readonly waitedMs: number;
}

/** One proxy of the pair, as its parent sees it. */
export interface ProxyProcess {
  readonly pid: number;
  readonly ports: Readonly<Record<string, number>>;
  /** Access lines since `forget`. */
  readonly lines: readonly AccessLine[];
  forget(): void;
  /** Last lines that were no access lines, for failures. */
  readonly notes: readonly string[];
  /** Undefined while it runs. */
  readonly exit: string | undefined;
  /** `timers` is cheap, `counts` collects garbage first. */
  counts(asked?: 'counts' | 'timers'): Promise<Counts>;
  descriptors(): number;
  /** Resident memory, MiB. */
  resident(): number;
  /** Of its main thread so far: on a core, and kept from one by other threads of the machine. */
  scheduled(): Scheduled;
  /** Sum of the series of a metric whose labels hold all of `labels`. */
  metric(name: string, ...labels: string[]): Promise<number>;
  configure(configuration: StaticConfiguration): void;
  signal(signal: NodeJS.Signals): void;
  ask(asked: Asked): void;
  stop(): void;
}

const PROGRAM = fileURLToPath(new URL('proxy.ts', import.meta.url));

export interface ProxyOptions {
  readonly probes?: readonly Probe[];
  /** `streams`: over Node's documented streams, as where a Node shows no handle. */
  readonly sockets?: 'handles' | 'streams';
}

export async function startProxy(
  side: Side,
  directory: string,
  credentials: Credentials,
  configuration: StaticConfiguration,
  { probes = [], sockets = 'handles' }: ProxyOptions = {},
): Promise<ProxyProcess> {
  const state = join(directory, side);
  const file = join(state, 'static.json');
  mkdirSync(state, { recursive: true, mode: 0o700 });
  const { keyPem, chainPem, rootsPem } = credentials;
  writeFileSync(join(state, 'credentials.json'), JSON.stringify({ keyPem, chainPem, rootsPem, issuedAt: Date.now() }), {
    mode: 0o600,
  });
  writeFileSync(file, JSON.stringify(configuration));
  const child = fork(PROGRAM, [], {
    execArgv: ['--disable-warning=ExperimentalWarning', '--expose-gc'],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: {
      PATH: process.env['PATH'],
      HEDDLE_POD_NAME: `${side}-0`,
      HEDDLE_POD_NAMESPACE: 'shop',
      // Where connections arrive; the caller's is one that no endpoint has, so that it does not take one for itself.
      HEDDLE_POD_IPS: side === 'payment' ? '127.0.0.1' : '127.0.0.9',
      HEDDLE_SERVICE_ACCOUNT: side,
      HEDDLE_WORKLOAD: side,
      HEDDLE_TRUST_DOMAIN: TRUST_DOMAIN,
      HEDDLE_STATIC_CONFIGURATION: file,
      HEDDLE_STATE_DIRECTORY: state,
      ...(probes.length > 0 ? { HEDDLE_PROBES: JSON.stringify(probes) } : {}),
      ...(sockets === 'streams' ? { HEDDLE_SOCKETS: 'streams' } : {}),
    },
  });
  const lines: AccessLine[] = [];
  const notes: string[] = [];
  const waiting: ((counts: Counts) => void)[] = [];
  let exit: string | undefined;
  readLines(child, lines, notes);
  child.on('exit', (code, signal) => {
    exit = `exit code ${code}, signal ${signal}`;
  });
  const ports = await new Promise<Readonly<Record<string, number>>>((resolve, reject) => {
    child.on('message', (told: Told) => {
      if (told.kind === 'listening') resolve(told.ports);
      else waiting.shift()?.(told.counts);
    });
    child.once('exit', () => reject(new Error(`the proxy of ${side} did not start: ${notes.join('\n')}`)));
  });
  const ask = (asked: Asked): void => void child.send(asked);
  return {
    pid: child.pid!,
    ports,
    lines,
    notes,
    forget: () => void lines.splice(0),
    get exit() {
      return exit;
    },
    counts: (asked = 'counts') =>
      new Promise((resolve) => {
        waiting.push(resolve);
        ask(asked);
      }),
    descriptors: () => readdirSync(`/proc/${child.pid}/fd`).length,
    resident: () => residentMib(child.pid!),
    scheduled: () => scheduledOf(child.pid!),
    metric: (name, ...labels) => sumOf(ports['metrics']!, name, labels),
    configure: (changed) => writeFileSync(file, JSON.stringify(changed)),
    signal: (signal) => void child.kill(signal),
    ask,
    stop: () => void child.kill('SIGKILL'),
  };
}

function readLines(child: ChildProcess, lines: AccessLine[], notes: string[]): void {
  let rest = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    const pieces = (rest + text).split('\n');
    rest = pieces.pop() ?? '';
    for (const piece of pieces) {
      if (piece.includes('"log":"access"') && piece.includes('"message":"request"')) lines.push(JSON.parse(piece));
      else keepNote(notes, piece);
    }
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => keepNote(notes, text));
}

function keepNote(notes: string[], text: string): void {
  notes.push(text);
  if (notes.length > 200) notes.shift();
}

export function residentMib(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? Number.NaN) / 1_024;
}

/** Linux: `/proc/<pid>/schedstat`, nanoseconds on the CPU and nanoseconds in its queue. */
function scheduledOf(pid: number): Scheduled {
  const [ran, waited] = readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ').map(Number);
  return { ranMs: (ran ?? 0) / 1e6, waitedMs: (waited ?? 0) / 1e6 };
}

function sumOf(port: number, name: string, labels: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path: '/metrics', agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      response.on('end', () => {
        const wanted = text
          .split('\n')
          .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
          .filter((line) => labels.every((label) => line.includes(label)));
        resolve(wanted.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0));
      });
    }).on('error', reject);
  });
}
