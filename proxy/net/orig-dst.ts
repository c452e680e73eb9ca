import { connect, createServer, type Socket } from 'node:net';
import { errorCode, HeddleError } from '../base/errors.ts';
import { canonicalAddress, formatIpv6 } from './address.ts';
import { getSocketOption } from './native.ts';
import type { OriginalDestination } from './original-destination.ts';

/** `linux/in.h`, `linux/in6.h`, `linux/netfilter_ipv4.h`. */
const SOL_SOCKET = 1;
const SO_TYPE = 3;
const SOCK_STREAM = 1;
const SOL_IP = 0;
const SOL_IPV6 = 41;
const SO_ORIGINAL_DST = 80;
const SOCKADDR_IN_BYTES = 16;
const SOCKADDR_IN6_BYTES = 28;
/** No connection tracking entry: no NAT rule has ever touched this connection. */
const ENOENT = 2;
/** The kernel does not know the option: the connection tracking module is not loaded, so nothing can have been redirected. */
const ENOPROTOOPT = 92;

/**
 * Where the connection was going. A v4 connection on a dual-stack listener has a v4-mapped peer and is asked at the IPv4 level.
 * Throws `original_destination` when the kernel answers with anything but an address or "never redirected".
 */
export function originalDestination(socket: Socket): OriginalDestination {
  const local = { address: canonicalAddress(socket.localAddress ?? ''), port: socket.localPort ?? 0 };
  const ipv6 = local.address.includes(':');
  const answer = ipv6
    ? getSocketOption(socket, SOL_IPV6, SO_ORIGINAL_DST, SOCKADDR_IN6_BYTES)
    : getSocketOption(socket, SOL_IP, SO_ORIGINAL_DST, SOCKADDR_IN_BYTES);
  if (typeof answer === 'number') {
    if (answer === ENOENT || answer === ENOPROTOOPT) return { ...local, redirected: false };
    throw new HeddleError('original_destination', `getsockopt(SO_ORIGINAL_DST) failed with errno ${answer}`, {
      where: { local: `${local.address}:${local.port}` },
    });
  }
  const original = ipv6 ? readIpv6(answer) : readIpv4(answer);
  return { ...original, redirected: original.port !== local.port || original.address !== local.address };
}

/**
 * Called at start: makes the call once on a loopback connection, so that a kernel, container or Node where it cannot
 * work is told at once and not by the first request. Rejects with `original_destination`.
 */
export async function checkOriginalDestination(): Promise<void> {
  const server = createServer();
  try {
    const accepted = new Promise<Socket>((resolve, reject) => {
      server.on('connection', resolve).on('error', reject);
      server.listen(0, '127.0.0.1', () => {
        const bound = server.address();
        if (bound === null || typeof bound === 'string') return;
        connect(bound.port, '127.0.0.1').on('error', reject).unref();
      });
    });
    const socket = await accepted;
    try {
      const type = getSocketOption(socket, SOL_SOCKET, SO_TYPE, 4);
      if (typeof type === 'number' || type.readInt32LE(0) !== SOCK_STREAM) {
        throw new HeddleError('original_destination', 'getsockopt(SO_TYPE) gives no sense: a wrong C library?');
      }
      originalDestination(socket);
    } finally {
      socket.destroy();
    }
  } catch (cause) {
    if (cause instanceof HeddleError) throw cause;
    throw new HeddleError(
      'original_destination',
      `cannot open a loopback connection (${errorCode(cause) ?? 'error'})`,
      {
        cause,
      },
    );
  } finally {
    server.close();
  }
}

/** `struct sockaddr_in`: family 2, port 2 (big endian), address 4. */
function readIpv4(bytes: Buffer): { address: string; port: number } {
  return { address: `${bytes[4]}.${bytes[5]}.${bytes[6]}.${bytes[7]}`, port: bytes.readUInt16BE(2) };
}

/** `struct sockaddr_in6`: family 2, port 2 (big endian), flow 4, address 16, scope 4. */
function readIpv6(bytes: Buffer): { address: string; port: number } {
  return { address: formatIpv6(bytes.subarray(8, 24)), port: bytes.readUInt16BE(2) };
}
