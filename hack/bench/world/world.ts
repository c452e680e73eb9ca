import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PROXY_UID } from '../../../proxy/contract/bootstrap.ts';
import type { Contender, ContenderInputs, Extra, Side } from '../contenders.ts';
import { CORES } from '../plan.ts';
import { startBackends } from './backends.ts';
import { createNetwork, createQuietNamespace, type Network, removeNamespace, removeNetwork } from './network.ts';
import { type Running, start } from './process.ts';

/** A contender between its two applications, running. */
export interface World {
  readonly contender: Contender;
  readonly network: Network;
  readonly proxies: ReadonlyMap<Side, Running>;
  /** Processes of the load core that are not generators. */
  readonly backends: readonly Running[];
  /** Ends one proxy and starts it anew; resolves when it was started (not when it serves). */
  restart(side: Side, extra?: Extra): Promise<Running>;
  /** Folder of its files; file of the roots that its proxies' certificates come from. */
  readonly folder: string;
  readonly roots: string;
  /** One more calling side's proxy in an empty namespace of its own: a pod without traffic. */
  startCopy(tag: string, extra?: Extra): Promise<Copy>;
  /** Throws when a process has ended by itself. */
  assertAlive(): void;
  stop(): Promise<void>;
}

export interface Copy {
  readonly running: Running;
  stop(): Promise<void>;
}

const SIDES: readonly Side[] = ['outbound', 'inbound'];

export async function createWorld(contender: Contender, inputs: ContenderInputs): Promise<World> {
  const folder = join(inputs.files.folder, contender.name);
  const network = await createNetwork(contender.name, contender.redirection);
  const proxies = new Map<Side, Running>();
  const backends = startBackends(network.server, join(folder, 'backend'), inputs.programs);
  for (const side of SIDES) {
    const running = startProxy(contender, side, join(folder, side), network, inputs);
    if (running !== undefined) proxies.set(side, running);
  }
  return {
    contender,
    network,
    proxies,
    backends,
    folder,
    roots: inputs.files.certificates.root,
    async restart(side, extra) {
      await proxies.get(side)?.stop();
      const running = startProxy(contender, side, join(folder, side), network, inputs, extra);
      if (running === undefined) throw new Error(`${contender.name} has no ${side} proxy`);
      proxies.set(side, running);
      return running;
    },
    async startCopy(tag, extra) {
      const space = await createQuietNamespace(`${contender.name}-${tag}`);
      const running = startProxy(
        contender,
        'outbound',
        join(folder, tag),
        { client: space, server: space },
        inputs,
        extra,
      );
      if (running === undefined) throw new Error(`${contender.name} has no calling side`);
      return {
        running,
        async stop() {
          await running.stop();
          await removeNamespace(space);
        },
      };
    },
    assertAlive() {
      for (const running of [...proxies.values(), ...backends]) running.assertAlive();
    },
    async stop() {
      await Promise.all([...proxies.values(), ...backends].map((running) => running.stop()));
      await removeNetwork(network);
    },
  };
}

function startProxy(
  contender: Contender,
  side: Side,
  own: string,
  network: Network,
  inputs: ContenderInputs,
  extra?: Extra,
): Running | undefined {
  const plan = contender.plan(side, own, inputs, extra);
  if (plan === undefined) return undefined;
  makeFolder(own);
  for (const { path, text, secret } of plan.files) {
    makeFolder(dirname(path));
    writeFileSync(path, text, { mode: secret === true ? 0o600 : 0o644 });
    chownSync(path, PROXY_UID, PROXY_UID);
  }
  return start({
    name: `${contender.name} ${side}`,
    namespace: side === 'outbound' ? network.client : network.server,
    command: plan.command,
    ...(plan.env === undefined ? {} : { env: plan.env }),
    core: CORES.proxy,
    as: 'proxy',
    log: join(own, 'output.log'),
  });
}

function makeFolder(path: string): void {
  mkdirSync(path, { recursive: true });
  chownSync(path, PROXY_UID, PROXY_UID);
}
