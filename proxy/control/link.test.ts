import type { ServerHttp2Stream } from 'node:http2';
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { systemClock } from '../base/clock.ts';
import { describeError } from '../base/errors.ts';
import { until } from '../base/testing/wait.ts';
import type { OperatorEnvelope } from '../contract/decode.ts';
import { makeCredentials } from '../identity/issued.ts';
import {
  type FakeOperator,
  type FakeOperatorOptions,
  OPERATOR_IDENTITY,
  startFakeOperator,
} from '../identity/testing/fake-operator.ts';
import { createTestAuthority, type TestAuthority } from '../identity/testing/test-authority.ts';
import type { Credentials } from '../tls/credentials.ts';
import { encodeFrame, FrameReader } from './frames.ts';
import { createOpenLink, type Link } from './link.ts';

const IDENTITY = 'spiffe://cluster.local/ns/shop/sa/payment';
let authority: TestAuthority;
let credentials: Credentials;
const operators: FakeOperator[] = [];

beforeAll(async () => {
  authority = await createTestAuthority();
  const issued = await authority.issue([{ type: 'url', value: IDENTITY }]);
  credentials = makeCredentials({ ...issued, rootsPem: authority.rootPem, identity: IDENTITY });
});
afterEach(async () => {
  for (const operator of operators.splice(0)) await operator.close();
});

interface Opened {
  link: Link;
  server: ServerHttp2Stream;
  peer: string;
  got: OperatorEnvelope[];
  batches: () => number;
  closed: () => Error | 'clean' | undefined;
}

async function open(options: FakeOperatorOptions = {}): Promise<Opened> {
  let server: ServerHttp2Stream | undefined;
  let peer = '';
  const operator = await startFakeOperator({
    authority,
    onStream(stream, from) {
      server = stream;
      peer = from;
      stream.respond({ ':status': 200 });
    },
    ...options,
  });
  operators.push(operator);
  const got: OperatorEnvelope[] = [];
  let batches = 0;
  let closed: Error | 'clean' | undefined;
  const openLink = createOpenLink({ operatorIdentity: OPERATOR_IDENTITY, clock: systemClock, timeoutMs: 2_000 });
  const link = await openLink(operator.target, credentials, {
    onMessage: (message) => void got.push(message),
    onBatchEnd: () => void batches++,
    onClose: (error) => {
      closed = error ?? 'clean';
    },
  });
  if (options.onStream === undefined) await until('the stream arrived', () => server);
  return { link, server: server as ServerHttp2Stream, peer, got, batches: () => batches, closed: () => closed };
}

const ping = (id: number): object => ({ type: 'ping', id });

describe('frames', () => {
  test('every cut of the bytes gives the same messages', () => {
    const bytes = Buffer.concat([
      encodeFrame(ping(1)),
      encodeFrame({ type: 'x', text: 'ä'.repeat(50) }),
      encodeFrame(ping(2)),
    ]);
    const expected = [ping(1), { type: 'x', text: 'ä'.repeat(50) }, ping(2)];
    for (let cut = 0; cut <= bytes.length; cut++) {
      const got: unknown[] = [];
      const reader = new FrameReader();
      for (const piece of [bytes.subarray(0, cut), bytes.subarray(cut)])
        reader.push(piece, (message) => void got.push(message));
      expect(got).toEqual(expected);
    }
    const got: unknown[] = [];
    const reader = new FrameReader();
    for (const byte of bytes) reader.push(Buffer.from([byte]), (message) => void got.push(message));
    expect(got).toEqual(expected);
  });

  test('too large and not JSON', () => {
    expect(() => new FrameReader(10).push(Buffer.from([0, 0, 0, 11]), () => {})).toThrow('larger than 10');
    expect(() => new FrameReader().push(Buffer.from([0, 0, 0, 1, 0x7b]), () => {})).toThrow('not JSON');
  });
});

describe('link over real TLS', () => {
  test('both directions, with the proxy known by its certificate', async () => {
    const { link, server, peer, got } = await open();
    expect(peer).toBe(`URI:${IDENTITY}`);
    const fromProxy: unknown[] = [];
    const reader = new FrameReader();
    server.on('data', (chunk: Buffer) => reader.push(chunk, (message) => void fromProxy.push(message)));
    link.send({ type: 'ack', seq: 7 });
    server.write(Buffer.concat([encodeFrame(ping(1)), encodeFrame({ type: 'unheard-of' }), encodeFrame(ping(2))]));
    await until('messages', () => got.length === 2 && fromProxy.length === 1);
    expect(got).toEqual([ping(1), ping(2)]);
    expect(fromProxy).toEqual([{ type: 'ack', seq: 7 }]);
    link.close();
  });

  test('a message of 12 MiB comes through', async () => {
    const { server, got, link } = await open();
    const set = Object.fromEntries(
      Array.from({ length: 200_000 }, (_, n) => [
        `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`,
        'service/some-namespace/some-service-name',
      ]),
    );
    const frame = encodeFrame({ type: 'addresses', version: 'v', ranges: [], set, remove: [] });
    expect(frame.length).toBeGreaterThan(11_000_000);
    server.write(frame);
    await until('the table', () => got.length === 1, 15_000);
    link.close();
  });

  test('the operator ends, breaks off, or talks nonsense: closed exactly once', async () => {
    const ends = await open();
    ends.server.end();
    await until('closed', () => ends.closed());
    expect(ends.closed()).toBe('clean');
    const breaks = await open();
    breaks.server.session?.destroy();
    await until('closed', () => breaks.closed());
    const nonsense = await open();
    nonsense.server.write(Buffer.from([0xff, 0xff, 0xff, 0xff]));
    await until('closed', () => nonsense.closed());
    expect(describeError(nonsense.closed())).toContain('larger than');
    const wrong = await open();
    wrong.server.write(encodeFrame({ type: 'ping', id: 'x' }));
    await until('closed', () => wrong.closed());
    expect(describeError(wrong.closed())).toContain('id: must be a whole number');
  });

  test('a status other than 200 is an error that names it', async () => {
    const refused = await open({
      onStream: (stream) => {
        stream.respond({ ':status': 503 });
        stream.end();
      },
    });
    await until('closed', () => refused.closed());
    expect(describeError(refused.closed())).toContain('503');
  });

  test('an impostor with a certificate of the same root is refused', async () => {
    const names = [{ type: 'url', value: 'spiffe://cluster.local/ns/shop/sa/order' }] as const;
    await expect(open({ names })).rejects.toThrow('the operator cannot be reached');
  });
});
