import { createServer, type Server } from 'node:net';
import { errorCode } from './errors.ts';

const NO_IPV6: readonly (string | undefined)[] = ['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL'];

/** Where to listen for both families: `::`, or `0.0.0.0` on a machine whose kernel has no IPv6. Tried with a port of its own. */
export async function anyHost(server: Server = createServer()): Promise<'::' | '0.0.0.0'> {
  const { promise, resolve, reject } = Promise.withResolvers<'::' | '0.0.0.0'>();
  server.once('error', (error) => (NO_IPV6.includes(errorCode(error)) ? resolve('0.0.0.0') : reject(error)));
  server.listen(0, '::', () => server.close(() => resolve('::')));
  return promise;
}
