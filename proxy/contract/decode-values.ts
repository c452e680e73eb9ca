import { isIP, isIPv4, SocketAddress } from 'node:net';
import { type Decoder, integer, refine, text } from './decoding.ts';
import { parseSpiffeId } from './identity.ts';
import { PASSTHROUGH_KEY, WORKLOAD_KEY } from './snapshot.ts';

/** Decoders of the small values that configuration and messages are made of. */

/** RFC 1123 label or subdomain. */
export const kubernetesName = text({
  least: 1,
  most: 253,
  pattern: /^[a-z0-9](?:[-.a-z0-9]*[a-z0-9])?$/,
  what: 'a Kubernetes name (lower-case letters, digits, "-" and ".")',
});
export const shortText = text({ most: 512 });
export const port = integer(1, 65_535);
/** Longest timer of Node, about 24 days. */
export const milliseconds = integer(0, 2_147_483_647);
/** RFC 9110 section 5.6.2 `token`. */
export const token = text({ least: 1, most: 256, pattern: /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, what: 'an HTTP token' });
export const headerName = text({
  least: 1,
  most: 256,
  pattern: /^[!#$%&'*+\-.^_`|~0-9a-z]+$/,
  what: 'a header name in lower case',
});
export const urlPath = text({ least: 1, most: 4_096, pattern: /^\//, what: 'a path that starts with "/"' });
/** Content hashes and other names that are only compared. */
export const version = text({ least: 1, most: 128 });

export const address: Decoder<string> = refine(text({ least: 2, most: 45 }), (value) =>
  isCanonicalAddress(value) ? [] : [{ path: '', message: `must be a canonical IP address, is "${value}"` }],
);

export const cidr: Decoder<string> = refine(text({ least: 4, most: 49 }), (value) =>
  isCidr(value) ? [] : [{ path: '', message: `must be a CIDR such as 10.0.0.0/8, is "${value}"` }],
);

export const spiffeId: Decoder<string> = refine(text({ least: 1, most: 1_024 }), (value) =>
  parseSpiffeId(value) === undefined
    ? [{ path: '', message: `must be spiffe://<trust domain>/ns/<namespace>/sa/<service account>, is "${value}"` }]
    : [],
);

const SERVICE_KEY = /^service\/[a-z0-9][-.a-z0-9]{0,252}\/[a-z0-9][-.a-z0-9]{0,252}$/;

export const key: Decoder<string> = refine(text({ least: 1, most: 600 }), (value) =>
  isKey(value)
    ? []
    : [
        {
          path: '',
          message: `must be workload, passthrough, service/<namespace>/<name> or pod/<address>, is "${value}"`,
        },
      ],
);

export function isKey(value: string): boolean {
  if (value === WORKLOAD_KEY || value === PASSTHROUGH_KEY || SERVICE_KEY.test(value)) return true;
  return value.startsWith('pod/') && isCanonicalAddress(value.slice('pod/'.length));
}

/** Dotted IPv4, or IPv6 as RFC 5952 writes it, without a zone and not v4-mapped: lookups compare text. */
export function isCanonicalAddress(value: string): boolean {
  if (isIPv4(value)) return true;
  if (isIP(value) !== 6 || value.includes('%') || value.startsWith('::ffff:')) return false;
  return new SocketAddress({ address: value, family: 'ipv6' }).address === value;
}

function isCidr(value: string): boolean {
  const slash = value.indexOf('/');
  const family = isIP(value.slice(0, slash));
  const bits = value.slice(slash + 1);
  return slash > 0 && family !== 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128);
}
