import { type Slots, trustedRoots } from './slots.ts';

/** PEM of all roots trusted now, the signing one first. Equal slots give equal text. */
export function bundleOf(slots: Slots): string {
  return trustedRoots(slots)
    .map((pem) => `${pem.trim()}\n`)
    .join('');
}

/** The first certificate of a bundle: the root that signed when it was published. Undefined when there is none. */
export function firstRoot(bundle: string): string | undefined {
  return /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.exec(bundle)?.[0];
}
