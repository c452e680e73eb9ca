import { type Attack, attack, judged } from './case.ts';

const HOSTS: readonly (readonly [value: string, legal: boolean])[] = [
  ['shop.test', true],
  ['SHOP.test', true],
  ['shop.test:80', true],
  ['shop.test:', true],
  ['', true],
  ['127.0.0.1', true],
  ['[::1]', true],
  ['[::1]:80', true],
  ['shop_test', true],
  ['shop%20', true],
  ['shop.test:99999', false],
  ['shop.test:-1', false],
  ['shop.test:8x', false],
  ['shop.test:80:80', false],
  ['shop test', false],
  ['shop\ttest', false],
  ['shop,test', false],
  ['shop.test, other', false],
  ['shop/test', false],
  ['shop.test/ID', false],
  ['shop\\test', false],
  ['shop?test', false],
  ['shop#test', false],
  ['a@shop', false],
  ['http://shop', false],
  ['[::1', false],
  ['::1', false],
  ['[x]', false],
  ['"shop"', false],
  ['<shop>', false],
  ['shop{}', false],
  ['sh\xf6p', false],
  ['shop\0', false],
  ['shop\x0b', false],
];

export function hosts(): Attack[] {
  const all: Attack[] = [];
  for (const [value, legal] of HOSTS) {
    const text = JSON.stringify(value);
    for (const method of ['GET', 'POST']) {
      for (const version of ['1.1', '1.0']) {
        // HTTP/1.0 without keep-alive ends after its answer; Connection must be asked for.
        const keep = version === '1.0' ? 'Connection: keep-alive\r\n' : '';
        all.push(
          judged(
            `Host ${text} ${method} ${version}`,
            `${method} /ID HTTP/${version}\r\nHost: ${value}\r\n${keep}\r\n`,
            legal,
          ),
        );
        all.push(
          judged(
            `Host ${text} ${method} ${version} absolute`,
            `${method} http://shop.test/ID HTTP/${version}\r\n${keep}Host: ${value}\r\n\r\n`,
            legal,
          ),
        );
      }
    }
    for (const second of ['shop.test', 'other', '']) {
      all.push(
        attack(
          `Host ${text} and ${second}`,
          `GET /ID HTTP/1.1\r\nHost: ${value}\r\nHost: ${second}\r\n\r\n`,
          'refused',
        ),
      );
      all.push(
        attack(
          `Host ${text}, far behind ${second}`,
          `GET /ID HTTP/1.1\r\nHost: ${second}\r\nA: b\r\nhOST: ${value}\r\n\r\n`,
          'refused',
        ),
      );
    }
  }
  for (const version of ['1.1', '1.0']) {
    // RFC 9112, 3.2.2 and 3.2.3: the authority of the target stands above the Host field.
    const keep = 'Connection: keep-alive\r\n';
    for (const other of ['other', 'other:8080', '']) {
      const field = `Host: ${other}\r\n`;
      all.push(
        attack(
          `absolute, Host ${other} ${version}`,
          `GET http://shop.test:81/ID HTTP/${version}\r\n${field}${keep}\r\n`,
          'through',
          0,
        ),
      );
      all.push(
        attack(`CONNECT, Host ${other} ${version}`, `CONNECT ID.test:81 HTTP/${version}\r\n${field}\r\n`, 'last', 0),
      );
    }
  }
  all.push(
    attack(
      'absolute, 1.0 without Host',
      'GET http://shop.test:81/ID HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
      'through',
      0,
    ),
  );
  all.push(attack('CONNECT, 1.0 without Host', 'CONNECT ID.test:81 HTTP/1.0\r\n\r\n', 'last', 0));
  for (const line of [
    '',
    'X-Host: a\r\n',
    'Hos: a\r\n',
    'Host : a\r\n',
    ' Host: a\r\n',
    'Host\r\n',
    'Host:\r\n a\r\n',
    'H\0st: a\r\n',
    ':authority: a\r\n',
  ]) {
    all.push(attack(`no Host but ${JSON.stringify(line)}`, `GET /ID HTTP/1.1\r\n${line}\r\n`, 'refused'));
    all.push(
      attack(
        `no Host but ${JSON.stringify(line)}, absolute`,
        `GET http://shop.test/ID HTTP/1.1\r\n${line}\r\n`,
        'refused',
      ),
    );
  }
  return all;
}
