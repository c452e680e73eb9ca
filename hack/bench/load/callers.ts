/**
 * Many pods that call one: `node callers.ts FILE` opens a mesh connection with each of the file's credentials, makes one request on it and keeps
 * it. Prints `held`, and ends when it is told to (SIGTERM). Exit code 1, with the reason, when one is refused.
 */
import { readFileSync } from 'node:fs';
import { systemClock } from '../../../proxy/base/clock.ts';
import type { RequestHead } from '../../../proxy/http/http.ts';
import { connectMesh, type MeshClient } from '../../../proxy/mesh/mesh.ts';
import type { Credentials } from '../../../proxy/tls/tls.ts';

export interface CallersOptions {
  readonly address: string;
  readonly port: number;
  readonly host: string;
  /** Where the application wanted to: `10.77.1.20:80`. */
  readonly destination: string;
  /** Identity of the called proxy. */
  readonly expectedIdentity: string;
  /** Number of the first caller, for its name. */
  readonly first: number;
  /** One connection each. */
  readonly credentials: readonly Credentials[];
}

/** All come from one address, of which the called side takes 64 unfinished handshakes. */
const AT_ONCE = 16;
const TIMEOUT_MS = 30_000;
/** Longer than any measurement: the proxies close after 60 s, these are looked at before. */
const IDLE_MS = 600_000;

async function hold(options: CallersOptions): Promise<void> {
  const left = [...options.credentials.entries()];
  const held: MeshClient[] = [];
  const one = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const client = await connect(options, next[1], options.first + next[0]);
      await ask(client, options);
      held.push(client);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  process.stdout.write('held\n');
  process.on('SIGTERM', () => {
    const lost = held.filter((client) => client.state !== 'open').length;
    process.exit(lost === 0 ? 0 : 1);
  });
  setInterval(() => {}, 60_000);
}

function connect(options: CallersOptions, credentials: Credentials, index: number): Promise<MeshClient> {
  const { address, port, expectedIdentity } = options;
  return connectMesh({
    address,
    port,
    expectedIdentity,
    credentials,
    self: { workload: `caller-${index}`, namespace: 'callers', pod: `caller-${index}-0` },
    connectTimeoutMs: TIMEOUT_MS,
    handshakeTimeoutMs: TIMEOUT_MS,
    clock: systemClock,
    idleCloseMs: IDLE_MS,
  });
}

function ask(client: MeshClient, { host, destination }: CallersOptions): Promise<void> {
  const head: RequestHead = {
    method: 'GET',
    target: '/',
    form: 'origin',
    path: '/',
    authority: host,
    version: 11,
    headers: ['host', host, 'accept', '*/*'],
    spelling: 'title',
    framing: 'none',
    contentLength: 0,
    upgrade: undefined,
    expectContinue: false,
  };
  return new Promise((resolve, reject) => {
    client.open(
      head,
      { destination, attempt: 1, deadlineMs: TIMEOUT_MS },
      {
        onInform() {},
        onResponse({ status }) {
          if (status !== 200) reject(new Error(`status ${status} instead of 200`));
        },
        onBody() {},
        onEnd: () => resolve(),
        onDrain() {},
        onFailure: (failure) => reject(new Error(failure.detail)),
      },
    );
  });
}

if (import.meta.main) {
  const [file = ''] = process.argv.slice(2);
  await hold(JSON.parse(readFileSync(file, 'utf8')) as CallersOptions);
}
