import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type InitOptions, PORTS, PROXY_GID, PROXY_UID } from '../../proxy/contract/bootstrap.ts';
import type { StaticConfiguration } from '../../proxy/contract/snapshot.ts';
import type { Credentials } from '../../proxy/tls/credentials.ts';
import type { Result, Step } from './client.ts';
import { TRUST_DOMAIN } from './configuration.ts';
import { PODS, type PodName } from './namespaces.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const FLAGS = ['--disable-warning=ExperimentalWarning'];
/** Applications run as somebody who is not the proxy. */
const APP_UID = 1_000;

/** One pod: a namespace with an application and, where it is meshed, redirect rules and a proxy. */
export interface Pod {
  readonly name: PodName;
  /** Writes the rules (heddle-init) and starts the proxy; resolves when it is ready. */
  startProxy(): Promise<void>;
  startApp(): Promise<void>;
  configure(configuration: StaticConfiguration): void;
  /** Carries steps out as the application; see `client.ts`. */
  run(steps: readonly Step[]): Promise<Result[]>;
  signalProxy(signal: NodeJS.Signals): void;
  /** Runs the sidecar's preStop command. */
  drain(): Promise<number | null>;
  proxyExit(): Promise<number | null>;
  /** CPU time of the proxy so far, seconds. */
  cpuSeconds(): number;
  /** Resident memory of the proxy now, MiB. */
  residentMib(): number;
  metrics(): Promise<string>;
  /** Log of the proxy so far. */
  readonly log: () => string;
  stop(): void;
}

export interface PodOptions {
  readonly name: PodName;
  readonly space: string;
  /** Directory of this suite's run. */
  readonly directory: string;
  readonly credentials: Credentials;
}

export function createPod(options: PodOptions): Pod {
  const { name, space } = options;
  const state = join(options.directory, name);
  const configurationFile = join(state, 'static.json');
  const children: ChildProcess[] = [];
  let proxy: ChildProcess | undefined;
  let log = '';
  writeState(state, options.credentials);

  const start = (command: readonly string[], uid: number, env: Record<string, string>): ChildProcess => {
    const gid = uid === PROXY_UID ? PROXY_GID : uid;
    const as = ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
    const child = spawn('ip', ['netns', 'exec', space, ...as, process.execPath, ...FLAGS, ...command], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'], ...env },
    });
    children.push(child);
    return child;
  };
  const environment = (): Record<string, string> => ({
    HEDDLE_POD_NAME: `${name}-0`,
    HEDDLE_POD_NAMESPACE: 'shop',
    HEDDLE_POD_IPS: Object.values(PODS[name]).join(','),
    HEDDLE_SERVICE_ACCOUNT: name,
    HEDDLE_WORKLOAD: name,
    HEDDLE_TRUST_DOMAIN: TRUST_DOMAIN,
    HEDDLE_STATIC_CONFIGURATION: configurationFile,
    HEDDLE_STATE_DIRECTORY: state,
  });

  return {
    name,
    log: () => log,
    configure(configuration) {
      writeFileSync(configurationFile, JSON.stringify(configuration));
    },
    async startProxy() {
      redirect(space, state);
      proxy = start([join(ROOT, 'proxy/main.ts')], PROXY_UID, environment());
      for (const stream of [proxy.stdout, proxy.stderr]) {
        stream?.on('data', (piece: Buffer) => {
          log += piece.toString();
        });
      }
      await line(proxy, 'proxy started', () => log);
    },
    async startApp() {
      const app = start([join(ROOT, 'e2e/netns/app.ts'), name], APP_UID, {});
      let text = '';
      app.stdout?.on('data', (piece: Buffer) => {
        text += piece.toString();
      });
      await line(app, 'ready', () => text);
    },
    run(steps) {
      const client = start([join(ROOT, 'e2e/netns/client.ts'), JSON.stringify(steps)], APP_UID, {});
      return output(client).then((text) => JSON.parse(text) as Result[]);
    },
    signalProxy: (signal) => void proxy?.kill(signal),
    drain: () => exitOf(start([join(ROOT, 'proxy/main.ts'), 'drain'], PROXY_UID, environment())),
    proxyExit: () => exitOf(proxy),
    cpuSeconds() {
      // proc(5): utime and stime are fields 14 and 15, in ticks of 10 ms; the name in field 2 may hold spaces.
      const fields = readFileSync(`/proc/${proxy?.pid}/stat`, 'utf8')
        .replace(/^.*\) /, '')
        .split(' ');
      return (Number(fields[11]) + Number(fields[12])) / 100;
    },
    residentMib() {
      const status = readFileSync(`/proc/${proxy?.pid}/status`, 'utf8');
      return Math.round(Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? Number.NaN) / 1_024);
    },
    async metrics() {
      const step: Step = { kind: 'http', address: '127.0.0.1', port: PORTS.metrics, path: '/metrics' };
      const [result] = await this.run([step]);
      return result?.body ?? '';
    },
    stop() {
      for (const child of children) child.kill('SIGKILL');
    },
  };
}

