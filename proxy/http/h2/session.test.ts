import { describe, expect, test } from '@jest/globals';
import { settle } from '../../base/testing/fake-clock.ts';
import { ERROR, FLAG, FRAME, PREFACE } from './codes.ts';
import type { SessionLimits } from './session-options.ts';
import { block, decodeBlock, Ear, frame, GET, Harness, headers, settings, uint32 } from './testing/harness.ts';

const ping = (fill: number, ack = false): Buffer => frame(FRAME.ping, ack ? 1 : 0, 0, Buffer.alloc(8, fill));
const data = (id: number, payload: string | Uint8Array, end = false): Buffer =>
  frame(FRAME.data, end ? 1 : 0, id, payload);
const rst = (id: number, code: number = ERROR.cancel): Buffer => frame(FRAME.rstStream, 0, id, uint32(code));
const windowUpdate = (id: number, increment: number): Buffer => frame(FRAME.windowUpdate, 0, id, uint32(increment));

describe('beginning', () => {
  test('a client sends preface and SETTINGS without push; a server SETTINGS with its limits', () => {
    const client = new Harness('client').turn();
    const sent = client.transport.sent;
    expect(sent.subarray(0, PREFACE.length).equals(PREFACE)).toBe(true);
    expect(sent.subarray(PREFACE.length, PREFACE.length + 15).toString('hex')).toBe('00000c040000000000000200000000');
    const [first, second] = new Harness('server').sent();
    expect(first).toMatchObject({ type: FRAME.settings, flags: 0, id: 0 });
    expect(first?.payload.toString('hex')).toBe('000300001000000600010000');
    expect(second).toMatchObject({ type: FRAME.windowUpdate, id: 0 });
  });

  test('everything of one turn leaves in one write', () => {
    const harness = Harness.ready('client');
    for (let index = 0; index < 50; index++) harness.open();
    let writes = 0;
    const write = harness.transport.write.bind(harness.transport);
    harness.transport.write = (chunk) => {
      writes++;
      return write(chunk);
    };
    expect(harness.sent().length).toBe(50);
    expect(writes).toBe(1);
  });

  test('a preface that is none is refused', () => {
    const harness = new Harness('server').deliver(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    expect(harness.goaway()?.[1]).toBe(ERROR.protocol);
    expect(harness.transport.ended).toBe(true);
  });

  test('a client lets a refusal come before SETTINGS', () => {
    const harness = new Harness('client').deliver(
      frame(FRAME.goaway, 0, 0, Buffer.concat([uint32(0), uint32(0xc), Buffer.from('unauthorized')])),
    );
    expect(harness.goaways).toEqual([{ lastStreamId: 0, code: 0xc, debug: 'unauthorized' }]);
  });
});

/** What a client may not do, and what it is told: a connection error by its code, or `[stream, code]` of a RST_STREAM. */
const CLIENT_FAULTS: [string, Buffer[], number | [number, number]][] = [
  ['3.4 a first frame other than SETTINGS', [ping(0)], ERROR.protocol],
  ['4.2 a frame above 16,384 bytes', [settings(), data(1, Buffer.alloc(16_385))], ERROR.frameSize],
  ['4.3 a block that cannot be decoded', [settings(), frame(FRAME.headers, 5, 1, 'ÿÿÿÿÿÿÿÿÿ')], ERROR.compression],
  ['5.1 DATA on an idle stream', [settings(), data(1, 'x')], ERROR.protocol],
  ['5.1 RST_STREAM on an idle stream', [settings(), rst(1)], ERROR.protocol],
  ['5.1 WINDOW_UPDATE on an idle stream', [settings(), windowUpdate(1, 1)], ERROR.protocol],
  ['5.1 DATA after END_STREAM', [settings(), headers(1, true), data(1, 'x')], [1, ERROR.streamClosed]],
  ['5.1 HEADERS after END_STREAM', [settings(), headers(1, true), headers(1, true)], [1, ERROR.streamClosed]],
  ['5.1 DATA after RST_STREAM', [settings(), headers(1, false), rst(1), data(1, 'x')], [1, ERROR.streamClosed]],
  ['5.1.1 an even stream', [settings(), headers(2, true)], ERROR.protocol],
  ['5.1.1 a stream below the highest', [settings(), headers(5, true), headers(3, true)], ERROR.protocol],
  ['6.1 DATA on stream 0', [settings(), data(0, 'x')], ERROR.protocol],
  [
    '6.1 padding longer than DATA',
    [settings(), headers(1, false), frame(FRAME.data, FLAG.padded, 1, '\x02x')],
    ERROR.protocol,
  ],
  [
    '6.1 padded DATA without a length',
    [settings(), headers(1, false), frame(FRAME.data, FLAG.padded, 1, '')],
    ERROR.protocol,
  ],
  ['6.2 HEADERS on stream 0', [settings(), headers(0, true)], ERROR.protocol],
  [
    '6.2 padding longer than HEADERS',
    [settings(), frame(FRAME.headers, FLAG.padded | 5, 1, '\x09\x82')],
    ERROR.protocol,
  ],
  [
    '6.2 HEADERS too short for its priority',
    [settings(), frame(FRAME.headers, FLAG.priority | 5, 1, '\x82')],
    ERROR.frameSize,
  ],
  ['6.3 PRIORITY on stream 0', [settings(), frame(FRAME.priority, 0, 0, '12345')], ERROR.protocol],
  ['6.3 PRIORITY of 4 bytes', [settings(), frame(FRAME.priority, 0, 1, '1234')], [1, ERROR.frameSize]],
  [
    'RFC 7540 5.3.1 a stream that depends on itself',
    [settings(), frame(FRAME.priority, 0, 3, '\0\0\0\x03\0')],
    [3, ERROR.protocol],
  ],
  ['6.4 RST_STREAM on stream 0', [settings(), rst(0)], ERROR.protocol],
  ['6.4 RST_STREAM of 3 bytes', [settings(), headers(1, true), frame(FRAME.rstStream, 0, 1, 'abc')], ERROR.frameSize],
  ['6.5 SETTINGS on a stream', [settings(), frame(FRAME.settings, 0, 1)], ERROR.protocol],
  ['6.5 SETTINGS of 5 bytes', [settings(), frame(FRAME.settings, 0, 0, '12345')], ERROR.frameSize],
  ['6.5 an acknowledgement with payload', [settings(), frame(FRAME.settings, 1, 0, '123456')], ERROR.frameSize],
  ['6.5.2 ENABLE_PUSH 2', [settings([2, 2])], ERROR.protocol],
  ['6.5.2 INITIAL_WINDOW_SIZE 2^31', [settings([4, 0x80000000])], ERROR.flowControl],
  ['6.5.2 MAX_FRAME_SIZE 16,383', [settings([5, 16_383])], ERROR.protocol],
  ['6.6 PUSH_PROMISE', [settings(), frame(FRAME.pushPromise, 4, 1, '\0\0\0\x02')], ERROR.protocol],
  ['6.7 PING on a stream', [settings(), frame(FRAME.ping, 0, 1, '12345678')], ERROR.protocol],
  ['6.7 PING of 6 bytes', [settings(), frame(FRAME.ping, 0, 0, '123456')], ERROR.frameSize],
  ['6.8 GOAWAY on a stream', [settings(), frame(FRAME.goaway, 0, 1, Buffer.alloc(8))], ERROR.protocol],
  ['6.8 GOAWAY of 7 bytes', [settings(), frame(FRAME.goaway, 0, 0, Buffer.alloc(7))], ERROR.frameSize],
  ['6.9 WINDOW_UPDATE of 3 bytes', [settings(), frame(FRAME.windowUpdate, 0, 0, 'abc')], ERROR.frameSize],
  ['6.9 WINDOW_UPDATE of 0 on the connection', [settings(), windowUpdate(0, 0)], ERROR.protocol],
  ['6.9 WINDOW_UPDATE of 0 on a stream', [settings(), headers(1, false), windowUpdate(1, 0)], [1, ERROR.protocol]],
  ['6.9.1 a connection window above 2^31-1', [settings(), windowUpdate(0, 0x7fffffff)], ERROR.flowControl],
  [
    '6.9.1 a stream window above 2^31-1',
    [settings(), headers(1, false), windowUpdate(1, 0x7fffffff)],
    [1, ERROR.flowControl],
  ],
  [
    '6.9.2 a window above 2^31-1 by SETTINGS',
    [settings(), headers(1, false), windowUpdate(1, 0x7fff0000), settings([4, 0x7fffffff])],
    ERROR.flowControl,
  ],
  [
    '6.9.1 more DATA than the stream window',
    [settings(), headers(1, false), ...Array.from({ length: 5 }, () => data(1, Buffer.alloc(16_384)))],
    [1, ERROR.flowControl],
  ],
  ['6.10 CONTINUATION alone', [settings(), frame(FRAME.continuation, 4, 1, '\x82')], ERROR.protocol],
  ['6.10 a frame inside a field block', [settings(), frame(FRAME.headers, 1, 1, '\x82'), ping(0)], ERROR.protocol],
  [
    '6.10 CONTINUATION of another stream',
    [settings(), frame(FRAME.headers, 1, 1, '\x82'), frame(FRAME.continuation, 4, 3, '\x86')],
    ERROR.protocol,
  ],
  ['8.1 trailers without END_STREAM', [settings(), headers(1, false), headers(1, false)], [1, ERROR.protocol]],
  ['8.2.1 an upper-case name', [settings(), headers(1, true, [...GET, 'Accept', 'x'])], [1, ERROR.protocol]],
  [
    '10.5.1 a header list above the limit',
    [settings(), ...split(1, block(...GET, 'x', 'y'.repeat(65_500)))],
    [1, ERROR.enhanceYourCalm],
  ],
];

/** HEADERS and CONTINUATION for a long block. */
function split(id: number, bytes: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += 16_384) {
    const last = at + 16_384 >= bytes.length ? 4 : 0;
    frames.push(
      frame(
        at === 0 ? FRAME.headers : FRAME.continuation,
        last | (at === 0 ? 1 : 0),
        id,
        bytes.subarray(at, at + 16_384),
      ),
    );
  }
  return frames;
}

