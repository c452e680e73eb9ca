import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nginxBackend } from '../peers/nginx.ts';
import type { Program } from '../peers/programs.ts';
import { ADDRESS, BACKENDS, CORES } from '../plan.ts';
import { type Running, start } from './process.ts';

/** One gRPC message: not compressed, three bytes long. */
export const GRPC_MESSAGE = Buffer.from([0, 0, 0, 0, 3, 1, 2, 3]);
/** Path of the unary method, and the file that answers it. */
export const GRPC_PATH = '/bench.Echo/Unary';

/** The applications: nginx (or ours), an echo, and a gRPC answer from nghttpd where that is there. */
export function startBackends(
  namespace: string,
  folder: string,
  programs: ReadonlyMap<Program, string>,
): readonly Running[] {
  mkdirSync(folder, { recursive: true });
  const run = (name: string, command: readonly string[]): Running =>
    start({ name, namespace, command, core: CORES.load, as: 'root', log: join(folder, `${name}.log`) });
  const running = [
    run('web', webCommand(folder, programs)),
    run('echo', [process.execPath, script('ping-pong.ts'), 'echo', ADDRESS.server, String(BACKENDS.echo)]),
  ];
  const nghttpd = programs.get('nghttpd');
  if (nghttpd !== undefined) running.push(run('grpc', grpcCommand(nghttpd, folder)));
  return running;
}

/** Full path of a program of `load/`. */
export function script(name: string): string {
  return fileURLToPath(new URL(`../load/${name}`, import.meta.url));
}

function webCommand(folder: string, programs: ReadonlyMap<Program, string>): readonly string[] {
  const nginx = programs.get('nginx');
  if (nginx === undefined) return [process.execPath, script('static-backend.ts'), ADDRESS.server];
  const path = join(folder, 'nginx.conf');
  writeFileSync(path, nginxBackend(folder));
  return [nginx, '-c', path, '-e', join(folder, 'nginx.err')];
}

function grpcCommand(nghttpd: string, folder: string): readonly string[] {
  const root = join(folder, 'grpc');
  mkdirSync(join(root, 'bench.Echo'), { recursive: true });
  writeFileSync(join(root, GRPC_PATH), GRPC_MESSAGE);
  const trailers = ['--trailer', 'grpc-status: 0'];
  return [nghttpd, '--no-tls', '-a', ADDRESS.server, '-d', root, ...trailers, String(BACKENDS.grpc)];
}
