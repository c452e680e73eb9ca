import { afterEach, describe, expect, test } from '@jest/globals';
import { type Clock, systemClock, type Timer } from '../../proxy/base/clock.ts';
import { silentLog } from '../../proxy/base/log.ts';
import { FakeClock } from '../../proxy/base/testing/fake-clock.ts';
import { until } from '../../proxy/base/testing/wait.ts';
import { createKubeClient, type KubeClient } from './client.ts';
import { plainConnection } from './connection.ts';
import { createInformer, type Informer, type InformerOptions } from './informer.ts';
import { type KubeObject, RESOURCES } from './resource.ts';
import {
  bookmark,
  failure,
  line,
  list,
  pod,
  type ScriptedApiServer,
  type Step,
  startScriptedApiServer,
  watchDropped,
  watchEnding,
  watchOpen,
} from './testing/scripted-api-server.ts';

interface Scene {
  readonly server: ScriptedApiServer;
  readonly informer: Informer<string>;
  readonly changes: string[];
}

const open: { server: ScriptedApiServer; client: KubeClient; informer: Informer<string> }[] = [];

afterEach(async () => {
  for (const scene of open.splice(0)) {
    await scene.informer.stop();
    scene.client.close();
    await scene.server.close();
  }
});

/** Starts an informer that keeps each pod as `name@version` and writes every change down. */
async function watching(
  steps: readonly Step[],
  more: Partial<InformerOptions<string>> & { clock?: Clock } = {},
  limits: { readonly maxBodyBytes?: number } = {},
): Promise<Scene> {
  const server = await startScriptedApiServer(steps);
  const client = createKubeClient(plainConnection(server.url), limits);
  const changes: string[] = [];
  const informer = createInformer<string>({
    client,
    resource: RESOURCES.pods,
    strip: (raw: KubeObject) => `${raw.metadata.name}@${raw.metadata.resourceVersion}`,
    onChange: (change) => changes.push(change.object ?? `-${change.key}`),
    clock: systemClock,
    random: () => 0.5,
    log: silentLog,
    backoff: { base: 2, max: 10 },
    ...more,
  });
  open.push({ server, client, informer });
  informer.start();
  return { server, informer, changes };
}

/** Every timer fires within some milliseconds, and the time is then as if it had been waited for. Remembers the pauses. */
class HurriedClock implements Clock {
  readonly pauses: number[] = [];
  #now = 0;
  now = () => this.#now;
  wall = () => this.#now;

  after(ms: number, run: () => void): Timer {
    const isPause = ms < 90_000;
    if (isPause) this.pauses.push(ms);
    // Silence takes a moment, pauses none.
    return systemClock.after(isPause ? 0 : 20, () => {
      this.#now += ms;
      run();
    });
  }
}

