import { isFieldValue } from '../http/http.ts';
import type { HeaderList, Spelling } from '../http/message.ts';

/**
 * What HTTP/2 cannot say of an HTTP/1 message, as one pseudo-header (`contract/wire.md`, Form). Absent: HTTP/1.1, names in
 * Title-Case, Host first, body by Content-Length or none.
 */
export interface Form {
  readonly version: 10 | 11 | 20;
  /** Index of Host among the headers; undefined: there was none. */
  readonly host: number | undefined;
  readonly spelling: Spelling;
  readonly chunked: boolean;
  /** Responses: the body ends with the connection. */
  readonly close: boolean;
  readonly reason: string;
}

/** What an absent form says. */
export const CANONICAL: Form = {
  version: 11,
  host: 0,
  spelling: 'title',
  chunked: false,
  close: false,
  reason: '',
};

/** A form while it is read. */
type Draft = { -readonly [Member in keyof Form]: Form[Member] };

/** The text of a form, or '' when it is canonical. `hasHost`: a request; `headers` includes `host`. */
export function formText(form: Form, headers: HeaderList, isRequest: boolean): string {
  let text = '';
  if (form.version !== 11) text = form.version === 10 ? ';v10' : ';v20';
  if (isRequest && form.host !== 0) text += form.host === undefined ? ';nohost' : `;host=${form.host}`;
  if (form.spelling === 'lower') text += ';lower';
  else if (form.spelling !== 'title') text += `;names=${namesText(form.spelling, headers)}`;
  if (form.chunked) text += ';chunked';
  if (form.close) text += ';close';
  // Last, because a phrase may hold a semicolon.
  if (form.reason !== '') text += reasonText(form.reason);
  return text === '' ? '' : text.slice(1);
}

function reasonText(phrase: string): string {
  const reason = phrase.replace(/^[ \t]+|[ \t]+$/g, '');
  return reason === '' ? '' : `;reason=${reason}`;
}

/** Each name as spelled; a filter may have changed the headers since: those go as they are. */
function namesText(spelling: readonly string[], headers: HeaderList): string {
  let text = '';
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index]!;
    const spelled = spelling[index >> 1];
    text += `${index === 0 ? '' : ','}${spelled !== undefined && spelled.toLowerCase() === name ? spelled : name}`;
  }
  return text;
}

/** Reads a form; undefined when it is not one: an unknown or repeated item is refused, never guessed at. */
export function parseForm(text: string): Form | undefined {
  const form: Draft = { ...CANONICAL };
  const seen = new Set<string>();
  for (let at = 0; at <= text.length; ) {
    const semicolon = text.indexOf(';', at);
    const isReason = text.startsWith('reason=', at);
    const end = semicolon === -1 || isReason ? text.length : semicolon;
    const kind = applyItem(form, text.slice(at, end));
    if (kind === undefined || seen.has(kind)) return undefined;
    seen.add(kind);
    at = end + 1;
  }
  return form;
}

/** Applies one item and returns its kind; items of one kind exclude each other. */
function applyItem(form: Draft, item: string): string | undefined {
  const equals = item.indexOf('=');
  const name = equals === -1 ? item : item.slice(0, equals);
  const value = equals === -1 ? undefined : item.slice(equals + 1);
  if (value === undefined) return applyFlag(form, name);
  if (name === 'host') return applyHost(form, value);
  if (name === 'names') {
    form.spelling = value.split(',');
    return 'spelling';
  }
  if (name !== 'reason' || value === '' || !isFieldValue(value)) return undefined;
  form.reason = value;
  return 'reason';
}

function applyFlag(form: Draft, name: string): string | undefined {
  switch (name) {
    case 'v10':
    case 'v20':
      form.version = name === 'v10' ? 10 : 20;
      return 'version';
    case 'nohost':
      form.host = undefined;
      return 'host';
    case 'lower':
      form.spelling = 'lower';
      return 'spelling';
    case 'chunked':
      form.chunked = true;
      return 'body';
    case 'close':
      form.close = true;
      return 'body';
    default:
      return undefined;
  }
}

function applyHost(form: Draft, value: string): string | undefined {
  if (!/^[1-9][0-9]{0,3}$/.test(value)) return undefined;
  form.host = Number(value);
  return 'host';
}

/** Whether a spelled list fits the headers: as many, and each the same name. */
export function spellingFits(spelling: Spelling, headers: HeaderList): boolean {
  if (typeof spelling === 'string') return true;
  if (spelling.length * 2 !== headers.length) return false;
  return spelling.every((name, index) => name.toLowerCase() === headers[index * 2]);
}
