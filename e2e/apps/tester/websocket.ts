import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

const MAGIC = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** RFC 6455 server that echoes text and binary frames of up to 125 bytes and answers close: enough for a witness. */
export function acceptWebSocket(request: IncomingMessage, socket: Duplex): void {
  const key = request.headers['sec-websocket-key'] ?? '';
  const accept = createHash('sha1')
    .update(key + MAGIC)
    .digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  let pending = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    for (;;) {
      const frame = readFrame(pending);
      if (frame === undefined) return;
      pending = pending.subarray(frame.size);
      socket.write(Buffer.concat([Buffer.from([0x80 | frame.opcode, frame.payload.length]), frame.payload]));
      if (frame.opcode === 8) socket.end();
    }
  });
  socket.on('error', () => socket.destroy());
}

/** A masked frame with a payload of at most 125 bytes. */
function readFrame(bytes: Buffer): { opcode: number; payload: Buffer; size: number } | undefined {
  if (bytes.length < 6) return undefined;
  const length = bytes[1]! & 0x7f;
  if (bytes.length < 6 + length) return undefined;
  const payload = Buffer.alloc(length);
  for (let index = 0; index < length; index++) payload[index] = bytes[6 + index]! ^ bytes[2 + (index % 4)]!;
  return { opcode: bytes[0]! & 0x0f, payload, size: 6 + length };
}

/** A client's frame with a fixed mask. */
export function maskedFrame(opcode: number, payload: Buffer): Buffer {
  const mask = [1, 2, 3, 4];
  const masked = payload.map((byte, index) => byte ^ mask[index % 4]!);
  return Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | payload.length, ...mask]), masked]);
}
