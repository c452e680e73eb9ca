import { readFile, writeFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { compile, type JSONSchema } from 'json-schema-to-typescript';
import { parse } from 'yaml';

/** Writes `crds/gen/types.ts` and `crds/gen/schemas.ts` from the CustomResourceDefinitions: `npm run generate`. */

const CRDS = new URL('../crds/', import.meta.url);
const FILES = ['meshpolicy.yaml', 'meshaccesspolicy.yaml', 'meshconfig.yaml'];
const BANNER = '// Made from crds/*.yaml by hack/gen-crd-types.ts (npm run generate). Do not edit.';

const METADATA = `/** The part of the object metadata that Heddle reads. */
export interface ObjectMeta {
  name: string;
  namespace?: string;
  uid: string;
  generation: number;
  resourceVersion?: string;
  /** ISO 8601. */
  creationTimestamp: string;
  deletionTimestamp?: string;
  labels?: { [k: string]: string };
  annotations?: { [k: string]: string };
}`;

type Schema = { [member: string]: unknown };
type Definitions = Map<string, Schema>;

interface Kind {
  readonly kind: string;
  readonly spec: string;
  readonly status: string;
}

/** File names under `crds/gen/` to their texts. */
export async function generateAll(): Promise<Record<string, string>> {
  return { 'types.ts': await generateTypes(), 'schemas.ts': await generateSchemas() };
}

/** The schema of each kind as a value, for checks without an API server. */
async function generateSchemas(): Promise<string> {
  const schemas: Record<string, unknown> = {};
  for (const file of FILES) {
    const definition: unknown = parse(await readFile(new URL(file, CRDS), 'utf8'));
    schemas[readKindName(definition)] = withoutDescriptions(readSchema(definition));
  }
  const value = JSON.stringify(schemas, undefined, 1);
  return `${BANNER}\n\n/** OpenAPI v3 schemas of our kinds, without descriptions. */\nexport const SCHEMAS: Readonly<Record<string, object>> = ${value};\n`;
}

/** The text of `gen/types.ts`. Throws where two sub-schemas with the same title differ: a repeated section has drifted. */
async function generateTypes(): Promise<string> {
  const definitions: Definitions = new Map();
  const kinds: Kind[] = [];
  for (const file of FILES) kinds.push(readKind(parse(await readFile(new URL(file, CRDS), 'utf8')), definitions));
  const root: JSONSchema = {
    title: 'Unused',
    type: 'object',
    additionalProperties: false,
    definitions: Object.fromEntries(definitions),
  };
  const text = await compile(root, 'Unused', {
    additionalProperties: false,
    bannerComment: BANNER,
    ignoreMinAndMaxItems: true,
    unreachableDefinitions: true,
    style: { singleQuote: true, printWidth: 120 },
  });
  return [tidy(text), METADATA, ...kinds.map(objectInterface), ''].join('\n\n');
}

function readKind(definition: unknown, definitions: Definitions): Kind {
  const properties = member(readSchema(definition), 'properties');
  return {
    kind: readKindName(definition),
    spec: lift(member(properties, 'spec'), definitions),
    status: lift(member(properties, 'status'), definitions),
  };
}

function readKindName(definition: unknown): string {
  return String(member(member(member(definition, 'spec'), 'names'), 'kind'));
}

function readSchema(definition: unknown): unknown {
  const version = member(member(member(definition, 'spec'), 'versions'), '0');
  return member(member(version, 'schema'), 'openAPIV3Schema');
}

/** A property may be called `description`; only texts go. */
function withoutDescriptions(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDescriptions);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(
        ([name, child]) =>
          name !== 'x-kubernetes-validations' && !(name === 'description' && typeof child === 'string'),
      )
      .map(([name, child]) => [name, withoutDescriptions(child)]),
  );
}

/** Moves a titled schema into the definitions and returns its title. */
function lift(schema: unknown, definitions: Definitions): string {
  if (!isObject(schema) || typeof schema['title'] !== 'string') throw new Error('spec and status need a title');
  define(schema['title'], schema, definitions);
  return schema['title'];
}

function define(title: string, schema: Schema, definitions: Definitions): void {
  const own = references(schema, definitions);
  const known = definitions.get(title);
  if (known !== undefined && !isDeepStrictEqual(known, own)) {
    throw new Error(
      `two schemas titled ${title} differ: a section that stands in several places must be the same in all`,
    );
  }
  definitions.set(title, own);
}

/** The schema with titled children replaced by references; a `title` beside `description` names an interface. */
function references(schema: Schema, definitions: Definitions): Schema {
  const visit = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(visit);
    if (!isObject(value)) return value;
    const title = value['title'];
    if (typeof title === 'string' && value['type'] === 'object') {
      define(title, value, definitions);
      return { $ref: `#/definitions/${title}` };
    }
    return Object.fromEntries(
      Object.entries(value)
        .filter(([name]) => !name.startsWith('x-kubernetes-') && name !== 'pattern' && name !== 'format')
        .map(([name, child]) => [name, visit(child)]),
    );
  };
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([name]) => !name.startsWith('x-kubernetes-'))
      .map(([name, child]) => [name, visit(child)]),
  );
}

/** Without the empty root interface and the remarks about where a type came from. */
function tidy(text: string): string {
  return text
    .replace(/export interface Unused \{\}\n/, '')
    .replace(/ \*\n \* This interface was referenced by [^\n]*\n \* via the `definition` [^\n]*\n/g, '')
    .replace(/\/\*\*\n \* This interface was referenced by [^\n]*\n \* via the `definition` [^\n]*\n \*\/\n/g, '')
    .trim();
}

function objectInterface({ kind, spec, status }: Kind): string {
  return `export interface ${kind} {
  apiVersion: 'heddle.dev/v1alpha1';
  kind: '${kind}';
  metadata: ObjectMeta;
  spec: ${spec};
  status?: ${status};
}`;
}

function isObject(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function member(value: unknown, name: string): unknown {
  if (Array.isArray(value)) return value[Number(name)];
  if (!isObject(value)) throw new Error(`no ${name}`);
  return value[name];
}

if (import.meta.main) {
  for (const [file, text] of Object.entries(await generateAll())) await writeFile(new URL(`gen/${file}`, CRDS), text);
}
