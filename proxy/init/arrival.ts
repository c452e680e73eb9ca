import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import { errorCode, HeddleError } from '../base/errors.ts';
import { type OriginalDestination, originalDestination } from '../net/net.ts';
import type { Family } from './rules.ts';

/** What became of a connection that was dialled to be redirected. */
export type Arrival =
  | { readonly kind: 'arrived'; readonly original: OriginalDestination }
  | { readonly kind: 'no-route'; readonly code: string }
  | { readonly kind: 'missed'; readonly detail: string };

export interface Probe {
  readonly address: string;
  readonly port: number;
}

/** Listens on the loopback address of `port`, dials `probe`, and tells what arrived. Rejects with `init_port` when the port is taken. */
export type See = (family: Family, port: number, probe: Probe) => Promise<Arrival>;

const TIMEOUT_MS = 3_000;
/** No address or route of this family: then no traffic of it either. */
const NO_FAMILY = new Set(['ENETUNREACH', 'EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EHOSTUNREACH']);

export function createSee(clock: Clock): See {
  return (family, port, probe) => dialAndSee(family, port, probe, clock);
}

async function dialAndSee(family: Family, port: number, probe: Probe, clock: Clock): Promise<Arrival> {
  const server = await listen(family, port);
  if (typeof server === 'string') return { kind: 'no-route', code: server };
  const arrival = Promise.withResolvers<Arrival>();
  const timer = clock.after(TIMEOUT_MS, () =>
    arrival.resolve({ kind: 'missed', detail: `nothing within ${TIMEOUT_MS} ms` }),
  );
  server.on('connection', (socket: Socket) => {
    try {
      arrival.resolve({ kind: 'arrived', original: originalDestination(socket) });
    } catch (error) {
      arrival.reject(error);
    }
    socket.destroy();
  });
  const socket = connect({ host: probe.address, port: probe.port });
  socket.on('error', (error) => {
    const code = errorCode(error) ?? error.message;
    // A reset comes from our own listener, which closes at once: its answer is on the way.
    if (code === 'ECONNRESET') return;
    arrival.resolve(NO_FAMILY.has(code) ? { kind: 'no-route', code } : { kind: 'missed', detail: code });
  });
  // The timer of a clock does not keep the process alive, and neither may this hang.
  const hold = setInterval(() => {}, TIMEOUT_MS);
  try {
    return await arrival.promise;
  } finally {
    clearInterval(hold);
    timer.clear();
    socket.destroy();
    server.close();
  }
}

/** REDIRECT in OUTPUT sends to the loopback address (`nf_nat_redirect.c`), so it is enough to listen there. The error code: there is no such address. */
function listen(family: Family, port: number): Promise<Server | string> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('listening', () => resolve(server));
    server.once('error', (cause) => {
      const code = errorCode(cause) ?? cause.message;
      if (NO_FAMILY.has(code)) resolve(code);
      else reject(portFault(family, port, cause));
    });
    server.listen({ host: family === 'ipv6' ? '::1' : '127.0.0.1', port });
  });
}

function portFault(family: Family, port: number, cause: Error): HeddleError {
  return new HeddleError(
    'init_port',
    `cannot listen on port ${port}, which belongs to the proxy: no container of this pod may use it (${errorCode(cause) ?? 'error'})`,
    { where: { port, family }, cause },
  );
}
