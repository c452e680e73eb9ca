import { describe, expect, test } from '@jest/globals';
import { type KubeClient, KubeError, type KubeObject } from '../kube/kube.ts';
import { createStatusClient, type Subject } from './status-client.ts';

const SUBJECT: Subject = { kind: 'MeshPolicy', namespace: 'shop', name: 'payment', uid: 'u1' };
const STATUS = { summary: '1/1' };

interface Applied {
  readonly object: KubeObject;
  readonly manager: string;
  readonly subresource: string | undefined;
}

function scripted(
  live: KubeObject | undefined,
  fail?: Error,
): { client: Pick<KubeClient, 'find' | 'apply'>; applied: Applied[] } {
  const applied: Applied[] = [];
  return {
    applied,
    client: {
      find: <T extends KubeObject>() => Promise.resolve(live as T | undefined),
      apply: <T extends KubeObject>(
        _resource: unknown,
        object: T,
        manager: string,
        options?: { subresource?: string },
      ) => {
        if (fail !== undefined) return Promise.reject(fail);
        applied.push({ object, manager, subresource: options?.subresource });
        return Promise.resolve(object);
      },
    },
  };
}

const LIVE: KubeObject = { metadata: { name: 'payment', namespace: 'shop', uid: 'u1', resourceVersion: '42' } };

describe('the status client', () => {
  test('applies the status subresource under the version it read', async () => {
    const { client, applied } = scripted(LIVE);
    expect(await createStatusClient(client).apply(SUBJECT, STATUS, () => true)).toBe('written');
    expect(applied).toEqual([
      {
        object: {
          apiVersion: 'heddle.dev/v1alpha1',
          kind: 'MeshPolicy',
          metadata: { namespace: 'shop', name: 'payment', resourceVersion: '42' },
          status: STATUS,
        },
        manager: 'heddle-status',
        subresource: 'status',
      },
    ]);
  });

  test.each<[string, KubeObject | undefined]>([
    ['no object', undefined],
    ['another object of that name', { metadata: { ...LIVE.metadata, uid: 'u2' } }],
  ])('%s: nothing is written, nothing is read', async (_name, live) => {
    const { client, applied } = scripted(live);
    expect(await createStatusClient(client).apply(SUBJECT, STATUS, () => true)).toBe('gone');
    expect(await createStatusClient(client).read(SUBJECT)).toBeUndefined();
    expect(applied).toEqual([]);
  });

  test('who stopped leading while the version was read writes nothing over the next leader', async () => {
    const { client, applied } = scripted(LIVE);
    let leads = true;
    const written = createStatusClient(client).apply(SUBJECT, STATUS, () => leads);
    leads = false;
    expect(await written).toBe('notLeader');
    expect(applied).toEqual([]);
  });

  test('somebody wrote in between: the caller tries again', async () => {
    const conflict = new KubeError('modified', { status: 409 });
    await expect(createStatusClient(scripted(LIVE, conflict).client).apply(SUBJECT, STATUS, () => true)).rejects.toBe(
      conflict,
    );
  });
});