describe('informer', () => {
  test('lists in pages, then watches from where the list stood', async () => {
    const { server, informer, changes } = await watching([
      list('90', [pod('a', '1')], 'next page'),
      list('100', [pod('b', '2')]),
      watchOpen(line('ADDED', pod('c', '101')), line('MODIFIED', pod('a', '102')), line('DELETED', pod('b', '103'))),
    ]);
    await informer.synced;
    await until('4 changes and a deletion', () => changes.length === 5);
    expect(changes).toEqual(['a@1', 'b@2', 'c@101', 'a@102', '-shop/b']);
    expect(server.calls[0]?.query.get('limit')).toBe('500');
    expect(server.calls[1]?.query.get('continue')).toBe('next page');
    expect(server.calls[2]?.query.get('resourceVersion')).toBe('100');
    expect(server.calls[2]?.query.get('allowWatchBookmarks')).toBe('true');
    expect([...informer.values()].sort()).toEqual(['a@102', 'c@101']);
    expect(informer.alive()).toBe(true);
  });

  test('a dropped connection is resumed from the last bookmark; half a line is nobody’s', async () => {
    const half = line('ADDED', pod('x', '150')).slice(0, 30);
    const { server, changes } = await watching([
      list('100', [pod('a', '1')]),
      watchDropped(bookmark('140'), half),
      watchOpen(line('ADDED', pod('x', '150'))),
    ]);
    await until('x after the drop', () => changes.includes('x@150'));
    expect(server.calls[2]?.query.get('resourceVersion')).toBe('140');
    expect(changes).toEqual(['a@1', 'x@150']);
  });

  test.each<[string, Step]>([
    ['as an event', watchEnding(line('ERROR', { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' }))],
    ['as a status', failure(410, 'Expired')],
  ])('410 %s lists again and tells what went meanwhile', async (_, gone) => {
    const { server, changes } = await watching([
      list('100', [pod('a', '1'), pod('b', '2')]),
      gone,
      list('200', [pod('b', '2'), pod('c', '190')]),
      watchOpen(),
    ]);
    await until('the second watch', () => server.calls.length === 4);
    expect(changes).toEqual(['a@1', 'b@2', 'c@190', '-shop/a']);
    expect(server.calls[3]?.query.get('resourceVersion')).toBe('200');
  });

  test('410 in the middle of paging starts the list over', async () => {
    const { informer, changes } = await watching([
      list('100', [pod('a', '1')], 'stale'),
      failure(410, 'Expired'),
      list('110', [pod('a', '1'), pod('b', '2')]),
      watchOpen(),
    ]);
    await informer.synced;
    expect(changes).toEqual(['a@1', 'b@2']);
  });

  test('500s are survived at list and at watch', async () => {
    const { informer, server, changes } = await watching([
      failure(500),
      failure(503),
      list('100', [pod('a', '1')]),
      failure(500),
      watchOpen(line('ADDED', pod('b', '101'))),
    ]);
    await until('b', () => changes.includes('b@101'));
    expect(server.calls[4]?.query.get('resourceVersion')).toBe('100');
    expect(informer.state.value.kind).toBe('watching');
  });

  test('a line that is no event ends that watch only', async () => {
    const { changes } = await watching([
      list('100', []),
      watchOpen('{"type":"ADDED","object":{"metadata":{}}}\n'),
      watchOpen('garbage\n'),
      watchOpen(line('ADDED', pod('a', '101'))),
    ]);
    await until('a', () => changes.includes('a@101'));
  });

  test('a missing kind is a state: what is held stays, and it is found when it comes', async () => {
    const clock = new FakeClock();
    const steps = [
      list('100', [pod('a', '1')]),
      failure(404, 'NotFound'),
      failure(404, 'NotFound'),
      list('300', []),
      watchOpen(),
    ];
    const { server, informer, changes } = await watching(steps, { clock });
    await until('absent', () => informer.state.value.kind === 'absent');
    expect(informer.get('shop/a')).toBe('a@1');
    expect(informer.alive()).toBe(true);
    await until('the kind again', async () => {
      await clock.advanceSettling(500);
      return server.calls.length === 5;
    });
    expect(changes).toEqual(['a@1', '-shop/a']);
  });

  test('asked to list anew it does so at once, whatever the watch says', async () => {
    const { server, informer, changes } = await watching([
      list('100', [pod('a', '1')]),
      watchOpen(bookmark('120')),
      list('200', [pod('b', '150')]),
      watchOpen(),
    ]);
    await until('the first watch', () => server.calls.length === 2 && informer.state.value.kind === 'watching');
    informer.relist();
    await until('the second watch', () => server.calls.length === 4);
    expect(changes).toEqual(['a@1', 'b@150', '-shop/a']);
    await until('quiet', () => informer.state.value.kind === 'watching');
  });

  test('synced also when the kind is missing from the first', async () => {
    const { informer } = await watching([failure(404, 'NotFound')]);
    await informer.synced;
    expect(informer.state.value.kind).toBe('absent');
  });

  test('a kind that must exist is waited for: whatever it would say is not known', async () => {
    const clock = new FakeClock();
    const { informer, changes } = await watching(
      [failure(404, 'NotFound'), failure(404, 'NotFound'), list('100', [pod('a', '1')]), watchOpen()],
      { clock, mustExist: true },
    );
    let synced = false;
    void informer.synced.then(() => {
      synced = true;
    });
    await until('absent', () => informer.state.value.kind === 'absent');
    await clock.advanceSettling(100);
    expect(synced).toBe(false);
    await until('the kind', async () => {
      await clock.advanceSettling(500);
      return synced;
    });
    expect(changes).toEqual(['a@1']);
  });

  test('silence beyond the bookmarks is taken for a dead connection', async () => {
    const clock = new FakeClock();
    const { server, informer } = await watching([list('100', []), watchOpen(bookmark('120'))], {
      clock,
      silenceMs: 90_000,
    });
    await until('the first watch', () => server.calls.length === 2 && informer.state.value.kind === 'watching');
    await clock.advanceSettling(89_000, 10_000);
    expect(server.calls).toHaveLength(2);
    await until('the second watch', async () => {
      await clock.advanceSettling(1_000, 500);
      return server.calls.length >= 3;
    });
    expect(server.calls[2]?.query.get('resourceVersion')).toBe('120');
  });

  test('a handler that throws and an object that cannot be read stop nothing', async () => {
    const seen: string[] = [];
    const { informer } = await watching(
      [
        list('100', [pod('bad', '1'), pod('unreadable', '2'), pod('good', '3')]),
        watchOpen(line('ADDED', pod('later', '101'))),
      ],
      {
        strip(raw) {
          if (raw.metadata.name === 'unreadable') throw new Error('unreadable');
          return raw.metadata.name;
        },
        onChange(change) {
          if (change.object === 'bad') throw new Error('handler');
          seen.push(change.key);
        },
      },
    );
    await until('later', () => seen.includes('shop/later'));
    expect(seen).toEqual(['shop/good', 'shop/later']);
    expect(informer.get('shop/unreadable')).toBeUndefined();
  });

  test('equal versions tell nothing, and a text cut anywhere reads the same', async () => {
    const text = line('MODIFIED', pod('a', '101', { note: 'grüße €' }));
    const bytes = Buffer.from(text);
    const { changes } = await watching([
      list('100', [pod('a', '1')]),
      (response) => {
        response.writeHead(200);
        const push = (at: number): void => {
          if (at >= bytes.length) return;
          response.write(bytes.subarray(at, at + 1), () => setImmediate(push, at + 1));
        };
        push(0);
      },
    ]);
    await until('the change', () => changes.includes('a@101'));
    expect(changes).toEqual(['a@1', 'a@101']);
  });

  test('a watch line beyond the bound is refused without holding it, and gone past by a list', async () => {
    const pieces = Array.from({ length: 17 }, () => 'x'.repeat(1024 * 1024));
    const { server, changes } = await watching([
      list('100', []),
      watchOpen(...pieces),
      list('200', [pod('large', '150')]),
      watchOpen(),
    ]);
    await until('the list', () => changes.includes('large@150'));
    expect(server.calls[2]?.query.get('watch')).toBeNull();
  });

  test('the largest object that the API server takes is taken: 1.5 MB of what JSON writes in six characters', async () => {
    const note = '\\u003c'.repeat(1_500_000);
    const text = line('ADDED', pod('large', '101', { note: 'NOTE' })).replace('NOTE', note);
    const { changes } = await watching([list('100', []), watchOpen(text, line('ADDED', pod('b', '102')))]);
    await until('what follows', () => changes.includes('b@102'));
    expect(changes).toEqual(['large@101', 'b@102']);
  });

  test('a page that is too large is asked for in smaller ones', async () => {
    const large = pod('large', '1', { note: 'x'.repeat(9_000) });
    const { server, changes } = await watching(
      [list('100', [large, large, large]), list('100', [large], 'more'), list('100', [pod('b', '2')]), watchOpen()],
      { pageSize: 3 },
      { maxBodyBytes: 20_000 },
    );
    await until('b', () => changes.includes('b@2'));
    expect(server.calls.slice(0, 3).map((call) => call.query.get('limit'))).toEqual(['3', '1', '1']);
  });

  test('a quiet kind, on which not even bookmarks come, is watched without growing gaps', async () => {
    const hurried = new HurriedClock();
    const { server, informer } = await watching([list('100', []), watchOpen()], {
      clock: hurried,
      backoff: { base: 100, max: 10_000 },
    });
    await until('twelve watches', () => server.calls.length >= 13);
    expect(new Set(hurried.pauses)).toEqual(new Set([75]));
    expect(informer.alive()).toBe(true);
  });

  test('an API server that asks for patience has it', async () => {
    const hurried = new HurriedClock();
    const busy: Step = (response) => {
      response.writeHead(429, { 'retry-after': '7' });
      response.end(JSON.stringify({ kind: 'Status', code: 429, reason: 'TooManyRequests' }));
    };
    const { informer } = await watching([busy, busy, list('100', []), watchOpen()], { clock: hurried });
    await informer.synced;
    expect(hurried.pauses).toEqual([7_000, 7_000]);
  });

  test('a watch that is refused after each list does not become a storm of lists', async () => {
    const hurried = new HurriedClock();
    const gone = failure(410, 'Expired');
    const steps = Array.from({ length: 8 }, () => [list('100', []), gone]).flat();
    const { server } = await watching([...steps, list('100', []), watchOpen()], {
      clock: hurried,
      backoff: { base: 100, max: 10_000 },
    });
    await until('the watch', () => server.calls.length === 18);
    expect(hurried.pauses.slice(0, 8)).toEqual([75, 150, 300, 600, 1_200, 2_400, 4_800, 7_500]);
  });

  test('all calls of one client share kept-alive connections', async () => {
    const { server } = await watching([
      list('1', [], 'two'),
      list('1', [], 'three'),
      list('1', []),
      watchEnding(),
      watchOpen(),
    ]);
    await until('5 calls', () => server.calls.length === 5);
    expect(new Set(server.calls.map((call) => call.connection)).size).toBe(1);
  });
});
