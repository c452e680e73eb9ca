import type { RequestOptions } from 'node:http';
import { nodeHttp, nodeHttps } from '../base/builtin.ts';
import type { Clock } from '../base/clock.ts';
import { describeError } from '../base/errors.ts';
import type { Probe } from '../contract/bootstrap.ts';
import { dial, peerName } from '../net/net.ts';
import { checkGrpcHealth } from './probe-grpc.ts';
import type { ProbeResult } from './probe-result.ts';

export interface ProbeOptions {
  /** The pod's own address. */
  readonly address: string;
  readonly clock: Clock;
}

/** As the kubelet names itself: applications log it or leave it out of their logs. */
const USER_AGENT = 'kube-probe/heddle';

/** Runs one probe as the kubelet would, against the pod's own address. Never rejects. */
export async function runProbe(probe: Probe, options: ProbeOptions): Promise<ProbeResult> {
  const timeoutMs = probe.timeoutSeconds * 1_000;
  try {
    switch (probe.action.kind) {
      case 'http':
        return judgeStatus(await httpStatus(probe.port, probe.action, timeoutMs, options));
      case 'tcp':
        (await dial({ address: options.address, port: probe.port, timeoutMs, clock: options.clock })).destroy();
        return { healthy: true, sentence: 'connected' };
      case 'grpc':
        return await checkGrpcHealth({ ...options, port: probe.port, service: probe.action.service, timeoutMs });
    }
  } catch (error) {
    return { healthy: false, sentence: `${peerName(options.address, probe.port)}: ${describeError(error)}` };
  }
}

/** Kubernetes: 200 to 399 is success (a redirect is not followed: it shows that the application answers). */
function judgeStatus(status: number): ProbeResult {
  return { healthy: status >= 200 && status < 400, sentence: `the application answered ${status}` };
}

type HttpAction = Extract<Probe['action'], { readonly kind: 'http' }>;

function httpStatus(port: number, action: HttpAction, timeoutMs: number, options: ProbeOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = (action.scheme === 'HTTPS' ? nodeHttps() : nodeHttp()).request({
      ...requestOptions(port, action, options.address),
      // The kubelet does not verify either: a probe asks whether something answers.
      ...(action.scheme === 'HTTPS' ? { rejectUnauthorized: false } : {}),
    });
    const timer = options.clock.after(timeoutMs, () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    request.on('response', (response) => {
      timer.clear();
      resolve(response.statusCode ?? 0);
      response.destroy();
    });
    request.on('error', (error) => {
      timer.clear();
      reject(error);
    });
    request.end();
  });
}

function requestOptions(port: number, action: HttpAction, address: string): RequestOptions {
  const headers: string[] = [];
  for (const [name, value] of action.headers) headers.push(name, value);
  const has = (name: string): boolean => action.headers.some(([given]) => given.toLowerCase() === name);
  if (!has('host')) headers.push('Host', action.host ?? peerName(address, port));
  if (!has('user-agent')) headers.push('User-Agent', USER_AGENT);
  if (!has('accept')) headers.push('Accept', '*/*');
  headers.push('Connection', 'close');
  return { host: address, port, path: action.path, method: 'GET', agent: false, headers, setHost: false };
}
