import type { Socket } from 'node:net';
import { HeddleError } from '../base/errors.ts';

/**
 * The only file that calls outside JavaScript (`node:ffi`) and that looks at undocumented handles. Loaded on first use, so that
 * importing it costs nothing and warns about nothing. Run node with `--disable-warning=ExperimentalWarning`.
 */
interface Native {
  readonly getsockopt: (descriptor: number, level: number, option: number, value: bigint, length: bigint) => number;
  readonly errno: () => number;
}

/** Reused for every call: the proxy has one thread, and `getsockopt` keeps nothing. */
const value = Buffer.from(new ArrayBuffer(128));
const length = new Int32Array(1);
let native: (Native & { readonly valuePointer: bigint; readonly lengthPointer: bigint }) | undefined;

/**
 * `getsockopt(2)` on a connected socket. Answers the bytes (valid until the next call) or the errno.
 * Throws `original_destination` when this Node cannot make the call at all.
 */
export function getSocketOption(socket: Socket, level: number, option: number, size: number): Buffer | number {
  native ??= load();
  length[0] = size;
  const code = native.getsockopt(descriptorOf(socket), level, option, native.valuePointer, native.lengthPointer);
  return code === 0 ? value.subarray(0, length[0]) : native.errno();
}

function descriptorOf(socket: Socket): number {
  const handle: unknown = (socket as unknown as { readonly _handle?: unknown })._handle;
  if (
    typeof handle === 'object' &&
    handle !== null &&
    'fd' in handle &&
    typeof handle.fd === 'number' &&
    handle.fd >= 0
  ) {
    return handle.fd;
  }
  throw new HeddleError('original_destination', 'the socket has no descriptor: it is closed already', {
    where: { peer: socket.remoteAddress },
  });
}

function load(): NonNullable<typeof native> {
  const ffi = process.getBuiltinModule('node:ffi');
  if (ffi === undefined) {
    throw new HeddleError(
      'original_destination',
      'this Node has no node:ffi: run the proxy with the Node version that the image pins (26.9 or later)',
      { where: { node: process.version } },
    );
  }
  try {
    // `null` is the process itself: whichever C library Node runs on.
    const { functions } = ffi.dlopen(null, {
      getsockopt: { arguments: ['i32', 'i32', 'i32', 'pointer', 'pointer'], return: 'i32' },
      __errno_location: { arguments: [], return: 'pointer' },
    });
    return {
      getsockopt: functions.getsockopt,
      errno: () => ffi.getInt32(functions.__errno_location()),
      valuePointer: ffi.getRawPointer(value.buffer),
      lengthPointer: ffi.getRawPointer(length),
    };
  } catch (cause) {
    throw new HeddleError(
      'original_destination',
      'the C library gives no getsockopt: the proxy needs Linux with glibc or musl',
      { where: { platform: process.platform, arch: process.arch }, cause },
    );
  }
}
