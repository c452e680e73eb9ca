import { type Attack, attack, HOST } from './case.ts';

/** Options that would take away what frames or routes the message; and hop-by-hop fields that must not hide a request. */
export function connectionFields(): Attack[] {
  const all: Attack[] = [];
  for (const value of [
    'host',
    'Host',
    'content-length',
    'Content-Length',
    'keep-alive, content-length',
    'close, host',
    'expect',
    'x, host',
    'host,',
    'content-length;',
    'a b',
    '"host"',
    'host\0',
  ]) {
    for (const method of ['POST', 'GET']) {
      all.push(
        attack(
          `Connection: ${JSON.stringify(value)} ${method}`,
          `${method} /ID HTTP/1.1\r\n${HOST}Connection: ${value}\r\nContent-Length: 5\r\n\r\nabcde`,
          'refused',
        ),
      );
    }
  }
  for (const value of [
    'transfer-encoding',
    'Transfer-Encoding',
    'x-a, transfer-encoding',
    'keep-alive',
    'te',
    'x-a',
    'upgrade',
    ',',
    'a,,b',
  ]) {
    all.push(
      attack(
        `Connection: ${value} with chunks`,
        `POST /ID HTTP/1.1\r\n${HOST}Connection: ${value}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n`,
        'through',
        5,
      ),
    );
    all.push(
      attack(
        `Connection: ${value} with a length`,
        `POST /ID HTTP/1.1\r\n${HOST}Content-Length: 5\r\nConnection: ${value}\r\n\r\nabcde`,
        'through',
        5,
      ),
    );
  }
  for (const close of ['close', 'Close', 'CLOSE', 'close, x', 'x, close', 'keep-alive, close']) {
    all.push(attack(`Connection: ${close}`, `GET /ID HTTP/1.1\r\n${HOST}Connection: ${close}\r\n\r\n`, 'last', 0));
  }
  for (const upgrade of ['h2c', 'h2c, websocket', 'HTTP/2.0', 'TLS/1.0']) {
    const fields = `Connection: Upgrade, HTTP2-Settings\r\nUpgrade: ${upgrade}\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n`;
    all.push(
      attack(
        `Upgrade: ${upgrade} with a body`,
        `POST /ID HTTP/1.1\r\n${HOST}${fields}Content-Length: 5\r\n\r\nabcde`,
        'through',
        5,
      ),
    );
  }
  all.push(
    attack(
      'Upgrade: h2c',
      `GET /ID HTTP/1.1\r\n${HOST}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n`,
      'through',
      0,
    ),
  );
  return all;
}