function serverWith(pieces: readonly Uint8Array[], limits: Partial<SessionLimits> = {}): Harness {
  const harness = new Harness('server', limits);
  // The consumer of the flow-control case does not take anything.
  harness.onNew = (stream) => stream.pause();
  harness.deliver(...pieces);
  return harness;
}

describe('what a client may not do', () => {
  test.each(CLIENT_FAULTS)('RFC 9113 %s', (_name, pieces, expected) => {
    const harness = serverWith([PREFACE, ...pieces]);
    const sent = harness.sent();
    const told = sent.find((each) => each.type === (typeof expected === 'number' ? FRAME.goaway : FRAME.rstStream));
    if (typeof expected === 'number') {
      expect(told?.payload.readUInt32BE(4)).toBe(expected);
      expect(harness.transport.ended).toBe(true);
    } else {
      expect([told?.id, told?.payload.readUInt32BE(0)]).toEqual(expected);
      expect(harness.transport.ended).toBe(false);
    }
  });

  test.each(CLIENT_FAULTS)('the same cut at every byte: %s', (_name, pieces) => {
    const whole = Buffer.concat([PREFACE, ...pieces]);
    const expected = serverWith([whole]).turn().transport.sent;
    const step = Math.max(1, Math.floor(whole.length / 300));
    for (let cut = 1; cut < whole.length; cut += step) {
      const harness = serverWith([whole.subarray(0, cut), whole.subarray(cut)]).turn();
      expect(harness.transport.sent.equals(expected)).toBe(true);
    }
    const bytes = serverWith(Array.from({ length: whole.length }, (_, at) => whole.subarray(at, at + 1))).turn();
    expect(bytes.transport.sent.equals(expected)).toBe(true);
  });

  test('a server may not open streams or push to a client', () => {
    expect(Harness.ready('client').deliver(headers(2, true)).goaway()?.[1]).toBe(ERROR.protocol);
    expect(
      Harness.ready('client')
        .deliver(frame(FRAME.pushPromise, 4, 1, '\0\0\0\x02'))
        .goaway()?.[1],
    ).toBe(ERROR.protocol);
    expect(
      Harness.ready('client')
        .deliver(settings([2, 1]))
        .goaway()?.[1],
    ).toBe(ERROR.protocol);
  });
});

