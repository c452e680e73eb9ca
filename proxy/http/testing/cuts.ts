/** Ways to cut bytes into the pieces that a network might deliver: whole, in two at every byte, and byte by byte. */
export function* cuts(bytes: Buffer): Generator<Buffer[]> {
  yield [bytes];
  for (let at = 1; at < bytes.length; at++) yield [bytes.subarray(0, at), bytes.subarray(at)];
  yield [...bytes].map((byte) => Buffer.from([byte]));
}

/** Latin1 text as bytes. */
export const raw = (text: string): Buffer => Buffer.from(text, 'latin1');
