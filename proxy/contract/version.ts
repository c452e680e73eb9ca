import { createHash } from 'node:crypto';

/** Version of the configuration contract. A proxy names the one it speaks in `hello`. */
export const CONTRACT_VERSION = 1;

/** JSON with sorted object keys and no undefined members: equal values give equal text. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`);
  return `{${members.join(',')}}`;
}

/** Content hash of a canonical text: 16 hex digits of SHA-256. */
export function contentVersion(canonical: string): string {
  return createHash('sha256').update(canonical).digest('hex').slice(0, 16);
}
