import { write, writeSync } from 'node:fs';

export interface LogOutput {
  readonly write: (line: string) => void;
  /** Writes what is pending, at once: before the process ends. */
  flush(): void;
}

/** Lines that wait for a slow reader; beyond that they are dropped and counted. */
const MAX_PENDING_BYTES = 1_048_576;

/**
 * Lines to a file descriptor, all of one event-loop tick in one write, without waiting for a slow container runtime: a request must
 * not stand still because nobody reads the log.
 */
export function createLogOutput(descriptor: number): LogOutput {
  let pending: string[] = [];
  let bytes = 0;
  let dropped = 0;
  let writing = false;
  let scheduled = false;

  const take = (): Buffer => {
    if (dropped > 0) pending.push(`${JSON.stringify({ level: 'warn', message: 'log lines dropped', dropped })}\n`);
    const all = Buffer.from(pending.join(''), 'utf8');
    pending = [];
    bytes = 0;
    dropped = 0;
    return all;
  };
  const send = (buffer: Buffer): void => {
    writing = true;
    write(descriptor, buffer, 0, buffer.length, null, (error, written) => {
      const rest = buffer.subarray(written);
      if (error === null && rest.length > 0) {
        send(rest);
      } else if (error !== null && error.code === 'EAGAIN') {
        // A full pipe that does not block.
        setTimeout(() => send(rest), 10);
      } else {
        writing = false;
        if (pending.length > 0) schedule();
      }
    });
  };
  const schedule = (): void => {
    if (scheduled || writing) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      if (pending.length > 0) send(take());
    });
  };

  return {
    write(line) {
      if (bytes + line.length > MAX_PENDING_BYTES) {
        dropped++;
        return;
      }
      pending.push(line);
      bytes += line.length;
      schedule();
    },
    flush() {
      if (pending.length === 0) return;
      try {
        writeSync(descriptor, take());
      } catch {
        // Nobody reads: there is nobody to tell.
      }
    },
  };
}
