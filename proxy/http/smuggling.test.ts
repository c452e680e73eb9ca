import { describe, expect, test } from '@jest/globals';
import { FakeClock, settle } from '../base/testing/fake-clock.ts';
import { ScriptedTransport } from '../base/testing/scripted-transport.ts';
import { endRound } from '../base/turn.ts';
import { createHttp1Client } from './http.ts';
import { DEFAULT_HTTP_LIMITS } from './limits.ts';
import { cuts, raw } from './testing/cuts.ts';
import { answer, serverHarness } from './testing/server-harness.ts';

/**
 * Attacks on the border between two requests. Each stands in front of a second request that the attacker wants to hide.
 * Whatever way the bytes are cut: either the connection ends with one refusal and the hidden request is never seen, or both sides see
 * exactly the same requests (`through`).
 */
const HIDDEN = 'GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n';
const H = 'Host: h\r\n';

async function play(pieces: readonly Buffer[]) {
  const harness = serverHarness({ onEnd: ({ exchange }) => answer(exchange, 'ok') });
  for (const piece of pieces) {
    harness.transport.deliver(piece);
    await Promise.resolve();
  }
  await Promise.resolve();
  return {
    seen: harness.heard.filter((one) => one.ended).map((one) => `${one.head.method} ${one.head.target} ${one.body}`),
    refused: harness.bad.map((bad) => `${bad.status} ${bad.reason}`),
    sent: harness.transport.text,
    ended: harness.transport.ended,
  };
}

describe('refused with one answer, and the connection ends', () => {
  test.each([
    [
      'CL.TE (RFC 9112, 6.3)',
      `POST / HTTP/1.1\r\n${H}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      400,
    ],
    ['TE.CL', `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n`, 400],
    [
      'TE.TE: a second coding',
      `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n`,
      400,
    ],
    ['TE: vertical tab', `POST / HTTP/1.1\r\n${H}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n`, 400],
    ['TE: white space before the colon', `POST / HTTP/1.1\r\n${H}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`, 400],
    ['TE: folded', `POST / HTTP/1.1\r\n${H}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n`, 400],
    ['TE hidden behind LF alone', `POST / HTTP/1.1\r\n${H}X: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
    ['TE hidden behind CR alone', `POST / HTTP/1.1\r\n${H}X: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
    ['TE behind NUL', `POST / HTTP/1.1\r\n${H}X: y\0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
    ['TE: xchunked', `POST / HTTP/1.1\r\n${H}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`, 501],
    ['TE: chunked not last', `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`, 400],
    ['TE in 1.0', `POST / HTTP/1.0\r\n${H}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
    ['CL.CL', `POST / HTTP/1.1\r\n${H}Content-Length: 0\r\nContent-Length: ${HIDDEN.length}\r\n\r\n`, 400],
    ['CL list', `POST / HTTP/1.1\r\n${H}Content-Length: 0, ${HIDDEN.length}\r\n\r\n`, 400],
    ['CL sign', `POST / HTTP/1.1\r\n${H}Content-Length: +${HIDDEN.length}\r\n\r\n`, 400],
    [
      'CL named in Connection',
      `POST / HTTP/1.1\r\n${H}Connection: content-length\r\nContent-Length: ${HIDDEN.length}\r\n\r\n`,
      400,
    ],
    ['LF alone ends the head', `GET / HTTP/1.1\n${H}\n`, 400],
    ['LF alone ends one line', `GET / HTTP/1.1\r\nHost: h\n\r\n`, 400],
    ['two Hosts (RFC 9112, 3.2)', `GET / HTTP/1.1\r\n${H}${H}\r\n`, 400],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['space in the target', `GET /a HTTP/1.1\r\n HTTP/1.1\r\n${H}\r\n`, 400],
    ['HTTP/0.9', 'GET /\r\n\r\n', 400],
    ['HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505],
    ['a version like none', `GET / HTTP/1.9\r\n${H}\r\n`, 505],
    ['chunk size: sign', `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n+0\r\n\r\n`, 400],
    ['chunk size: 0x', `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n`, 400],
    [
      'chunk size: overflow',
      `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n100000000000000000\r\n\r\n`,
      400,
    ],
    ['chunk size: white space', `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n0 \r\n\r\n`, 400],
    ['chunk: LF alone', `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n0\n\n`, 400],
    ['chunk: longer than said', `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n1\r\nab0\r\n\r\n`, 400],
    ['chunk extension with LF', `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n0;a\nb\r\n\r\n`, 400],
    [
      'trailer that frames',
      `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 9\r\n\r\n`,
      400,
    ],
    ['TLS to a plain port', '\x16\x03\x01\x02\x00\x01\x00', 400],
  ])('%s', async (_name, attack, status) => {
    for (const pieces of cuts(raw(attack + HIDDEN))) {
      const { seen, refused, sent, ended } = await play(pieces);
      expect(seen).toEqual([]);
      expect(refused.length).toBe(1);
      expect(sent).toMatch(new RegExp(`^HTTP/1.1 ${status} [A-Za-z ]+\r\nx-heddle-reason: [a-z_]+\r\n`));
      expect(sent.match(/HTTP\/1\.1 \d{3} /g)?.length).toBe(1);
      expect(sent).toContain('connection: close\r\n');
      expect(ended).toBe(true);
    }
  });
});

describe('seen alike by both sides: what we write upstream is read back as the same requests', () => {
  test.each([
    [
      'GET with a body',
      `GET /1 HTTP/1.1\r\n${H}Content-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`,
      [`GET /1 ${HIDDEN}`],
    ],
    [
      'chunked body that looks like a request',
      `POST /1 HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n${HIDDEN.length.toString(16)};x=y\r\n${HIDDEN}\r\n0\r\n\r\n`,
      [`POST /1 ${HIDDEN}`],
    ],
    ['pipelined', `GET /1 HTTP/1.1\r\n${H}\r\n${HIDDEN}`, ['GET /1 ', 'GET /hidden ']],
    [
      'h2c upgrade is ignored',
      `GET /1 HTTP/1.1\r\n${H}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n`,
      ['GET /1 '],
    ],
  ])('%s', async (_name, text, expected) => {
    for (const pieces of cuts(raw(text))) {
      const { seen, refused } = await play(pieces);
      expect([seen, refused]).toEqual([expected, []]);
    }
    expect((await play([raw(await forwarded(text))])).seen).toEqual(expected);
  });
});

/** What a client connection writes when it sends on all that a server connection received. */
async function forwarded(text: string): Promise<string> {
  const upstream = new ScriptedTransport();
  const client = createHttp1Client(upstream, { limits: DEFAULT_HTTP_LIMITS, clock: new FakeClock() });
  const server = serverHarness({
    onEnd: ({ exchange, head, body }) => {
      const out = client.request(head, {
        onInform() {},
        onResponse() {},
        onBody() {},
        onEnd: () => answer(exchange, 'ok'),
        onDrain() {},
        onFailure() {},
      });
      out.write(raw(body), 0, body.length);
      out.end();
      endRound();
      upstream.deliver('HTTP/1.1 204 No Content\r\n\r\n');
    },
  });
  server.transport.deliver(text);
  await settle();
  return upstream.text;
}
