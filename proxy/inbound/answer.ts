import { type OwnMessage, sendOwn } from '../filters/own-response.ts';
import type { ServerExchange } from '../http/message.ts';
import type { MeshServerExchange } from '../mesh/mesh.ts';

/** Sends a response of our own; on the mesh, one whose request the application has not seen says so. */
export function answer(
  exchange: ServerExchange,
  mesh: MeshServerExchange | undefined,
  message: OwnMessage,
  unprocessed: boolean,
): void {
  if (!unprocessed || mesh === undefined) {
    sendOwn(exchange, message);
    return;
  }
  mesh.respondUnprocessed(message.head);
  if (message.head.framing === 'none') return;
  mesh.write(message.body, 0, message.body.length);
  mesh.end();
}
