import type { ResponseHead } from '../http/http.ts';
import { copyRegular, digits, type Malformed, malformed, neverTravels, splitFields } from './wire-fields.ts';
import { canonicalForm, type Form, formText, parseForm, spellingFits } from './wire-form.ts';

const PSEUDO: ReadonlySet<string> = new Set([':status', ':heddle-form', ':heddle-unprocessed']);

export interface DecodedResponse {
  readonly kind: 'response';
  readonly head: ResponseHead;
  /** The proxy made it itself, and the application has not seen the request. */
  readonly unprocessed: boolean;
}

/** What a response answers, as far as it matters for reading it. */
export interface Asked {
  readonly method: string;
  readonly upgrade: string | undefined;
}

/** A response as a header list for the wire. */
export function encodeResponse(head: ResponseHead, unprocessed: boolean): string[] {
  const list = [':status', String(head.status)];
  const form = formText(
    {
      ...canonicalForm(),
      version: head.version,
      spelling: head.spelling,
      chunked: head.framing === 'chunked',
      close: head.framing === 'close',
      reason: head.reason,
    },
    head.headers,
    false,
  );
  if (form !== '') list.push(':heddle-form', form);
  if (unprocessed) list.push(':heddle-unprocessed', '1');
  for (let index = 0; index < head.headers.length; index += 2) {
    const name = head.headers[index]!;
    if (!neverTravels(name)) list.push(name, head.headers[index + 1]!);
  }
  return list;
}

/** Reads a response to `asked`. `ended`: END_STREAM came with the head. */
export function decodeResponse(list: readonly string[], asked: Asked, ended: boolean): DecodedResponse | Malformed {
  const split = splitFields(list, PSEUDO);
  if (typeof split === 'string') return malformed(split);
  const { pseudo, regular } = split;
  const status = digits(pseudo.get(':status') ?? '', 999);
  if (status < 100) return malformed('a :status that is not a number from 100 to 999');
  const text = pseudo.get(':heddle-form');
  const form = text === undefined ? canonicalForm() : parseForm(text);
  if (form === undefined || form.host !== 0) return malformed('a :heddle-form that is not one of a response');
  const unprocessed = pseudo.get(':heddle-unprocessed');
  if (unprocessed !== undefined && unprocessed !== '1') return malformed('a :heddle-unprocessed other than 1');
  const headers: string[] = [];
  const length = copyRegular(list, regular, headers);
  if (typeof length === 'string') return malformed(length);
  if (!spellingFits(form.spelling, headers)) return malformed('names in :heddle-form that are not those of the fields');
  const framing = framingOf(status, asked, form, length, ended);
  if (framing === undefined) return malformed('a response whose body is announced in no way or in two');
  const contentLength = framing === 'length' ? length : 0;
  const { reason, version, spelling } = form;
  return {
    kind: 'response',
    unprocessed: unprocessed === '1',
    head: { status, reason, version, headers, spelling, framing, contentLength },
  };
}

/** RFC 9112 6.3, in its order; undefined: contradicts itself. */
function framingOf(
  status: number,
  asked: Asked,
  form: Form,
  length: number,
  ended: boolean,
): ResponseHead['framing'] | undefined {
  if (isTunnelStart(status, asked)) return length === -1 && !form.chunked && !form.close ? 'tunnel' : undefined;
  // 101 answers an upgrade only; other 1xx are never the end.
  if (status === 101 || (status < 200 && ended)) return undefined;
  if (status < 200) return length === -1 && !form.chunked && !form.close ? 'none' : undefined;
  if (asked.method === 'HEAD' || status === 204 || status === 304) return 'none';
  if (form.chunked || form.close) return length === -1 ? (form.close ? 'close' : 'chunked') : undefined;
  if (length !== -1) return ended && length > 0 ? undefined : 'length';
  return ended ? 'none' : undefined;
}

/** This status turns the streams into raw bytes both ways. */
export function isTunnelStart(status: number, asked: Asked): boolean {
  if (status === 101) return asked.upgrade !== undefined;
  return asked.method === 'CONNECT' && status >= 200 && status < 300;
}
