import { HEALTH } from '../contract/bootstrap.ts';
import type { Readiness } from './readiness.ts';
import { startTextServer, type TextAnswer, type TextHandler, type TextServer } from './text-server.ts';

export interface HealthOptions {
  readonly port: number;
  readonly readiness: Readiness;
  /** Handlers of `/probe/...`: whole paths, with their secret. */
  readonly probes: (path: string) => TextHandler | undefined;
}

/** The health port, on all addresses: the sidecar's own probes and the application's, which the kubelet cannot reach itself under Strict. */
export function startHealth(options: HealthOptions): Promise<TextServer> {
  const { readiness } = options;
  const own: Readonly<Record<string, TextHandler>> = {
    [HEALTH.live]: () => ({ status: 200, body: 'alive\n' }),
    [HEALTH.startup]: () => startup(readiness),
    [HEALTH.ready]: () => ready(readiness),
  };
  return startTextServer({
    name: 'health',
    port: options.port,
    route(method, path) {
      if (method !== 'GET' && method !== 'HEAD') return undefined;
      return Object.hasOwn(own, path) ? own[path] : options.probes(path);
    },
  });
}

function startup(readiness: Readiness): TextAnswer {
  const missing = readiness.waitsFor();
  return missing.length === 0
    ? { status: 200, body: 'started\n' }
    : { status: 503, body: `waiting for ${missing.join('; ')}\n` };
}

function ready(readiness: Readiness): TextAnswer {
  if (readiness.ready) return { status: 200, body: 'ready\n' };
  const missing = readiness.waitsFor();
  if (missing.length > 0) return { status: 503, body: `waiting for ${missing.join('; ')}\n` };
  return { status: 503, body: readiness.draining ? 'draining\n' : 'the certificate is expired and mTLS is Strict\n' };
}
