import { execFile } from 'node:child_process';
import process from 'node:process';
import { promisify } from 'node:util';
import type { V1Pod } from '@kubernetes/client-node';
import { ADMIN, CONTAINER, PORTS } from '../../proxy/contract/bootstrap.ts';
import type { InForce } from '../../proxy/control/control.ts';
import type { Mesh } from './mesh.ts';

/** What a proxy says of its configuration on its admin port. */
export interface Held {
  /** `open`, `waiting`… of the stream to the operator. */
  readonly control: string;
  /** Keys in force. What it keeps beside, on its disk, is not among them. */
  readonly keys: Readonly<Record<string, InForce>>;
}

/** Asked from inside of the pod's network: the port is on localhost only. Needs root. */
export async function heldBy(mesh: Mesh, pod: V1Pod): Promise<Held> {
  const pid = await mesh.pid(pod.metadata!.namespace!, pod.metadata!.name!, CONTAINER.proxy);
  const ask = `process.stdout.write(await (await fetch('http://127.0.0.1:${PORTS.admin}${ADMIN.configuration}')).text())`;
  const ran = await promisify(execFile)('nsenter', [
    `--net=/proc/${pid}/ns/net`,
    process.execPath,
    '--input-type=module',
    '-e',
    ask,
  ]);
  return JSON.parse(ran.stdout) as Held;
}
