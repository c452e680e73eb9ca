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

let trimmer: ((pad: bigint) => number) | 'none' | undefined;

/** `malloc_trim(3)`: free memory inside of the C library's heaps goes back to the kernel. A few milliseconds; does nothing where there is no such call (musl). */
export function trimMemory(): void {
  trimmer ??= loadTrimmer() ?? 'none';
  if (trimmer !== 'none') trimmer(0n);
}

function loadTrimmer(): ((pad: bigint) => number) | undefined {
  try {
    const ffi = process.getBuiltinModule('node:ffi');
    return ffi.dlopen(null, { malloc_trim: { arguments: ['u64'], return: 'i32' } }).functions.malloc_trim;
  } catch {
    return undefined;
  }
}

/** What of a socket's handle (libuv's TCP stream, or the TLS layer over it) is used. Node's own sockets stand on the same calls. */
export interface StreamHandle {
  /** Called for each read with what `lastRead` says. */
  onread: () => void;
  readStart(): number;
  readStop(): number;
  /** Reads go into this memory from now on, instead of 64 KiB of new memory each. */
  useUserBuffer(buffer: Uint8Array): void;
  /** Answer 0 or a negative errno; `wroteLater` tells whether bytes are left that `request.oncomplete` follows for. */
  writeBuffer(request: WriteRequest, bytes: Uint8Array): number;
  writeLatin1String(request: WriteRequest, text: string): number;
}

/** One write of a handle. May be used again as long as no write with it went on later. */
export interface WriteRequest {
  oncomplete: (status: number) => void;
  /** Keeps the memory alive while the kernel has not taken it. */
  buffer: Uint8Array | undefined;
}

interface Streams {
  readonly WriteWrap: new () => WriteRequest;
  readonly streamBaseState: Int32Array;
  readonly kReadBytesOrError: number;
  readonly kLastWriteWasAsync: number;
}

const HANDLE_CALLS = ['readStart', 'readStop', 'useUserBuffer', 'writeBuffer', 'writeLatin1String'] as const;
let streams: Streams | 'none' | undefined;

/**
 * The handle of an open socket whose reads its owner wants to take over. Undefined where this Node shows no such handle (it is not
 * documented), or when the peer's end was already read: then the socket's own streams must be used.
 */
export function streamHandle(socket: Socket): StreamHandle | undefined {
  streams ??= loadStreams() ?? 'none';
  if (streams === 'none' || socket.destroyed || socket.connecting) return undefined;
  const { _handle: handle, _readableState: readable } = socket as unknown as {
    readonly _handle?: StreamHandle | null;
    readonly _readableState?: { readonly ended?: boolean };
  };
  if (handle === null || handle === undefined || readable?.ended !== false) return undefined;
  return HANDLE_CALLS.every((name) => typeof handle[name] === 'function') ? handle : undefined;
}

export function writeRequest(): WriteRequest {
  return new (loaded().WriteWrap)();
}

/** Bytes of the read that `onread` was just called for, or a negative errno. */
export function lastRead(): number {
  const { streamBaseState, kReadBytesOrError } = loaded();
  return streamBaseState[kReadBytesOrError]!;
}

/** The last write left bytes behind that the kernel has not taken yet. */
export function wroteLater(): boolean {
  const { streamBaseState, kLastWriteWasAsync } = loaded();
  return streamBaseState[kLastWriteWasAsync] !== 0;
}

function loaded(): Streams {
  if (typeof streams === 'object') return streams;
  throw new HeddleError('native_streams', 'no stream handle was taken: streamHandle answers undefined here');
}

/** The one door that Node leaves open to these names for programs; it may close, and then sockets are used as documented. */
function loadStreams(): Streams | undefined {
  const { binding } = process as unknown as { readonly binding?: (name: string) => Partial<Streams> };
  try {
    const found = binding?.('stream_wrap');
    const complete =
      typeof found?.WriteWrap === 'function' &&
      ArrayBuffer.isView(found.streamBaseState) &&
      typeof found.kReadBytesOrError === 'number' &&
      typeof found.kLastWriteWasAsync === 'number';
    return complete ? (found as Streams) : undefined;
  } catch {
    return undefined;
  }
}