describe('what is ignored', () => {
  test('unknown frames and settings, flags without meaning, the reserved bit, PRIORITY', () => {
    const harness = Harness.ready('server', {}, [[0xf0f0, 7]]);
    harness.deliver(
      frame(0xf0, 0xff, 0, 'hello'),
      frame(FRAME.priority, 0, 9, '\0\0\0\x01\x05'),
      frame(FRAME.ping, 0xfe, 0x80000000, '12345678'),
    );
    expect(harness.unknown).toEqual([0xf0]);
    expect(harness.settings?.get(0xf0f0)).toBe(7);
    expect(harness.sent()).toMatchObject([{ type: FRAME.ping, flags: 1 }]);
  });

  test('frames on a stream that we reset', () => {
    const harness = Harness.ready('server').deliver(headers(1, false));
    harness.streams[0]!.reset(ERROR.cancel);
    harness.deliver(data(1, 'late'), windowUpdate(1, 5), headers(1, true, ['late', 'trailer']));
    expect(harness.sent().map((each) => each.type)).toEqual([FRAME.rstStream]);
    expect(harness.ears[0]!.events).toEqual(['headers']);
  });

  test('padding is taken off and counted', () => {
    const harness = Harness.ready('server').deliver(
      headers(1, false),
      frame(FRAME.data, FLAG.padded | 1, 1, '\x03abc\0\0\0'),
    );
    expect(harness.ears[0]!.bytes.toString()).toBe('abc');
    expect(harness.ears[0]!.events).toEqual(['headers', 'data', 'end']);
  });
});

