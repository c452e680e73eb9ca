import { expect, test } from '@jest/globals';
import { imagesOfNodes } from './current.ts';

const node = (name: string, images: readonly string[], spec = {}) => ({
  metadata: { name },
  spec,
  status: { images: images.map((image) => ({ names: [image] })) },
});

test('nodes that lack an image are named with it; nodes that take no pods are not asked', () => {
  const items = [node('a', ['x:1', 'y:1']), node('b', ['x:1']), node('c', [], { taints: [{ effect: 'NoSchedule' }] })];
  expect(imagesOfNodes({ items }, ['x:1', 'y:1'])).toEqual({ missing: ['b: y:1'], unknown: [] });
});

test('a node that names as many images as it may is not said to lack any', () => {
  const many = Array.from({ length: 50 }, (_, index) => `other:${index}`);
  expect(imagesOfNodes({ items: [node('a', many)] }, ['x:1'])).toEqual({ missing: [], unknown: ['a'] });
  expect(imagesOfNodes({ items: [node('a', ['x:1', ...many])] }, ['x:1'])).toEqual({ missing: [], unknown: [] });
});