/** The application `hub`, in the namespace that plays the outside world; answers how to stop it. */
export async function createHubApp(space: string): Promise<() => void> {
  const command = ['netns', 'exec', space, process.execPath, ...FLAGS, join(ROOT, 'e2e/netns/app.ts'), 'hub'];
  const app = spawn('ip', command, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  app.stdout.on('data', (piece: Buffer) => {
    text += piece.toString();
  });
  await line(app, 'ready', () => text);
  return () => void app.kill('SIGKILL');
}

/** As the state volume would hold it: key, chain and roots in one file of mode 0600, owned by the proxy's user. */
function writeState(state: string, credentials: Credentials): void {
  const { keyPem, chainPem, rootsPem } = credentials;
  const file = join(state, 'credentials.json');
  mkdirSync(dirname(state), { recursive: true, mode: 0o755 });
  mkdirSync(state, { mode: 0o700 });
  writeFileSync(file, JSON.stringify({ keyPem, chainPem, rootsPem, issuedAt: Date.now() }), { mode: 0o600 });
  chmodSync(file, 0o600);
  for (const path of [state, file]) chownSync(path, PROXY_UID, PROXY_GID);
}

function redirect(space: string, state: string): void {
  const init: InitOptions = {
    proxyUid: PROXY_UID,
    proxyGid: PROXY_GID,
    outboundPort: PORTS.outbound,
    inboundPort: PORTS.inbound,
    excludeInboundPorts: [2222],
    excludeOutboundPorts: [9999],
    excludeOutboundCidrs: [],
  };
  const command = [process.execPath, ...FLAGS, join(ROOT, 'proxy/init/main.ts'), JSON.stringify(init)];
  const env = { PATH: process.env['PATH'], HEDDLE_STATE_DIRECTORY: state };
  const result = spawnSync('ip', ['netns', 'exec', space, ...command], { encoding: 'utf8', env });
  if (result.status !== 0) throw new Error(`heddle-init in ${space} ended with ${result.status}: ${result.stderr}`);
}

function line(child: ChildProcess, wanted: string, text: () => string): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`"${wanted}" was not printed within 20 s:\n${text()}`)), 20_000);
    const look = (): void => {
      if (!text().includes(wanted)) return;
      clearTimeout(timer);
      resolve();
    };
    child.stdout?.on('data', look);
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`ended with ${code} before "${wanted}":\n${text()}`));
    });
  });
}

function output(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    let errors = '';
    child.stdout?.on('data', (piece: Buffer) => {
      text += piece.toString();
    });
    child.stderr?.on('data', (piece: Buffer) => {
      errors += piece.toString();
    });
    child.once('close', (code) =>
      code === 0 ? resolve(text) : reject(new Error(`client ended with ${code}: ${errors}`)),
    );
  });
}

function exitOf(child: ChildProcess | undefined): Promise<number | null> {
  if (child === undefined || child.exitCode !== null) return Promise.resolve(child?.exitCode ?? null);
  return new Promise((resolve) => child.once('exit', (code) => resolve(code)));
}
