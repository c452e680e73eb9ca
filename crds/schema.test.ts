import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import * as defaults from './defaults.ts';
import { formatDuration } from './durations.ts';

type Schema = { readonly [member: string]: unknown };

const FILES = ['meshpolicy.yaml', 'meshaccesspolicy.yaml', 'meshconfig.yaml'];
/** What kubectl's YAML 1.1 reader takes for a boolean, so that `on: [...]` would arrive as `"true": [...]`. */
const YAML_BOOLEANS = /^(y|yes|n|no|on|off|true|false)$/i;

function schemaOf(file: string): Schema {
  const definition = parse(readFileSync(new URL(file, import.meta.url), 'utf8'));
  return definition.spec.versions[0].schema.openAPIV3Schema;
}

/** Every schema node with the path where it stands. */
function* nodes(schema: Schema, path: string): Generator<{ path: string; schema: Schema }> {
  yield { path, schema };
  const properties = schema['properties'];
  if (isSchema(properties)) {
    for (const [name, child] of Object.entries(properties)) if (isSchema(child)) yield* nodes(child, `${path}.${name}`);
  }
  const { items, additionalProperties } = schema;
  if (isSchema(items)) yield* nodes(items, `${path}[]`);
  if (isSchema(additionalProperties)) yield* nodes(additionalProperties, `${path}.*`);
}

const isSchema = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

describe.each(FILES)('%s', (file) => {
  const all = [...nodes(schemaOf(file), '')].filter(
    ({ path }) => path.startsWith('.spec') || path.startsWith('.status'),
  );

  test('every field has a description', () => {
    const silent = all.filter(
      ({ path, schema }) => !/(\[\]|\.\*)$/.test(path) && typeof schema['description'] !== 'string',
    );
    expect(silent.map(({ path }) => path)).toEqual([]);
  });

  test('every list, text and map has a bound, and every list a list type', () => {
    const unbounded = all.filter(({ schema }) => {
      if (schema['type'] === 'array')
        return schema['maxItems'] === undefined || schema['x-kubernetes-list-type'] === undefined;
      if (schema['type'] === 'string') {
        return schema['maxLength'] === undefined && schema['enum'] === undefined && schema['format'] !== 'date-time';
      }
      return schema['additionalProperties'] !== undefined && schema['maxProperties'] === undefined;
    });
    expect(unbounded.map(({ path }) => path)).toEqual([]);
  });

  test('no name or value is a boolean to kubectl', () => {
    const names = all.map(({ path }) => path.replace(/.*\./, ''));
    const values = all.flatMap(({ path, schema }) =>
      path.includes('.status') || schema['type'] !== 'string' ? [] : list(schema['enum']),
    );
    expect([...names, ...values].filter((text) => YAML_BOOLEANS.test(text))).toEqual([]);
  });

  test('inside sections nothing has a default: absent means inherit', () => {
    const filled = all.filter(({ schema }) => schema['default'] !== undefined).map(({ path }) => path);
    expect(filled).toEqual(file === 'meshconfig.yaml' ? ['.spec.trustDomain'] : []);
  });
});

const list = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);

test.each([
  ['.spec.defaults.retries.attempts', `Built-in is ${defaults.DEFAULT_RETRIES.attempts}.`],
  ['.spec.defaults.retries.retryOn', 'Built-in is connect-failure, refused-stream and reset.'],
  ['.spec.defaults.retries.methods', 'Built-in is GET, HEAD, OPTIONS, PUT and DELETE.'],
  ['.spec.defaults.retries.backoff.base', `Built-in is ${formatDuration(defaults.DEFAULT_RETRIES.backoff.baseMs)}.`],
  ['.spec.defaults.retries.backoff.max', `Built-in is ${formatDuration(defaults.DEFAULT_RETRIES.backoff.maxMs)}.`],
  ['.spec.defaults.retries.budget.percent', `Built-in is ${defaults.DEFAULT_RETRIES.budget.percent}.`],
  ['.spec.defaults.retries.budget.minPerSecond', `Built-in is ${defaults.DEFAULT_RETRIES.budget.minPerSecond}.`],
  [
    '.spec.defaults.connectionPool.connectTimeout',
    `Built-in is ${defaults.DEFAULT_CONNECTION.connectTimeoutMs / 1000}s.`,
  ],
  ['.spec.defaults.connectionPool.idleTimeout', `Built-in is ${defaults.DEFAULT_CONNECTION.idleTimeoutMs / 1000}s.`],
  ['.spec.defaults.telemetry.tracing.samplingPercent', `Built-in is ${defaults.DEFAULT_SAMPLING_PERCENT}.`],
  ['.spec.injection.resources.cpuRequest', `Absent means ${defaults.SIDECAR_RESOURCES.cpuRequest}.`],
  ['.spec.injection.resources.memoryRequest', `Absent means ${defaults.SIDECAR_RESOURCES.memoryRequest}.`],
  ['.spec.injection.resources.memoryLimit', `Absent means ${defaults.SIDECAR_RESOURCES.memoryLimit}.`],
  ['.spec.trustDomain', `Absent means ${defaults.DEFAULT_TRUST_DOMAIN}.`],
  ['.spec.certificates.leafTTL', `Absent means ${formatDuration(defaults.LEAF_TTL.defaultMs)}.`],
])('the text of %s names the default in defaults.ts', (path, sentence) => {
  const node = [...nodes(schemaOf('meshconfig.yaml'), '')].find((candidate) => candidate.path === path);
  expect(node?.schema['description']).toContain(sentence);
});
