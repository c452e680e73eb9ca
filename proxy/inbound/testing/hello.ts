/** A ClientHello with the given ALPN names and nothing else of interest. */
export function hello(...alpn: string[]): Buffer {
  const names = Buffer.concat(alpn.map((name) => Buffer.concat([Buffer.from([name.length]), Buffer.from(name)])));
  const list = Buffer.concat([word(names.length), names]);
  const extension = Buffer.concat([word(16), word(list.length), list]);
  const extensions = alpn.length === 0 ? Buffer.alloc(0) : extension;
  const body = Buffer.concat([
    word(0x0303),
    Buffer.alloc(32),
    Buffer.from([0]),
    Buffer.from([0, 2, 0x13, 0x01, 1, 0]),
    word(extensions.length),
    extensions,
  ]);
  const message = Buffer.concat([Buffer.from([1, 0]), word(body.length), body]);
  return Buffer.concat([Buffer.from([22, 3, 1]), word(message.length), message]);
}
const word = (value: number): Buffer => Buffer.from([value >> 8, value & 0xff]);
