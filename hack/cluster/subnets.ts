import { createHash } from 'node:crypto';

/** How many clusters fit beside each other: each has a /21 of 10.244.0.0/16 and of 10.96.0.0/16 (16 - 21 bits = 32). */
export const SLOTS = 32;

/** Every address range of one cluster, in CIDR form; IPv6 ranges are unique local ones (RFC 4193). */
export interface Subnets {
  /** Which of the `SLOTS` it is. */
  readonly slot: number;
  /** The wire between this machine and the cluster's namespace. */
  readonly link: {
    readonly v4: string;
    readonly hostV4: string;
    readonly nodeV4: string;
    readonly v6: string;
    readonly hostV6: string;
    readonly nodeV6: string;
  };
  /** 2,048 pod addresses. */
  readonly pods: Family;
  /** 2,048 Service addresses in IPv4, 65,536 in IPv6. */
  readonly services: Family;
  /** The API server's Service: the first address of the range, as Kubernetes takes it. */
  readonly apiService: Family;
  readonly dnsService: Family;
}

export interface Family {
  readonly v4: string;
  readonly v6: string;
}

/** The ranges of a slot. Throws for a slot that does not exist. */
export function subnetsOf(slot: number): Subnets {
  if (!Number.isInteger(slot) || slot < 0 || slot >= SLOTS)
    throw new Error(`there is no subnet slot ${slot}: 0 to ${SLOTS - 1}`);
  const third = slot * 8;
  const ula = `fd68:6564:646c:${slot.toString(16).padStart(2, '0')}`;
  return {
    slot,
    link: {
      v4: `10.88.${slot}.0/30`,
      hostV4: `10.88.${slot}.1`,
      nodeV4: `10.88.${slot}.2`,
      v6: `${ula}02::/64`,
      hostV6: `${ula}02::1`,
      nodeV6: `${ula}02::2`,
    },
    pods: { v4: `10.244.${third}.0/21`, v6: `${ula}00::/64` },
    services: { v4: `10.96.${third}.0/21`, v6: `${ula}01::/112` },
    apiService: { v4: `10.96.${third}.1`, v6: `${ula}01::1` },
    dnsService: { v4: `10.96.${third}.10`, v6: `${ula}01::a` },
  };
}

/** Ranges that must not be in use on this machine for the slot to be taken. IPv4 only: nobody else draws our IPv6 prefix. */
export function claimedV4(subnets: Subnets): readonly string[] {
  return [subnets.link.v4, subnets.pods.v4, subnets.services.v4];
}

/** Slots in the order a name tries them: its own one first (from its hash), so that a cluster mostly keeps its addresses. */
export function slotsFor(name: string): readonly number[] {
  const first = createHash('sha256').update(name).digest().readUInt32BE(0) % SLOTS;
  return Array.from({ length: SLOTS }, (_, step) => (first + step) % SLOTS);
}

/** Whether two IPv4 ranges (`a.b.c.d/n`, or a bare address) share an address. Throws for anything else. */
export function overlaps(one: string, other: string): boolean {
  const a = range(one);
  const b = range(other);
  return a.first <= b.last && b.first <= a.last;
}

function range(cidr: string): { first: number; last: number } {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:\/(\d{1,2}))?$/.exec(cidr);
  const octets = match?.slice(1, 5).map(Number) ?? [];
  const bits = Number(match?.[5] ?? 32);
  if (octets.length !== 4 || octets.some((octet) => octet > 255) || bits > 32)
    throw new Error(`not an IPv4 range: ${JSON.stringify(cidr)}`);
  const size = 2 ** (32 - bits);
  const address = octets.reduce((value, octet) => value * 256 + octet, 0);
  const first = Math.floor(address / size) * size;
  return { first, last: first + size - 1 };
}
