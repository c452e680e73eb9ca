import { expect, test } from '@jest/globals';
import { FakeClock } from '../base/testing/fake-clock.ts';
import { ScriptedTransport } from '../base/testing/scripted-transport.ts';
import { PlaintextGuard } from './guard.ts';

function guarded() {
  const inner = new ScriptedTransport();
  const clock = new FakeClock();
  const heard: string[] = [];
  const taken: string[] = [];
  const guard = new PlaintextGuard(inner, {
    clock,
    protocol: 'auto',
    onMesh: () => taken.push('mesh'),
    onHttp: (version) => taken.push(version),
  });
  guard.receiver = {
    onData: (buffer, start, end) => heard.push(buffer.toString('latin1', start, end)),
    onEnd: () => {},
    onDrain: () => {},
    onClose: () => {},
  };
  inner.receiver = guard;
  return { inner, clock, guard, heard, taken };
}

test('a server that spoke first hears a word at once, also one that could begin a request', () => {
  const { inner, guard, heard, taken } = guarded();
  guard.write(Buffer.from('220 ready\r\n'));
  inner.deliver('HELO');
  expect(heard).toEqual(['HELO']);
  inner.deliver(' a\r\n');
  expect([heard, taken]).toEqual([['HELO', ' a\r\n'], []]);
});

test('before that such a word waits 5 s for what it becomes', () => {
  const { inner, clock, heard, taken } = guarded();
  inner.deliver('HELO');
  expect(heard).toEqual([]);
  clock.advance(5_000);
  expect([heard, taken]).toEqual([['HELO'], []]);
});

test('half a ClientHello is not let through, whoever spoke first', () => {
  const { inner, clock, guard, heard } = guarded();
  guard.write(Buffer.from('220 ready\r\n'));
  inner.deliver(Buffer.from([22, 3, 1, 2, 0, 1]));
  clock.advance(60_000);
  expect(heard).toEqual([]);
});
