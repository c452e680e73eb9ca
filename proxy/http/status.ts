import { STATUS_CODES } from 'node:http';

/** Standard reason phrase of a status, or '' for an unknown one. */
export function reasonPhrase(status: number): string {
  return STATUS_CODES[status] ?? '';
}