describe('floods', () => {
  const repeat = (count: number, piece: (index: number) => Buffer): Buffer =>
    Buffer.concat(Array.from({ length: count }, (_, index) => piece(index)));
  const FLOODS: [string, Buffer, Partial<SessionLimits>][] = [
    [
      'rapid reset',
      repeat(20, (index) => Buffer.concat([headers(index * 2 + 1, false), rst(index * 2 + 1)])),
      { resets: { burst: 19, perSecond: 1 } },
    ],
    [
      'stream errors',
      repeat(20, (index) => headers(index * 2 + 1, true, ['Bad', 'x'])),
      { resets: { burst: 19, perSecond: 1 } },
    ],
    ['PING', repeat(20, () => ping(1)), { control: { burst: 19, perSecond: 1 } }],
    ['SETTINGS', repeat(20, () => settings()), { control: { burst: 19, perSecond: 1 } }],
    [
      'empty DATA',
      Buffer.concat([headers(1, false), repeat(20, () => data(1, ''))]),
      { idle: { burst: 19, perSecond: 1 } },
    ],
    [
      'PRIORITY',
      repeat(20, () => frame(FRAME.priority, 0, 1, '\0\0\0\x05\x05')),
      { idle: { burst: 19, perSecond: 1 } },
    ],
    // Ten come free, before anything was sent to them.
    ['WINDOW_UPDATE', repeat(30, () => windowUpdate(0, 1)), { idle: { burst: 19, perSecond: 1 } }],
    ['unknown frames', repeat(20, () => frame(0xee, 0, 0, 'x')), { idle: { burst: 19, perSecond: 1 } }],
    [
      'CONTINUATION by count',
      Buffer.concat([frame(FRAME.headers, 0, 1, '\x82'), repeat(32, () => frame(FRAME.continuation, 0, 1, ''))]),
      {},
    ],
    [
      'CONTINUATION by size',
      Buffer.concat([
        frame(FRAME.headers, 0, 1, '\x82'),
        repeat(5, () => frame(FRAME.continuation, 0, 1, Buffer.alloc(16_384))),
      ]),
      {},
    ],
  ];
  test.each(FLOODS)('%s is cut', (_name, bytes, limits) => {
    const harness = new Harness('server', limits).deliver(PREFACE, settings());
    harness.sent();
    harness.deliver(bytes);
    expect(harness.goaway()?.[1]).toBe(ERROR.enhanceYourCalm);
    expect(harness.transport.ended).toBe(true);
    expect(harness.session.active).toBe(0);
  });

  test('WINDOW_UPDATE that answers what we send is not counted', () => {
    const harness = Harness.ready('server', { idle: { burst: 1, perSecond: 1 } });
    for (let id = 1; id < 200; id += 2) {
      harness.deliver(headers(id, true));
      harness.streams.at(-1)?.sendHeaders([':status', '200'], false);
      for (let count = 0; count < 5; count++) harness.deliver(windowUpdate(id, 1_000), windowUpdate(0, 1_000));
    }
    expect(harness.goaway()).toBeUndefined();
  });

  test('one fewer is not, and the allowance comes back with time', () => {
    const harness = Harness.ready('server', { control: { burst: 5, perSecond: 10 } });
    harness.deliver(ping(1), ping(2), ping(3), ping(4));
    expect(harness.goaway()).toBeUndefined();
    harness.clock.advance(200);
    harness.deliver(ping(5), ping(6));
    expect(harness.goaway()).toBeUndefined();
    harness.deliver(ping(7), ping(8));
    expect(harness.goaway()?.[1]).toBe(ERROR.enhanceYourCalm);
  });

  test('more streams than allowed are refused, the others go on', () => {
    const harness = Harness.ready('server', { maxStreams: 2 }).deliver(
      headers(1, false),
      headers(3, false),
      headers(5, false),
    );
    expect(harness.sent()).toMatchObject([{ type: FRAME.rstStream, id: 5, payload: uint32(ERROR.refusedStream) }]);
    harness.deliver(data(1, 'x', true));
    expect(harness.ears[0]!.events).toEqual(['headers', 'data', 'end']);
    expect(harness.streams.length).toBe(2);
  });

  test('a peer that asks and does not read is cut', () => {
    const harness = Harness.ready('server', { maxPendingBytes: 100 });
    harness.transport.accepts = false;
    harness.onNew = (_stream, ear) => {
      ear.react = () => _stream.sendHeaders([':status', '200', 'x', 'y'.repeat(60)], true);
    };
    let id = 1;
    for (; id < 20 && !harness.transport.ended; id += 2) harness.deliver(headers(id, true)).turn();
    expect(harness.transport.ended).toBe(true);
    expect(id).toBeLessThan(9);
  });
});

