import { HeddleError } from '../../../proxy/base/errors.ts';
import { createLog } from '../../../proxy/base/log.ts';
import { FakeClock } from '../../../proxy/base/testing/fake-clock.ts';
import { decodeOperatorMessage, type OperatorEnvelope } from '../../../proxy/contract/decode.ts';
import { pod, service, workload } from '../../../proxy/contract/testing/configurations.ts';
import { type Applier, createApplier } from '../../../proxy/control/apply.ts';
import { encodeFrame, FrameReader } from '../../../proxy/control/frames.ts';
import { createLastGood } from '../../../proxy/control/last-good.ts';
import type { StateFiles } from '../../../proxy/identity/state-files.ts';
import { Store } from '../../../proxy/policy/store.ts';
import { editJson } from '../edit-json.ts';
import { cutsOf, type Target } from '../target.ts';
import { soundErrors, VALUES } from './configuration.ts';

const update = (seq: number, key: string, content?: object): object => ({
  type: 'update',
  seq,
  key,
  version: `v${seq}`,
  provenance: [{ kind: 'MeshPolicy', uid: 'u', generation: 1, name: 'shop/p' }],
  mustUnderstand: ['mtls'],
  ...(content === undefined ? {} : { content }),
});
const MESSAGES: readonly object[] = [
  { type: 'welcome', operator: 'heddle-operator-0' },
  {
    type: 'addresses',
    version: 'a1',
    ranges: ['10.96.0.0/16'],
    set: { '10.96.0.1': 'service/shop/payment' },
    remove: [],
  },
  update(1, 'workload', workload),
  update(2, 'service/shop/payment', service),
  {
    type: 'addresses',
    version: 'a2',
    base: 'a1',
    ranges: ['10.96.0.0/16'],
    set: { 'fd00::8': 'pod/fd00::8' },
    remove: ['10.96.0.1'],
  },
  update(3, 'pod/10.1.0.7', pod),
  update(1, 'workload'),
  { type: 'ping', id: 1 },
  { type: 'goaway', reason: 'leader moved', leader: 'operator-1:8443' },
];
const MESSAGES_TEXT = JSON.stringify(MESSAGES);
const OWN = { namespace: 'shop', serviceAccount: 'payment', trustDomain: 'cluster.local' };
/** Small, so that mutations reach it. */
const MOST_BYTES = 16_384;
const EDITED = 0;

/** After a first byte of 0 edits of a good stream, else raw bytes: read as the proxy reads its stream from the operator. */
const stream: Target = {
  name: 'configuration-stream',
  seeds: [
    Buffer.from([EDITED]),
    Buffer.from([EDITED, 0, 30, 0, 9, 0, 60, 2, 0]),
    Buffer.concat([Buffer.from([1]), encodeFrame(MESSAGES[0]!), encodeFrame(MESSAGES[1]!)]),
    Buffer.concat([
      Buffer.from([1]),
      encodeFrame(update(5, 'service/shop/gone', { kind: 'absent' })),
      encodeFrame(MESSAGES[7]!),
    ]),
  ],
  dictionary: [
    encodeFrame({ type: 'new' }),
    encodeFrame({}),
    encodeFrame([]),
    encodeFrame(MESSAGES[7]!),
    Buffer.from([0, 0, 0, 0]),
    Buffer.from([0, 0, 0x40, 1]),
    Buffer.from('{"type":"update","seq":1,"key":"pod/::1","version":"v","provenance":[],"mustUnderstand":[]}'),
  ],
  check(input) {
    const bytes = input[0] === EDITED ? edited(input.subarray(1)) : input.subarray(1);
    const [whole, ...others] = (input[0] === EDITED ? longCuts(bytes) : cutsOf(bytes)).map(messagesOf);
    for (const other of others) if (other !== whole) throw new Error(`cut in another way: ${other}\nwhole: ${whole}`);
    return take(bytes);
  },
};

/** Whole, and in pieces of 61 bytes: a good stream is long. */
function longCuts(all: Buffer): Buffer[][] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < all.length; at += 61) pieces.push(all.subarray(at, at + 61));
  return [[all], pieces];
}

function edited(edits: Buffer): Buffer {
  const messages = editJson(MESSAGES_TEXT, edits, VALUES);
  return Buffer.concat((Array.isArray(messages) ? messages : [messages]).map((one) => encodeFrame(one as object)));
}

/** The messages of a stream as text, with the error that ended it. */
function messagesOf(pieces: readonly Buffer[]): string {
  const texts: string[] = [];
  const reader = new FrameReader(MOST_BYTES);
  try {
    for (const piece of pieces) reader.push(piece, (message) => texts.push(JSON.stringify(message)));
  } catch (error) {
    texts.push(endOf(error));
  }
  return texts.join('\n');
}

function endOf(error: unknown): string {
  if (!(error instanceof HeddleError) || error.code !== 'stream') throw error;
  return error.message;
}

/** A bug of ours is said there at level error: it must not be. */
const log = createLog({
  level: 'error',
  write: (line) => {
    throw new Error(line);
  },
  wall: () => 0,
});

/** Takes all messages; then a proxy that starts anew from what was kept holds the same. */
function take(bytes: Buffer): string {
  const files = memoryFiles();
  const { applier, flush } = proxy(files);
  const answers: string[] = [];
  try {
    new FrameReader(MOST_BYTES).push(bytes, (message) => {
      const decoded = decodeOperatorMessage(message);
      if (!decoded.ok) throw new HeddleError('stream', soundErrors(decoded.errors));
      answers.push(decoded.value === undefined ? 'unknown' : apply(applier, decoded.value));
    });
  } catch (error) {
    answers.push(endOf(error).replace(/\d+/g, '#').slice(0, 60));
  }
  flush();
  sameAfterRestart(applier, files);
  return answers.slice(-4).join('|');
}

function apply(applier: Applier, message: OperatorEnvelope): string {
  const before = [...applier.inForce].join();
  if (message.type === 'addresses') return `addresses ${applier.setAddresses(message)}`;
  if (message.type !== 'update') return message.type;
  const answer = applier.update(message);
  if (answer.kind === 'ack') {
    if (applier.inForce.get(message.key)?.version !== message.version) throw new Error('acknowledged and not in force');
    return 'ack';
  }
  if ([...applier.inForce].join() !== before) throw new Error('refused, and something changed');
  return `nack ${soundErrors(answer.errors)}`;
}

function sameAfterRestart(applier: Applier, files: StateFiles): void {
  const { applier: again } = proxy(files);
  for (const [key, { version }] of applier.inForce) {
    // A later version of the same content is not written again; the content is what counts.
    if (!again.restore(key)) throw new Error(`${key} (${version}) was in force and is not kept`);
  }
  if (applier.addresses === undefined) return;
  again.restoreAddresses();
  if (JSON.stringify(again.addresses) !== JSON.stringify(applier.addresses))
    throw new Error('another address table was kept');
}

function proxy(files: StateFiles): { applier: Applier; flush(): void } {
  const clock = new FakeClock();
  const lastGood = createLastGood({ files, clock, log });
  const applier = createApplier({ store: new Store({ clock, random: () => 0.5 }), lastGood, log, own: OWN });
  return { applier, flush: () => lastGood.flush() };
}

function memoryFiles(): StateFiles {
  const held = new Map<string, string>();
  return {
    read: (name) => held.get(name),
    write: (name, content) => void held.set(name, content),
    remove: (name) => void held.delete(name),
    list: () => [...held.keys()],
  };
}

export const configurationStreamTargets: readonly Target[] = [stream];
