import { createServer, type Socket } from 'node:net';
import { listening } from '../backend.ts';
import { fieldOf, type Message, readMessage } from './message.ts';

/** What is to be answered to one exchange, in these pieces; 1xx go first, as soon as the head is there. */
export interface Script {
  readonly informs: readonly string[];
  readonly pieces: readonly string[];
  readonly close: boolean;
}

/** An HTTP/1.1 application that says what it is told, and keeps what it read. */
export interface ScriptedApplication {
  readonly port: number;
  readonly scripts: Map<string, Script>;
  readonly seen: Map<string, Message>;
  readonly faults: string[];
  close(): void;
}

export async function startScripted(): Promise<ScriptedApplication> {
  const scripts = new Map<string, Script>();
  const seen = new Map<string, Message>();
  const faults: string[] = [];
  const server = createServer((socket) => serve(socket, scripts, seen, faults));
  const port = await listening(server);
  return { port, scripts, seen, faults, close: () => void server.close() };
}

function serve(
  socket: Socket,
  scripts: ReadonlyMap<string, Script>,
  seen: Map<string, Message>,
  faults: string[],
): void {
  let text = '';
  let informed = false;
  socket.setNoDelay(true);
  socket.on('error', () => {});
  socket.on('data', (piece: Buffer) => {
    text += piece.toString('latin1');
    const head = readMessage(text, 0, 'none');
    if (head === undefined) return;
    const id = fieldOf(head.message.fields, 'x-exchange') ?? '';
    const script = scripts.get(id);
    if (script === undefined) {
      faults.push(`an exchange that nobody began: ${JSON.stringify(text.slice(0, 200))}`);
      socket.destroy();
      return;
    }
    if (!informed) for (const inform of script.informs) socket.write(inform, 'latin1');
    informed = true;
    const whole = readMessage(text, 0, 'fields');
    if (whole === undefined) return;
    if (seen.has(id)) faults.push(`exchange ${id} came twice`);
    seen.set(id, whole.message);
    text = text.slice(whole.end);
    informed = false;
    say(socket, script);
  });
}

function say(socket: Socket, { pieces, close }: Script): void {
  const [first = '', ...rest] = pieces;
  socket.write(first, 'latin1');
  if (rest.length > 0) setImmediate(() => say(socket, { informs: [], pieces: rest, close }));
  else if (close) socket.end();
}