describe('flow control', () => {
  test('we send what the windows allow, END_STREAM with the last piece', () => {
    const harness = Harness.ready('client', {}, [[4, 10]]);
    const { stream } = harness.open(GET, false);
    expect(stream.write(Buffer.from('0123456789abcdef'), 0, 16)).toBe(true);
    stream.end();
    expect(harness.sent().map((each) => each.payload.toString())).toMatchObject([expect.anything(), '0123456789']);
    harness.deliver(windowUpdate(1, 4));
    expect(harness.sent()).toMatchObject([{ type: FRAME.data, flags: 0, payload: Buffer.from('abcd') }]);
    harness.deliver(settings([4, 12]));
    const frames = harness.sent().filter((each) => each.type === FRAME.data);
    expect(Buffer.concat(frames.map((each) => each.payload)).toString()).toBe('ef');
    expect(frames.at(-1)?.flags).toBe(FLAG.endStream);
    expect(stream.state).toBe('half-closed (local)');
  });

  test('a window made negative by SETTINGS is waited for', () => {
    const harness = Harness.ready('client', {}, [[4, 10]]);
    const { stream } = harness.open(GET, false);
    stream.write(Buffer.from('0123456789'), 0, 10);
    harness.sent();
    harness.deliver(settings([4, 4]));
    stream.write(Buffer.from('x'), 0, 1);
    expect(harness.sent().filter((each) => each.type === FRAME.data)).toEqual([]);
    harness.deliver(windowUpdate(1, 6));
    expect(harness.sent()).toEqual([]);
    harness.deliver(windowUpdate(1, 1));
    expect(harness.sent()).toMatchObject([{ type: FRAME.data, payload: Buffer.from('x') }]);
  });

  test('the connection window holds all streams, and turns are fair', () => {
    const harness = Harness.ready('client', {}, [[4, 1_000_000]]);
    const streams = [harness.open(GET, false).stream, harness.open(GET, false).stream];
    for (const stream of streams) stream.write(Buffer.alloc(60_000), 0, 60_000);
    const first = harness.sent().filter((each) => each.type === FRAME.data);
    expect(first.reduce((sum, each) => sum + each.payload.length, 0)).toBe(65_535);
    harness.deliver(windowUpdate(0, 1_000_000));
    harness.open(GET, false).stream.write(Buffer.alloc(20_000), 0, 20_000);
    const second = harness.sent().filter((each) => each.type === FRAME.data);
    const ids = second.map((each) => each.id);
    // The newcomer does not wait for the end of the others.
    expect(ids.indexOf(5)).toBeLessThan(ids.lastIndexOf(3));
    expect(Math.max(...second.map((each) => each.payload.length))).toBeLessThanOrEqual(16_384);
    expect([...first, ...second].reduce((sum, each) => sum + each.payload.length, 0)).toBe(140_000);
  });

  test('write says when to stop, and onDrain when to go on', () => {
    const harness = Harness.ready('client', {}, [[4, 0]]);
    const { stream, ear } = harness.open(GET, false);
    expect(stream.write(Buffer.alloc(30_000), 0, 30_000)).toBe(true);
    expect(stream.write(Buffer.alloc(10_000), 0, 10_000)).toBe(false);
    harness.deliver(windowUpdate(1, 20_000)).turn();
    expect(ear.events).toEqual([]);
    harness.deliver(windowUpdate(1, 20_000)).turn();
    expect(ear.events).toEqual(['drain']);
  });

  test('a transport that is full stops DATA, not the small frames', () => {
    const harness = Harness.ready('client', {}, [[4, 1_000_000]]).deliver(windowUpdate(0, 1_000_000));
    const { stream } = harness.open(GET, false);
    harness.transport.accepts = false;
    stream.write(Buffer.alloc(200_000), 0, 200_000);
    const sent = harness.sent();
    expect(sent.length).toBeLessThan(8);
    harness.deliver(ping(1));
    expect(harness.sent().map((each) => each.type)).toEqual([FRAME.ping]);
    harness.transport.drain();
    expect(harness.sent().filter((each) => each.type === FRAME.data).length).toBeGreaterThan(6);
  });

  test('credit goes back as the consumer takes; a paused one keeps it, and what came is held', () => {
    const harness = Harness.ready('server', { connectionWindow: 65_535 }).deliver(headers(1, false));
    const stream = harness.streams[0]!;
    stream.pause();
    for (let index = 0; index < 3; index++) harness.deliver(data(1, Buffer.alloc(16_384, 97 + index)));
    expect(harness.sent().filter((each) => each.id === 1)).toEqual([]);
    expect(harness.ears[0]!.events).toEqual(['headers']);
    stream.resume();
    expect(harness.ears[0]!.bytes.length).toBe(49_152);
    const [update] = harness.sent().filter((each) => each.id === 1);
    expect(update).toMatchObject({ type: FRAME.windowUpdate });
    expect(update!.payload.readUInt32BE(0)).toBe(49_152 - 16_384);
  });

  test('a consumer that keeps pace gets a larger window; all borrow from one pool and give it back', () => {
    const harness = Harness.ready('server', { growthBytes: 100_000 });
    const grown: number[] = [];
    for (const id of [1, 3]) {
      harness.deliver(headers(id, false));
      let granted = 65_535;
      for (let index = 0; index < 40; index++) harness.deliver(data(id, Buffer.alloc(16_384)));
      for (const each of harness.sent())
        if (each.id === id && each.type === FRAME.windowUpdate) granted += each.payload.readUInt32BE(0);
      grown.push(granted - 40 * 16_384);
    }
    expect(grown[0]).toBeGreaterThan(70_000);
    expect(grown[1]).toBeLessThanOrEqual(65_535);
    expect(harness.session.growth.free).toBe(100_000 - 65_535);
    harness.deliver(rst(1));
    expect(harness.session.growth.free).toBe(100_000);
  });

  test('paused streams do not stop the connection until they hold the bound; then only their bytes count', () => {
    const limits = { connectionWindow: 131_072, maxHeldBytes: 40_000 };
    const harness = Harness.ready('server', limits);
    harness.onNew = (stream) => stream.pause();
    harness.deliver(headers(1, false), data(1, Buffer.alloc(16_384)), data(1, Buffer.alloc(16_384)));
    harness.deliver(
      headers(3, false),
      data(3, Buffer.alloc(16_384)),
      data(3, Buffer.alloc(16_384)),
      data(3, Buffer.alloc(16_384)),
    );
    const before = harness.sent().filter((each) => each.type === FRAME.windowUpdate);
    expect(before).toEqual([]);
    harness.streams[1]!.reset(ERROR.cancel);
    const after = harness.sent().filter((each) => each.type === FRAME.windowUpdate);
    expect(after).toMatchObject([{ id: 0 }]);
    expect(after[0]!.payload.readUInt32BE(0)).toBe(5 * 16_384);
  });
});

