/**
 * Open-loop load: `node open-loop.ts '<json of OpenLoopOptions>'` prints one line of JSON, `OpenLoopResult`. It polls the clock without ever sleeping
 * (a timer of Node is a millisecond late), so run it with the idle scheduling class (`chrt --idle 0`): whoever has work goes before it.
 */
import { connect, type Socket } from 'node:net';
import { Histogram } from '../measure/histogram.ts';
import { ResponseReader } from './response-reader.ts';
import { Schedule } from './schedule.ts';

export interface OpenLoopOptions {
  readonly address: string;
  readonly port: number;
  readonly host: string;
  readonly connections: number;
  /** Requests a second. */
  readonly rate: number;
  readonly seconds: number;
  /** Sent before at the same rate and not counted. */
  readonly warmUpSeconds: number;
}

export interface OpenLoopResult {
  readonly requests: number;
  readonly errors: number;
  /** Microseconds from the instant a request was due to the last byte of its answer. */
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly largest: number;
  /** 99th percentile of how late the generator itself noticed that a request was due: above 100 the figures say more of the generator. */
  readonly lateP99: number;
}

interface Lane {
  readonly socket: Socket;
  /** When the request under way was due; undefined: free. */
  due: number | undefined;
}

const GRACE_MS = 5_000;

export async function openLoop(options: OpenLoopOptions): Promise<OpenLoopResult> {
  const request = Buffer.from(
    `GET / HTTP/1.1\r\nHost: ${options.host}\r\nUser-Agent: heddle-bench\r\nAccept: */*\r\n\r\n`,
  );
  const latency = new Histogram();
  const late = new Histogram();
  const free: Lane[] = [];
  let errors = 0;
  let completed = 0;
  const warmUp = Math.round(options.warmUpSeconds * options.rate);
  const measured = Math.round(options.seconds * options.rate);
  const lanes = await Promise.all(
    Array.from({ length: options.connections }, () => open(options, (lane, status) => onResponse(lane, status))),
  );
  free.push(...lanes);

  const onResponse = (lane: Lane, status: number): void => {
    const due = lane.due;
    lane.due = undefined;
    completed += 1;
    if (due === undefined || status !== 200) errors += 1;
    else if (completed > warmUp) latency.record((performance.now() - due) * 1_000);
    free.push(lane);
  };

  const schedule = new Schedule(performance.now() + 10, options.rate, warmUp + measured);
  let noticed = 0;
  const onDue = (lateMs: number): void => {
    noticed += 1;
    if (noticed > warmUp) late.record(lateMs * 1_000);
  };
  await new Promise<void>((resolve) => {
    let finishBy = Number.POSITIVE_INFINITY;
    const turn = (): void => {
      const now = performance.now();
      schedule.notice(now, onDue);
      while (free.length > 0) {
        const due = schedule.take();
        if (due === undefined) break;
        const lane = free.shift()!;
        lane.due = due;
        lane.socket.write(request);
      }
      if (schedule.allSent && finishBy === Number.POSITIVE_INFINITY) finishBy = now + GRACE_MS;
      if (completed === schedule.total || now > finishBy) resolve();
      else setImmediate(turn);
    };
    turn();
  });
  for (const lane of lanes) lane.socket.destroy();
  errors += schedule.total - completed;
  return {
    requests: latency.total,
    errors,
    p50: latency.percentile(50) ?? 0,
    p99: latency.percentile(99) ?? 0,
    p999: latency.percentile(99.9) ?? 0,
    largest: latency.largest,
    lateP99: late.percentile(99) ?? 0,
  };
}

/** A connection that is lost stays lost: its request never completes and counts as an error. */
function open(options: OpenLoopOptions, onResponse: (lane: Lane, status: number) => void): Promise<Lane> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: options.address, port: options.port, noDelay: true });
    const lane: Lane = { socket, due: undefined };
    const reader = new ResponseReader((status) => onResponse(lane, status));
    socket.on('data', (chunk: Buffer) => reader.push(chunk));
    socket.once('connect', () => resolve(lane));
    socket.on('error', reject);
  });
}

if (import.meta.main) {
  const result = await openLoop(JSON.parse(process.argv[2] ?? '{}') as OpenLoopOptions);
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
