import { readFile } from 'node:fs/promises';
import { expect, test } from '@jest/globals';
import { generateAll } from './gen-crd-types.ts';

test('crds/gen is what the YAML says (else: npm run generate)', async () => {
  for (const [file, text] of Object.entries(await generateAll())) {
    expect(await readFile(new URL(`../crds/gen/${file}`, import.meta.url), 'utf8')).toBe(text);
  }
});