describe('ending', () => {
  test('Content-Length and DATA must agree', () => {
    const long = Harness.ready('server');
    long.onNew = (stream) => stream.expect(3);
    expect(long.deliver(headers(1, false), data(1, 'abcd')).sent()).toMatchObject([{ type: FRAME.rstStream, id: 1 }]);
    const short = Harness.ready('server');
    short.onNew = (stream) => stream.expect(3);
    expect(short.deliver(headers(1, false), data(1, 'ab', true)).sent()).toMatchObject([
      { type: FRAME.rstStream, id: 1 },
    ]);
    expect(short.ears[0]!.events).toEqual(['headers', 'data', 'reset']);
  });

  test('END_STREAM rides on the last DATA of the turn', () => {
    const harness = Harness.ready('client');
    const { stream } = harness.open(GET, false);
    stream.write(Buffer.from('abc'), 0, 3);
    stream.end();
    expect(harness.sent()).toMatchObject([
      { type: FRAME.headers },
      { type: FRAME.data, flags: FLAG.endStream, payload: Buffer.from('abc') },
    ]);
  });

  test('an answer given within the request does not reset it', () => {
    const harness = Harness.ready('server');
    harness.onNew = (stream, ear) => {
      stream.stopAfterEnd = true;
      ear.react = () => stream.sendHeaders([':status', '204'], true);
    };
    harness.deliver(headers(1, true));
    expect(harness.sent().map((each) => each.type)).toEqual([FRAME.headers]);
    expect(harness.ears[0]!.events).toEqual(['headers+end', 'end']);
    expect(harness.session.active).toBe(0);
    expect(harness.idles).toBe(1);
  });

  test('an answer before the end of the request stops it with NO_ERROR (8.1)', () => {
    const harness = Harness.ready('server').deliver(headers(1, false));
    harness.streams[0]!.stopAfterEnd = true;
    harness.streams[0]!.sendHeaders([':status', '413'], true);
    expect(harness.sent()).toMatchObject([
      { type: FRAME.headers, flags: 5 },
      { type: FRAME.rstStream, payload: uint32(0) },
    ]);
  });

  test('trailers follow queued data', () => {
    const harness = Harness.ready('client', {}, [[4, 2]]);
    const { stream } = harness.open(GET, false);
    stream.write(Buffer.from('abc'), 0, 3);
    stream.end(['x-sum', '1']);
    expect(harness.sent().at(-1)).toMatchObject({ type: FRAME.data, flags: 0 });
    harness.deliver(windowUpdate(1, 9));
    const [last, trailers] = harness.sent();
    expect(last?.payload.toString()).toBe('c');
    expect(trailers).toMatchObject({ type: FRAME.headers, flags: 5 });
    expect(decodeBlock(trailers!.payload)).toEqual(['x-sum', '1']);
  });

  test('a long block goes out in CONTINUATION and comes in from it', () => {
    const list = [...GET, 'x-long', 'y'.repeat(40_000)];
    const harness = Harness.ready('client');
    harness.open(list, true);
    const frames = harness.sent();
    expect(frames.map((each) => [each.type, each.flags])).toEqual([
      [1, 1],
      [9, 0],
      [9, 4],
    ]);
    const server = Harness.ready('server');
    for (const each of frames) server.deliver(frame(each.type, each.flags, each.id, each.payload));
    expect(server.ears[0]!.heads[0]).toEqual(list);
  });

  test('the end that came while paused is delivered in order on resume', () => {
    const harness = Harness.ready('server').deliver(headers(1, false));
    harness.streams[0]!.pause();
    harness.deliver(data(1, 'abc'), headers(1, true, ['x', 'y']));
    expect(harness.ears[0]!.events).toEqual(['headers']);
    harness.streams[0]!.resume();
    expect(harness.ears[0]!.events).toEqual(['headers', 'data', 'headers+end', 'end']);
  });

  test('GOAWAY: streams above the last one are unprocessed, the others finish, then it closes', () => {
    const harness = Harness.ready('client');
    const [first, second] = [harness.open(), harness.open()];
    harness.deliver(frame(FRAME.goaway, 0, 0, Buffer.concat([uint32(1), uint32(0)])));
    expect(second.ear.reset).toMatchObject({ by: 'connection', unprocessed: true });
    expect(first.ear.events).toEqual([]);
    expect([harness.session.state, harness.session.capacity]).toEqual(['draining', 0]);
    harness.deliver(headers(1, true, [':status', '200']));
    expect(first.ear.events).toEqual(['headers+end', 'end']);
    harness.turn();
    expect(harness.transport.ended).toBe(true);
  });

  test('a draining server serves what was sent before its GOAWAY was seen, then closes', async () => {
    const harness = Harness.ready('server').deliver(headers(1, true));
    harness.session.drain();
    const [goaway, probe] = harness.sent();
    expect(goaway?.payload.readUInt32BE(0)).toBe(0x7fffffff);
    harness.deliver(headers(3, true), frame(FRAME.ping, 1, 0, probe!.payload), headers(5, true));
    expect(harness.sent().map((each) => each.payload.readUInt32BE(0))).toEqual([3]);
    expect(harness.streams.map((stream) => stream.id)).toEqual([1, 3]);
    for (const stream of harness.streams) stream.sendHeaders([':status', '200'], true);
    harness.turn();
    expect(harness.transport.ended).toBe(true);
    harness.transport.deliverEnd();
    await settle();
    expect(harness.ends).toMatchObject([{ by: 'graceful' }]);
  });

  test('an idle server that drains waits for the answer to its PING', () => {
    const harness = Harness.ready('server');
    harness.session.drain();
    const probe = harness.sent()[1]!;
    expect(harness.transport.ended).toBe(false);
    harness.deliver(headers(1, true));
    expect(harness.streams.length).toBe(1);
    harness.streams[0]!.sendHeaders([':status', '200'], true);
    expect(harness.turn().transport.ended).toBe(false);
    harness.deliver(frame(FRAME.ping, 1, 0, probe.payload)).turn();
    expect(harness.transport.ended).toBe(true);
  });

  test('the connection breaks: every stream hears once, then the handler', async () => {
    const harness = Harness.ready('client');
    const [one, two] = [harness.open(), harness.open()];
    harness.transport.deliverClose(new Error('ECONNRESET'));
    await settle();
    for (const { ear } of [one, two])
      expect(ear.reset).toMatchObject({
        by: 'connection',
        unprocessed: false,
        detail: expect.stringContaining('ECONNRESET'),
      });
    expect(harness.ends.length).toBe(1);
    expect(harness.clock.pending).toBe(0);
  });

  test('a peer that lingers after our error is closed after a second', () => {
    const harness = Harness.ready('server').deliver(data(0, 'x'));
    expect(harness.transport.destroyed).toBe(false);
    harness.clock.advance(1_000);
    expect(harness.transport.destroyed).toBe(true);
  });
});

