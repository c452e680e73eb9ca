import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { PREFACE } from './codes.ts';
import { FrameReader } from './frames.ts';
import { HpackDecoder } from './hpack-decoder.ts';
import { block, frame, GET, Harness, headers, settings } from './testing/harness.ts';

/** Runs a property; `HEDDLE_FUZZ_RUNS=200000` for a long one. */
const RUNS = Number(process.env['HEDDLE_FUZZ_RUNS'] ?? 1_500);

describe('HPACK', () => {
  const field = fc
    .tuple(
      fc.constantFrom(0x00, 0x0f, 0x10, 0x20, 0x3f, 0x40, 0x41, 0x7f, 0x82, 0xbe, 0xff),
      fc.uint8Array({ maxLength: 12 }),
    )
    .map(([first, rest]) => Buffer.from([first, ...rest]));
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((each) => Buffer.from(each)),
    fc.array(field, { maxLength: 20 }).map((all) => Buffer.concat(all)),
  );

  test('any blocks: an outcome, within the bounds, and without touching what is outside', () => {
    fc.assert(
      fc.property(fc.array(bytes, { maxLength: 4 }), (blocks) => {
        const decoder = new HpackDecoder({ tableBytes: 200, maxListBytes: 1_000 });
        for (const each of blocks) {
          const padded = Buffer.concat([Buffer.from('before'), each, Buffer.from('after')]);
          const list: string[] = [];
          const outcome = decoder.decode(padded, 6, 6 + each.length, list);
          expect(decoder.tableBytes).toBeLessThanOrEqual(200);
          expect(list.reduce((sum, text) => sum + text.length + 16, 0)).toBeLessThanOrEqual(1_000);
          if (outcome === 'ok') expect(list.join('')).not.toMatch(/[\r\n\0]/);
          if (outcome === 'broken') break;
        }
      }),
      { numRuns: RUNS },
    );
  });
});

describe('frames', () => {
  test('any cuts give the same frames', () => {
    const piece = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(0x7fffffff), fc.uint8Array({ maxLength: 40 }));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), fc.array(fc.nat(300), { maxLength: 8 }), (pieces, cuts) => {
        const bytes = Buffer.concat(pieces.map(([type, flags, id, payload]) => frame(type, flags, id, payload)));
        const seen: string[] = [];
        const reader = new FrameReader({
          onFrame: (type, flags, id, buffer, start, end) => {
            seen.push([type, flags, id, buffer.toString('hex', start, end)].join());
            return true;
          },
          onOversize: () => seen.push('oversize'),
        });
        let at = 0;
        for (const cut of [...cuts, bytes.length].sort((a, b) => a - b)) {
          const end = Math.min(cut, bytes.length);
          const copy = Buffer.from(bytes.subarray(at, end));
          reader.push(copy, 0, copy.length);
          copy.fill(0xee);
          at = end;
        }
        expect(seen).toEqual(
          pieces.map(([type, flags, id, payload]) => [type, flags, id, Buffer.from(payload).toString('hex')].join()),
        );
        expect(reader.held).toBe(0);
      }),
      { numRuns: RUNS },
    );
  });
});

describe('sessions', () => {
  const id = fc.constantFrom(0, 1, 2, 3, 5, 7, 0x7fffffff);
  const payload = fc.oneof(
    fc.uint8Array({ maxLength: 30 }).map((each) => Buffer.from(each)),
    fc.constantFrom(
      block(...GET),
      block(':status', '200'),
      Buffer.alloc(4, 1),
      Buffer.alloc(8),
      Buffer.from('\0\x04\0\0\0\0', 'latin1'),
      Buffer.alloc(0),
    ),
  );
  const anyFrame = fc.oneof(
    fc
      .tuple(fc.integer({ min: 0, max: 10 }), fc.constantFrom(0, 1, 4, 5, 8, 0x20, 0x2d, 0xff), id, payload)
      .map(([type, flags, stream, body]) => frame(type, flags, stream, body)),
    fc.tuple(id, fc.boolean()).map(([stream, end]) => headers(stream, end)),
    fc.constant(settings([4, 100])),
  );

  test.each(['server', 'client'] as const)(
    'as %s: any frames, any cuts: no throw, the same answer, everything given back',
    (role) => {
      fc.assert(
        fc.property(fc.array(anyFrame, { maxLength: 25 }), fc.nat(400), fc.boolean(), (frames, cut, reads) => {
          const bytes = Buffer.concat([...(role === 'server' ? [PREFACE] : []), settings(), ...frames]);
          const whole = play(role, [bytes], reads);
          const cuts = play(role, [bytes.subarray(0, cut), bytes.subarray(cut)], reads);
          expect(cuts.transport.sent.equals(whole.transport.sent)).toBe(true);
          whole.transport.deliverClose();
          expect(whole.ends.length).toBe(1);
          expect(whole.session.active).toBe(0);
          expect(whole.clock.pending).toBe(0);
          expect(whole.session.growth.free).toBe(whole.session.options.limits.growthBytes);
          for (const ear of whole.ears) {
            expect(ear.events.filter((event) => event === 'reset' || event === 'end').length).toBeLessThanOrEqual(2);
            if (ear.events.includes('reset')) expect(ear.events.at(-1)).toBe('reset');
          }
        }),
        { numRuns: RUNS },
      );
    },
  );

  function play(role: 'server' | 'client', pieces: readonly Buffer[], reads: boolean): Harness {
    const harness = new Harness(role);
    harness.onNew = (stream, ear) => {
      if (!reads) stream.pause();
      ear.react = () => {
        stream.sendHeaders([':status', '200'], false);
        stream.write(Buffer.alloc(200, 'x'), 0, 200);
        stream.end();
      };
    };
    if (role === 'client') {
      for (let count = 0; count < 3; count++) harness.open(GET, count === 0);
    }
    return harness.deliver(...pieces).turn();
  }
});
