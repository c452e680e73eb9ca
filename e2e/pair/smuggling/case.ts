/**
 * One attack: bytes that stand in front of a request which the attacker wants to hide. `ID` in it becomes the case's number.
 * - `through`: everybody reads the same `requests` and after them the hidden one, which is then not hidden;
 * - `refused`: the `requests` are read by everybody, then the connection ends with a refusal and nobody sees the hidden one;
 * - `last`: as `refused`, but the connection ends in good order;
 * - `waiting`: the hidden request is part of a body that is not complete, for everybody.
 */
export interface Attack {
  readonly name: string;
  readonly bytes: string;
  readonly outcome: 'through' | 'refused' | 'last' | 'waiting';
  /** Bytes of the bodies of the requests that are complete before the outcome. */
  readonly bodies: readonly number[];
}

export const HOST = 'Host: shop.test\r\n';

export function attack(name: string, bytes: string, outcome: Attack['outcome'], ...bodies: number[]): Attack {
  return { name, bytes, outcome, bodies };
}

/** Through with a body of `bytes` when legal, else refused. */
export function judged(name: string, bytes: string, legal: boolean, bodyBytes = 0): Attack {
  return legal ? attack(name, bytes, 'through', bodyBytes) : attack(name, bytes, 'refused');
}
