import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { decodeAddressTable, decodeConfiguration } from '../../proxy/contract/decode.ts';
import { worldOf } from '../model/testing/world.ts';
import { compileAddresses, compileKey } from './compile.ts';

/**
 * Whole views: `testdata/<name>.yaml` holds Kubernetes objects and one document `kind: Views` with who looks at what; `<name>.json` what
 * the compiler says. After a wanted change: UPDATE_GOLDEN=1, then read the difference.
 */
const DIRECTORY = new URL('testdata/', import.meta.url);

interface Views {
  readonly kind: 'Views';
  readonly views: readonly { readonly key: string; readonly pod: string }[];
}

function compileFile(name: string): unknown {
  const documents: { kind: string }[] = parseAllDocuments(readFileSync(new URL(name, DIRECTORY), 'utf8')).map((one) =>
    one.toJS(),
  );
  const world = worldOf(...documents.filter((one) => one.kind !== 'Views'));
  const views = documents.find((one): one is Views => one.kind === 'Views')?.views ?? [];
  const { table } = compileAddresses(world);
  expect(decodeAddressTable(table)).toMatchObject({ ok: true });
  return {
    addresses: table,
    views: views.map(({ key, pod }) => {
      const viewer = world.pods.get(pod);
      if (viewer === undefined) throw new Error(`${name}: no pod ${pod}`);
      const compiled = compileKey(world, key, { namespace: viewer.namespace, podUid: viewer.uid });
      if (compiled === undefined) return { key, pod, unknown: true };
      // Proxies refuse what they cannot decode: every golden file is a case of that, too.
      expect(decodeConfiguration(key, compiled.content)).toMatchObject({ ok: true });
      const { content, provenance, mustUnderstand } = compiled;
      return { key, pod, content, provenance, mustUnderstand };
    }),
  };
}

describe('golden files', () => {
  test.each(readdirSync(DIRECTORY).filter((name) => name.endsWith('.yaml')))('%s', (name) => {
    const file = new URL(name.replace(/yaml$/, 'json'), DIRECTORY);
    const text = `${JSON.stringify(compileFile(name), undefined, 2)}\n`;
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(file, text);
    expect(existsSync(file)).toBe(true);
    expect(text).toBe(readFileSync(file, 'utf8'));
  });
});
