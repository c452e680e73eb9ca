import { isIPv4, isIPv6 } from 'node:net';

export function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535;
}

export function isCidr(text: string): boolean {
  const [address = '', bits = '', ...rest] = text.split('/');
  if (rest.length > 0 || !/^\d{1,3}$/.test(bits)) return false;
  if (isIPv4(address)) return Number(bits) <= 32;
  return isIPv6(address) && Number(bits) <= 128;
}

/** Kubernetes quantity: number with an optional binary or decimal suffix. Source: apimachinery resource.Quantity. */
export function isQuantity(text: string): boolean {
  return /^\d+(\.\d+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$/.test(text);
}

/** Bytes (or cores) of a quantity; `isQuantity` must hold. */
export function quantityValue(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([a-zA-Z]*)$/.exec(text);
  return Number(match?.[1] ?? 0) * (FACTORS[match?.[2] ?? ''] ?? 1);
}

const FACTORS: Readonly<Record<string, number>> = {
  m: 0.001,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};