describe('keepalive', () => {
  test('a silent peer is asked after 10 s and dead after 3 more', async () => {
    const harness = new Harness('client', {}, true).deliver(settings());
    const { ear } = harness.open();
    harness.sent();
    harness.clock.advance(10_000);
    expect(harness.sent()).toEqual([]);
    harness.clock.advance(10_000);
    const [probe] = harness.sent();
    expect(probe).toMatchObject({ type: FRAME.ping, flags: 0 });
    harness.deliver(frame(FRAME.ping, 1, 0, probe!.payload));
    harness.clock.advance(10_000 + 10_000 + 2_999);
    expect(harness.transport.destroyed).toBe(false);
    harness.clock.advance(1);
    await settle();
    expect(harness.transport.destroyed).toBe(true);
    expect(ear.reset).toMatchObject({ by: 'connection', detail: expect.stringContaining('PING') });
    expect(harness.ends).toMatchObject([{ by: 'timeout' }]);
    expect(harness.clock.pending).toBe(0);
  });
});

test('what arrives while held data is delivered comes after it', () => {
  const harness = Harness.ready('server').deliver(headers(1, false));
  const stream = harness.streams[0]!;
  const ear = harness.ears[0]!;
  const take = ear.onData.bind(ear);
  let more = true;
  ear.onData = (buffer, start, end) => {
    if (more) harness.deliver(data(1, 'c'));
    more = false;
    take(buffer, start, end);
  };
  stream.pause();
  harness.deliver(data(1, 'a'), data(1, 'b'));
  stream.resume();
  expect(ear.bytes.toString()).toBe('abc');
});

test('reset while held data is delivered ends the delivery', () => {
  const harness = Harness.ready('server').deliver(headers(1, false));
  const stream = harness.streams[0]!;
  const ear = new Ear();
  ear.onData = () => {
    ear.events.push('data');
    stream.reset(ERROR.cancel);
  };
  stream.receiver = ear;
  stream.pause();
  harness.deliver(data(1, 'a'), data(1, 'b', true));
  stream.resume();
  expect(ear.events).toEqual(['data']);
});
