import { nodeHttp } from '../base/builtin.ts';

const { STATUS_CODES } = nodeHttp();

/** Standard reason phrase of a status, or '' for an unknown one. */
export function reasonPhrase(status: number): string {
  return STATUS_CODES[status] ?? '';
}
