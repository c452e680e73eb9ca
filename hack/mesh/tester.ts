import { spawn } from 'node:child_process';
import { request } from 'node:http';
import type { Kubectl } from './kubectl.ts';

/** What a `Load` of the tester application says; see `e2e/apps/tester/load.ts`. */
export interface LoadResult {
  readonly done: number;
  readonly byStatus: Readonly<Record<string, number>>;
  readonly byVersion: Readonly<Record<string, number>>;
  readonly byPod: Readonly<Record<string, number>>;
  readonly reasons: Readonly<Record<string, number>>;
  readonly errors: number;
  readonly errorSamples: readonly string[];
  readonly latencyMs: { readonly p50: number; readonly p90: number; readonly p99: number; readonly max: number };
  readonly elapsedMs: number;
  readonly connections: number;
  readonly failures: readonly LoadFailure[];
  /** Of calls started after the moment that was asked for. */
  readonly since?: {
    readonly byVersion: Readonly<Record<string, number>>;
    readonly byStatus: Readonly<Record<string, number>>;
  };
}

/** Times are milliseconds of the pod's machine's CLOCK_MONOTONIC. */
export interface LoadFailure {
  readonly worker: number;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly what: string;
}

/** The control port of a tester pod: what the pod is asked to do happens inside of it, through its own sidecar. */
export interface Tester {
  ask<T = unknown>(verb: string, body?: unknown, timeoutMs?: number): Promise<T>;
  close(): void;
}

const CONTROL_PORT = 9900;

/** Reaches the pod by its address: for clusters whose pod network is routed to this machine. */
export function testerAt(address: string): Tester {
  return { ask: (verb, body, timeoutMs) => post(address, CONTROL_PORT, verb, body, timeoutMs), close: () => {} };
}

/** Reaches the pod through `kubectl port-forward`: for any cluster. */
export async function testerThroughKubectl(
  kubectl: Kubectl,
  program: string,
  namespace: string,
  pod: string,
): Promise<Tester> {
  const child = spawn(
    program,
    ['--kubeconfig', kubectl.kubeconfig, '-n', namespace, 'port-forward', pod, `:${CONTROL_PORT}`],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    let said = '';
    const read = (text: string): void => {
      said += text;
      const match = /Forwarding from 127\.0\.0\.1:(\d+)/.exec(said);
      if (match !== null) resolve(Number(match[1]));
    };
    child.stdout.setEncoding('utf8').on('data', read);
    child.stderr.setEncoding('utf8').on('data', read);
    child.on('error', reject);
    child.on('exit', (code) => reject(new Error(`kubectl port-forward ended with ${code}: ${said.trim()}`)));
  });
  return {
    ask: (verb, body, timeoutMs) => post('127.0.0.1', port, verb, body, timeoutMs),
    close: () => void child.kill(),
  };
}

function post<T>(host: string, port: number, verb: string, body: unknown, timeoutMs = 120_000): Promise<T> {
  return new Promise((resolve, reject) => {
    const text = JSON.stringify(body ?? {});
    const fail = (why: string, cause?: unknown): void =>
      reject(new Error(`tester ${host}:${port} ${verb}: ${why}`, { cause }));
    const call = request(
      {
        host,
        port,
        path: `/${verb}`,
        method: 'POST',
        agent: false,
        timeout: timeoutMs,
        headers: { 'content-length': Buffer.byteLength(text) },
      },
      (response) => {
        let answer = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          answer += chunk;
        });
        response.on('error', (error) => fail(error.message, error));
        response.on('end', () => {
          if (response.statusCode !== 200) return fail(`${response.statusCode} ${answer.slice(0, 500)}`);
          resolve(JSON.parse(answer) as T);
        });
      },
    );
    call.on('timeout', () => call.destroy(new Error(`no answer in ${timeoutMs} ms`)));
    call.on('error', (error) => fail(error.message, error));
    call.end(text);
  });
}
